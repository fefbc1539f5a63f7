//! Transfers keep the sum of all money, and databases from before them are brought up to date.

use sqlx::migrate::Migrator;
use wire::bank::AccountNumber;

use super::*;
use crate::{Transfer, TransferOutcome};

const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

fn person(who: usize) -> Person {
    Person::new("https://idp.example", PEOPLE[who])
}

/// One step of a random history: from whom, to whom, in which currency, how much, whether it is committed.
fn step() -> impl Strategy<Value = (usize, usize, usize, i64, bool)> {
    let amount = prop_oneof![4 => 1..600_i64, 1 => -3..=0_i64, 1 => Just(i64::MAX)];
    (0..4_usize, 0..4_usize, 0..2_usize, amount, prop::bool::weighted(0.8))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn transfers_keep_the_sum_over_all_accounts(history in prop::collection::vec(step(), 0..60)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            for url in ["memory:", "sqlite::memory:"] {
                let store = crate::open(url).await.unwrap();
                replay(&*store, &history).await;
            }
        });
    }
}

/// Everybody but dave has an account in both currencies; dave has dollars only.
async fn open_accounts(store: &dyn Store) -> Vec<AccountNumber> {
    let mut tx = store.begin().await.unwrap();
    let mut numbers = Vec::new();
    for who in 0..PEOPLE.len() {
        for currency in ["USD", "EUR"].into_iter().take(if who == 3 { 1 } else { 2 }) {
            let entry = Entry::new("opening", None, NOW);
            tx.accounts().deposit(&person(who), currency, 1_000, &entry).await.unwrap();
        }
        numbers.push(tx.accounts().number(&person(who)).await.unwrap().unwrap());
    }
    tx.commit().await.unwrap();
    numbers
}

async fn replay(store: &dyn Store, history: &[(usize, usize, usize, i64, bool)]) {
    let numbers = open_accounts(store).await;
    for &(from, to, which, minor, commits) in history {
        let before = sums(store).await;
        let order = Transfer {
            from: person(from),
            to: numbers[to],
            currency: ["USD", "EUR"][which].into(),
            minor,
            note: None,
            sent: Entry::new("transfer-out", None, NOW),
            received: Entry::new("transfer-in", None, NOW),
        };
        let mut tx = store.begin().await.unwrap();
        let holds = tx.accounts().balance(&order.from, &order.currency).await.unwrap();
        let outcome = tx.accounts().transfer(&order).await;
        let may_move = from != to && minor > 0 && holds.is_some_and(|holds| holds >= minor) && (which, to) != (1, 3);
        assert_eq!(matches!(outcome, Ok(TransferOutcome::Done { .. })), may_move, "{outcome:?} of {order:?}");
        if commits && outcome.is_ok() {
            tx.commit().await.unwrap();
        } else {
            drop(tx);
        }
        assert_eq!(sums(store).await, before);
    }
    assert_eq!(sums(store).await, [4_000, 3_000]);
}

/// What there is in each currency, which the ledger confirms.
async fn sums(store: &dyn Store) -> [i64; 2] {
    let mut tx = store.read().await.unwrap();
    let mut sums = [0; 2];
    for who in 0..PEOPLE.len() {
        let ledger = tx.accounts().ledger(&person(who), u32::MAX).await.unwrap();
        for (sum, currency) in sums.iter_mut().zip(["USD", "EUR"]) {
            let balance = tx.accounts().balance(&person(who), currency).await.unwrap().unwrap_or(0);
            let booked: i64 = ledger.iter().filter(|row| row.currency == currency).map(|row| row.minor).sum();
            assert_eq!(balance, booked);
            assert!(balance >= 0);
            *sum += balance;
        }
    }
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_overdraw_nothing() {
    let folder = TempDir::new().unwrap();
    let stores = [sqlite(&folder).await, sqlite(&folder).await];
    let numbers = open_accounts(&*stores[0]).await;
    let mut transfers = tokio::task::JoinSet::new();
    for n in 0..60 {
        let (store, to) = (stores[n % 2].clone(), numbers[1]);
        transfers.spawn(async move {
            let order = Transfer {
                from: person(0),
                to,
                currency: "USD".into(),
                minor: 30,
                note: None,
                sent: Entry::new("transfer-out", None, NOW),
                received: Entry::new("transfer-in", None, NOW),
            };
            let mut tx = store.begin().await.unwrap();
            let outcome = tx.accounts().transfer(&order).await.unwrap();
            tx.commit().await.unwrap();
            matches!(outcome, TransferOutcome::Done { .. })
        });
    }
    let done = transfers.join_all().await.into_iter().filter(|done| *done).count();
    let mut tx = stores[1].read().await.unwrap();
    assert_eq!((done, tx.accounts().balance(&person(0), "USD").await.unwrap()), (33, Some(10)));
    assert_eq!(tx.accounts().balance(&person(1), "USD").await.unwrap(), Some(1_990));
}

#[tokio::test]
async fn a_database_from_before_transfers_is_brought_up_to_date() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite://{}/bank.db?mode=rwc", folder.path().display());
    let migrations = folder.path().join("migrations");
    std::fs::create_dir(&migrations).unwrap();
    std::fs::write(migrations.join("0001_foundation.sql"), include_str!("../../migrations/sqlite/0001_foundation.sql"))
        .unwrap();
    let old = sqlx::SqlitePool::connect(&url).await.unwrap();
    Migrator::new(migrations).await.unwrap().run(&old).await.unwrap();
    for n in 0..500 {
        for currency in ["USD", "EUR"] {
            sqlx::query("INSERT INTO accounts VALUES ('https://idp.example', ?, ?, 100, 0)")
                .bind(format!("person {n}"))
                .bind(currency)
                .execute(&old)
                .await
                .unwrap();
        }
    }
    sqlx::query(
        "INSERT INTO ledger (id, dpa, dpr, currency, kind, minor, balance, created_at)
         VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'https://idp.example', 'person 0', 'USD', 'opening', 100, 100, 0)",
    )
    .execute(&old)
    .await
    .unwrap();
    old.close().await;

    let store = crate::open(&url).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let mut numbers = std::collections::BTreeSet::new();
    for n in 0..500 {
        let person = Person::new("https://idp.example", format!("person {n}"));
        numbers.insert(tx.accounts().number(&person).await.unwrap().unwrap());
    }
    assert_eq!(numbers.len(), 500, "a valid number each");
    let first = Person::new("https://idp.example", "person 0");
    let ledger = tx.accounts().ledger(&first, 10).await.unwrap();
    assert_eq!(ledger.iter().map(|row| (row.minor, row.transfer.is_none())).collect::<Vec<_>>(), [(100, true)]);
    let own = tx.accounts().number(&first).await.unwrap();
    let order = Transfer {
        from: first,
        to: *numbers.iter().find(|number| Some(**number) != own).unwrap(),
        currency: "EUR".into(),
        minor: 100,
        note: None,
        sent: Entry::new("transfer-out", None, NOW),
        received: Entry::new("transfer-in", None, NOW),
    };
    let moved = TransferOutcome::Done { sender: 0, recipient: 200 };
    assert_eq!(tx.accounts().transfer(&order).await.unwrap(), moved);
    tx.commit().await.unwrap();
}
