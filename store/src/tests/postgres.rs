//! What PostgreSQL alone promises. Skipped, visibly, where the environment names no server.

mod faults;

use std::sync::Arc;

use sqlx::{AssertSqlSafe, PgPool};
use tokio::task::JoinSet;

use super::NOW;
use crate::conformance::{self, Scratch};
use crate::{Entry, Event, Person, Store, StoreError, retry};

async fn pool(scratch: &Scratch) -> PgPool {
    PgPool::connect(scratch.url()).await.unwrap()
}

fn event() -> Event {
    Event::new("bank-deposit", "alice".into(), 5.into(), None, NOW)
}

fn entry() -> Entry {
    Entry::new("deposit", None, NOW)
}

fn person(name: &str) -> Person {
    Person::new("https://idp.example", name)
}

async fn deposit(store: &dyn Store, person: &Person, minor: i64) -> Result<i64, StoreError> {
    retry(|| async {
        let mut tx = store.begin().await?;
        let balance = tx.accounts().deposit(person, "USD", minor, &entry()).await?;
        tx.commit().await?;
        Ok(balance)
    })
    .await
}

async fn balance(store: &dyn Store, person: &Person) -> Option<i64> {
    store.read().await.unwrap().accounts().balance(person, "USD").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_conforms() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    conformance::check_all(scratch.open().await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn postgres_takes_a_password_from_elsewhere() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let (user, rest) = scratch.url().rsplit_once('@').unwrap();
    let (user, password) = user.rsplit_once(':').unwrap();
    let mut settings = crate::Settings::new(format!("{user}:wrong@{rest}"));
    let refused = crate::open_with(&settings).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::Database(_)), "{refused:?}");
    settings.password = Some(password.to_owned().into());
    crate::open_with(&settings).await.unwrap().ping().await.unwrap();
    assert!(!format!("{settings:?}").contains(password));
}

#[tokio::test]
async fn postgres_answers_on_a_socket() {
    let Some(_) = Scratch::postgres().await.unwrap() else { return };
    let Ok(url) = std::env::var("DASVID_TEST_POSTGRES_SOCKET") else { return };
    PgPool::connect(&url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_on_an_empty_postgres_all_come_up() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let mut starts = JoinSet::new();
    for _ in 0..6 {
        let url = scratch.url().to_owned();
        starts.spawn(async move { crate::open(&url).await });
    }
    for store in starts.join_all().await {
        deposit(&*store.unwrap(), &person("alice"), 1).await.unwrap();
    }
    let store = crate::open(scratch.url()).await.unwrap();
    assert_eq!(balance(&*store, &person("alice")).await, Some(6));
}

#[tokio::test]
async fn two_who_each_rely_on_what_the_other_changes_cannot_both_commit_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let store = crate::open(scratch.url()).await.unwrap();
    let (alice, bob) = (person("alice"), person("bob"));
    for person in [&alice, &bob] {
        deposit(&*store, person, 1).await.unwrap();
    }
    let (mut one, mut two) = (store.begin().await.unwrap(), store.begin().await.unwrap());
    one.accounts().balance(&bob, "USD").await.unwrap();
    two.accounts().balance(&alice, "USD").await.unwrap();
    let first = async {
        one.accounts().deposit(&alice, "USD", 1, &entry()).await?;
        one.commit().await
    };
    first.await.unwrap();
    let second = async {
        two.accounts().deposit(&bob, "USD", 1, &entry()).await?;
        two.commit().await
    };
    let second = second.await;
    assert!(matches!(second, Err(StoreError::Conflict)), "{second:?}");
    assert_eq!((balance(&*store, &alice).await, balance(&*store, &bob).await), (Some(2), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_who_want_one_account_wait_for_their_turn_and_meet_no_conflict_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let stores = [scratch.open().await.unwrap(), scratch.open().await.unwrap()];
    deposit(&*stores[0], &person("alice"), 1).await.unwrap();
    let mut deposits = JoinSet::new();
    for n in 0..100 {
        let store = stores[n % 2].clone();
        deposits.spawn(async move {
            let alice = person("alice");
            let mut tx = store.begin_for(&[crate::Turn::Person(&alice)]).await?;
            tx.accounts().deposit(&alice, "USD", 1, &entry()).await?;
            if n % 10 == 0 {
                // Gives its turn back all the same.
                return Ok(());
            }
            tx.commit().await
        });
    }
    deposits.join_all().await.into_iter().collect::<Result<Vec<_>, StoreError>>().unwrap();
    assert_eq!(balance(&*stores[0], &person("alice")).await, Some(91));
}

#[tokio::test]
async fn postgres_commits_nothing_after_a_statement_that_failed() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let store = crate::open(scratch.url()).await.unwrap();
    let (alice, entry) = (person("alice"), entry());
    let mut tx = store.begin().await.unwrap();
    tx.accounts().deposit(&alice, "USD", 1, &entry).await.unwrap();
    let repeated = tx.accounts().deposit(&alice, "USD", 1, &entry).await;
    assert!(matches!(repeated, Err(StoreError::Duplicate)), "{repeated:?}");
    let refused = tx.commit().await;
    assert!(matches!(refused, Err(StoreError::Failed)), "{refused:?}");
    assert_eq!(balance(&*store, &alice).await, None);
}

#[tokio::test]
async fn postgres_lists_no_event_while_an_earlier_one_may_still_appear() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let store = crate::open(scratch.url()).await.unwrap();
    let (older, newer) = (event(), event());
    let mut slow = store.begin().await.unwrap();
    slow.emit(&older).await.unwrap();
    let mut quick = store.begin().await.unwrap();
    quick.emit(&newer).await.unwrap();
    quick.commit().await.unwrap();
    assert_eq!(store.read().await.unwrap().pending_events(10).await.unwrap(), []);
    slow.commit().await.unwrap();
    assert_eq!(listed(&*store, 2).await, [older, newer]);
}

/// The pending events, once there are so many: another database of the same cluster may hold them back.
async fn listed(store: &dyn Store, count: usize) -> Vec<Event> {
    loop {
        let pending = store.read().await.unwrap().pending_events(1_000).await.unwrap();
        assert!(pending.is_sorted_by(|a, b| a.sequence < b.sequence));
        if pending.len() >= count {
            return pending.into_iter().map(|pending| pending.event).collect();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn events_keep_their_order_when_postgres_was_restored_into_a_younger_cluster() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let (before, after, last) = (event(), event(), event());
    let store = crate::open(scratch.url()).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.emit(&before).await.unwrap();
    tx.commit().await.unwrap();
    sqlx::query("UPDATE outbox SET sequence = sequence + (1::bigint << 50)")
        .execute(&pool(&scratch).await)
        .await
        .unwrap();
    for event in [&after, &last] {
        let store = crate::open(scratch.url()).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.emit(event).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(listed(&*store, 3).await, [before, after, last]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_appear_in_the_order_of_their_sequences_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let store = crate::open(scratch.url()).await.unwrap();
    let mut recorders = JoinSet::new();
    for n in 0..40 {
        let store = store.clone();
        recorders.spawn(async move { record(&*store, n).await });
    }
    let (mut reached, mut found) = (0, 0);
    while found < 40 {
        for one in store.read().await.unwrap().revocations().after(reached, NOW, 3).await.unwrap() {
            assert_eq!(one.sequence, reached + 1, "one with a lower sequence appeared later, or never");
            (reached, found) = (one.sequence, found + 1);
        }
    }
    recorders.join_all().await.into_iter().collect::<Result<Vec<_>, _>>().unwrap();
}

async fn record(store: &dyn Store, n: u32) -> Result<(), StoreError> {
    let revocation = crate::Revocation {
        scope: "session".into(),
        key: vec![n.to_string()],
        not_after_iat: None,
        cause: "logout".into(),
        txn: None,
        recorded_at: NOW,
        expires: NOW.plus_seconds(60),
    };
    retry(|| async {
        let mut tx = store.begin_for(&[crate::Turn::Revocations]).await?;
        tx.revocations().record(&revocation).await?;
        tokio::task::yield_now().await;
        tx.commit().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_have_nothing_in_common_rarely_conflict_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let store = crate::open(scratch.url()).await.unwrap();
    let people: Vec<_> = (0..8).map(|n| person(&format!("person {n}"))).collect();
    for person in &people {
        deposit(&*store, person, 1).await.unwrap();
    }
    let conflicts = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for person in people {
        let (store, conflicts) = (store.clone(), conflicts.clone());
        tasks.spawn(async move { order_often(&*store, &person, &conflicts).await });
    }
    tasks.join_all().await;
    let conflicts = conflicts.load(std::sync::atomic::Ordering::Relaxed);
    assert!(conflicts <= 40, "{conflicts} conflicts in 400 orders");
}

async fn order_often(store: &dyn Store, person: &Person, conflicts: &std::sync::atomic::AtomicU32) {
    for n in 0..50 {
        let key = crate::OnceKey {
            first_id: uuid::Uuid::new_v4().to_string(),
            route: "POST /v1/deposits".into(),
            person: person.clone(),
            key: n.to_string(),
            body_digest: [1; 32],
        };
        let answer = crate::StoredResponse { status: 201, headers: Vec::new(), body: Vec::new() };
        let order = retry(|| async {
            let run = async {
                let mut tx = store.begin().await?;
                tx.once().insert(&key, NOW.plus_seconds(60)).await?;
                tx.accounts().deposit(person, "USD", 1, &entry()).await?;
                tx.once().complete(&key, &answer).await?;
                tx.emit(&event()).await?;
                tx.commit().await
            };
            run.await.inspect_err(|_| _ = conflicts.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        });
        order.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_the_version_before_keeps_working_on_a_newer_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let running = scratch.open().await.unwrap();
    conformance::check_all(running.clone()).await.unwrap();
    let pool = pool(&scratch).await;
    sqlx::raw_sql(AssertSqlSafe(super::migrations::of_the_next_version())).execute(&pool).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'next', true, '\\x00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    conformance::check_all(running).await.unwrap();
    conformance::check_all(scratch.open().await.unwrap()).await.unwrap();
}
