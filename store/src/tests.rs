//! Every backend passes the conformance suite, and SQLite keeps what it promised.

mod migrations;
mod postgres;
mod transfers;

use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use crate::{Entry, Event, Moment, Person, Store, StoreError, conformance};

const NOW: Moment = Moment(1_700_000_000_000_001);

async fn sqlite(folder: &TempDir) -> Arc<dyn Store> {
    let path = folder.path().join("bank.db");
    crate::open(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_conforms() {
    conformance::check_all(crate::open("memory:").await.unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_a_file_conforms() {
    let folder = TempDir::new().unwrap();
    conformance::check_all(sqlite(&folder).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_conforms() {
    conformance::check_all(crate::open("sqlite::memory:").await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn refuses_an_address_of_an_unknown_backend() {
    for url in ["", "memory", "memory:bank", "bank.db", "mysql://localhost/bank", "postgres"] {
        assert!(matches!(crate::open(url).await, Err(StoreError::Url)), "{url}");
    }
}

#[tokio::test]
async fn refuses_a_file_that_is_not_there_without_rwc() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/none.db", folder.path().display());
    assert!(matches!(crate::open(&url).await, Err(StoreError::Database(_))));
}

#[tokio::test]
async fn survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let alice = Person::new("https://idp.example", "alice");
    let event = Event::new("bank-deposit", "alice".into(), 5.into(), None, NOW);
    {
        let store = sqlite(&folder).await;
        let mut tx = store.begin().await.unwrap();
        tx.accounts().deposit(&alice, "USD", 5, &Entry::new("deposit", None, NOW)).await.unwrap();
        tx.emit(&event).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.accounts().deposit(&alice, "USD", 6, &Entry::new("deposit", None, NOW)).await.unwrap();
    }
    let mut tx = sqlite(&folder).await.read().await.unwrap();
    assert_eq!(tx.accounts().balance(&alice, "USD").await.unwrap(), Some(5));
    assert_eq!(tx.pending_events(10).await.unwrap().first().map(|pending| &pending.event), Some(&event));
}

#[tokio::test]
async fn readers_wait_for_no_writer() {
    let folder = TempDir::new().unwrap();
    for store in [sqlite(&folder).await, crate::open("memory:").await.unwrap()] {
        let alice = Person::new("https://idp.example", "alice");
        let mut writer = store.begin().await.unwrap();
        writer.accounts().deposit(&alice, "USD", 5, &Entry::new("deposit", None, NOW)).await.unwrap();
        let mut reader = store.read().await.unwrap();
        assert_eq!(reader.accounts().balance(&alice, "USD").await.unwrap(), None);
        writer.commit().await.unwrap();
        assert_eq!(reader.accounts().balance(&alice, "USD").await.unwrap(), None, "a snapshot does not move");
        assert_eq!(store.read().await.unwrap().accounts().balance(&alice, "USD").await.unwrap(), Some(5));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn processes_that_start_at_once_on_a_new_file_all_come_up() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("bank.db").display());
        let mut starts = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let url = url.clone();
            starts.spawn(async move { crate::open(&url).await.map(|_| ()) });
        }
        for start in starts.join_all().await {
            start.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_a_file() {
    let folder = TempDir::new().unwrap();
    let stores = [sqlite(&folder).await, sqlite(&folder).await];
    let alice = Person::new("https://idp.example", "alice");
    let mut deposits = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (store, alice) = (stores[n % 2].clone(), alice.clone());
        deposits.spawn(async move {
            let mut tx = store.begin().await.unwrap();
            tx.accounts().deposit(&alice, "USD", 1, &Entry::new("deposit", None, NOW)).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
    deposits.join_all().await;
    let mut tx = stores[0].read().await.unwrap();
    assert_eq!(tx.accounts().balance(&alice, "USD").await.unwrap(), Some(40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_leaves_nothing_and_blocks_nobody() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder).await;
    let alice = Person::new("https://idp.example", "alice");
    for delay in (0..2_000).step_by(50) {
        let deposit = async {
            let mut tx = store.begin().await?;
            tx.accounts().deposit(&alice, "USD", 1, &Entry::new("deposit", None, NOW)).await?;
            tx.emit(&Event::new("bank-deposit", "alice".into(), 1.into(), None, NOW)).await?;
            tx.commit().await
        };
        let _cut_short = tokio::time::timeout(std::time::Duration::from_micros(delay), deposit).await;
    }
    let mut tx = store.begin().await.unwrap();
    let balance = tx.accounts().balance(&alice, "USD").await.unwrap().unwrap_or(0);
    let events = tx.pending_events(1_000).await.unwrap().len();
    assert_eq!(usize::try_from(balance).unwrap(), events, "money and events go together");
}

/// One step of a random history: who, which currency, how much, whether it is committed.
fn step() -> impl Strategy<Value = (usize, usize, i64, bool)> {
    (0..3_usize, 0..2_usize, prop_oneof![-3..1_000_i64, Just(i64::MAX), Just(i64::MAX / 2)], any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn balances_are_the_sum_of_their_ledger(history in prop::collection::vec(step(), 0..40)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            for url in ["memory:", "sqlite::memory:"] {
                let store = crate::open(url).await.unwrap();
                replay(&*store, &history).await;
            }
        });
    }
}

async fn replay(store: &dyn Store, history: &[(usize, usize, i64, bool)]) {
    let people = ["alice", "bob", "carol"].map(|name| Person::new("https://idp.example", name));
    let currencies = ["USD", "EUR"];
    let mut expected = [[0_i64; 2]; 3];
    for &(who, which, minor, commits) in history {
        let mut tx = store.begin().await.unwrap();
        let entry = Entry::new("deposit", None, NOW);
        let done = tx.accounts().deposit(&people[who], currencies[which], minor, &entry).await;
        let sum = expected[who][which].checked_add(minor).filter(|_| minor > 0);
        assert_eq!(done.ok(), sum);
        if let (Some(sum), true) = (sum, commits) {
            tx.commit().await.unwrap();
            expected[who][which] = sum;
        }
    }
    let mut tx = store.read().await.unwrap();
    for (person, expected) in people.iter().zip(expected) {
        let ledger = tx.accounts().ledger(person, u32::MAX).await.unwrap();
        for (currency, expected) in currencies.iter().zip(expected) {
            let sum: i64 = ledger.iter().filter(|row| row.currency == *currency).map(|row| row.minor).sum();
            assert_eq!(sum, expected);
            assert_eq!(tx.accounts().balance(person, currency).await.unwrap().unwrap_or(0), expected);
        }
    }
}
