//! PostgreSQL that dies, stalls or is too busy: an error that says so, soon, and no harm afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::Settings;

/// Ends every connection to this schema but the one that does it.
async fn kill_connections(scratch: &Scratch) {
    let search_path = scratch.url().rsplit("%3D").next().unwrap();
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE pid <> pg_backend_pid() AND pid IN (SELECT pid FROM pg_locks JOIN pg_class ON relation = pg_class.oid
             JOIN pg_namespace ON relnamespace = pg_namespace.oid WHERE nspname = $1)",
    )
    .bind(search_path)
    .execute(&pool(scratch).await)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_is_an_unknown_outcome_and_leaves_nothing_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let store = crate::open(scratch.url()).await.unwrap();
    let alice = person("alice");
    let mut tx = store.begin().await.unwrap();
    tx.accounts().deposit(&alice, "USD", 5, &entry()).await.unwrap();
    kill_connections(&scratch).await;
    let lost = tx.commit().await.unwrap_err();
    assert!(matches!(lost, StoreError::Database(_)) && lost.is_passing(), "{lost:?}");
    assert_eq!(balance(&*store, &alice).await, None);
    assert_eq!(deposit(&*store, &alice, 1).await.unwrap(), 1, "the pool has replaced it");
}

#[tokio::test]
async fn a_lock_is_waited_for_no_longer_than_a_statement_may_take_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let mut settings = Settings::new(scratch.url());
    settings.statement_timeout = Duration::from_millis(200);
    let store = crate::open_with(&settings).await.unwrap();
    let alice = person("alice");
    let mut holder = store.begin().await.unwrap();
    holder.accounts().deposit(&alice, "USD", 5, &entry()).await.unwrap();
    let (begun, refused) = (Instant::now(), deposit(&*store, &alice, 1).await);
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    holder.commit().await.unwrap();
    assert_eq!(deposit(&*store, &alice, 1).await.unwrap(), 6);
}

#[tokio::test]
async fn a_connection_is_waited_for_no_longer_than_set_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let mut settings = Settings::new(scratch.url());
    (settings.max_connections, settings.acquire_timeout) = (1, Duration::from_millis(500));
    let store = crate::open_with(&settings).await.unwrap();
    let only = store.begin().await.unwrap();
    let (begun, refused) = (Instant::now(), store.begin().await.map(|_| ()));
    assert!(matches!(refused, Err(StoreError::Database(sqlx::Error::PoolTimedOut))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(only);
    store.begin().await.unwrap();
}

#[tokio::test]
async fn a_transaction_whose_client_falls_silent_holds_nobody_up_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let mut settings = Settings::new(scratch.url());
    settings.idle_in_transaction_timeout = Duration::from_millis(300);
    let store = crate::open_with(&settings).await.unwrap();
    let alice = person("alice");
    let mut silent = store.begin().await.unwrap();
    silent.accounts().deposit(&alice, "USD", 5, &entry()).await.unwrap();
    assert_eq!(deposit(&*store, &alice, 1).await.unwrap(), 1);
    let refused = silent.commit().await;
    assert!(matches!(refused, Err(StoreError::Database(_))), "{refused:?}");
    assert_eq!(balance(&*store, &alice).await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_vanished_is_given_up_and_found_again_on_postgres() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let line = Line::to(scratch.url()).await;
    let mut settings = Settings::new(&line.url);
    (settings.statement_timeout, settings.acquire_timeout) = (Duration::from_millis(300), Duration::from_secs(1));
    settings.idle_in_transaction_timeout = Duration::from_secs(1);
    let store = crate::open_with(&settings).await.unwrap();
    let alice = person("alice");
    let mut tx = store.begin().await.unwrap();
    tx.accounts().deposit(&alice, "USD", 5, &entry()).await.unwrap();
    line.open.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    let lost = tx.commit().await;
    assert!(matches!(lost, Err(StoreError::Database(_))), "{lost:?}");
    assert!(matches!(store.ping().await, Err(StoreError::Database(_))));
    assert!(matches!(store.begin().await.map(|_| ()), Err(StoreError::Database(_))));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    line.open.store(true, Ordering::Relaxed);
    // The server keeps the lock of the transaction it lost until that has been idle too long.
    let found = async {
        loop {
            if let Ok(balance) = deposit(&*store, &alice, 1).await {
                return balance;
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(20), found).await.unwrap(), 1, "the lost one left nothing");
}

/// Money in and out while the server is killed and comes back: what was answered is booked, and nothing else but what
/// a lost answer may hide.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "kills the server everybody uses; e2e/postgres/run.sh runs it alone"]
async fn what_postgres_answered_survives_its_death_and_the_pool_recovers() {
    let Some(scratch) = Scratch::postgres().await.unwrap() else { return };
    let restart = std::env::var("DASVID_TEST_POSTGRES_RESTART").unwrap();
    let store = crate::open(scratch.url()).await.unwrap();
    let alice = person("alice");
    let stop = Arc::new(AtomicBool::new(false));
    let mut tellers = JoinSet::new();
    for _ in 0..4 {
        let (store, alice, stop) = (store.clone(), alice.clone(), stop.clone());
        tellers.spawn(async move { deposit_until(&*store, &alice, &stop).await });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let done = tokio::process::Command::new(restart).status().await.unwrap();
    assert!(done.success());
    let back = async {
        while store.ping().await.is_err() {}
        deposit(&*store, &alice, 1_000_000).await
    };
    tokio::time::timeout(Duration::from_secs(10), back).await.unwrap().unwrap();
    stop.store(true, Ordering::Relaxed);
    let (mut answered, mut unknown) = (1_000_000, 0);
    for (good, lost) in tellers.join_all().await {
        (answered, unknown) = (answered + good, unknown + lost);
    }
    let books = balance(&*store, &alice).await.unwrap();
    assert!((answered..=answered + unknown).contains(&books), "{answered} answered, {unknown} unknown, {books} booked");
    assert!(unknown > 0, "nobody noticed");
    let ledger = store.read().await.unwrap().accounts().ledger(&alice, u32::MAX >> 1).await.unwrap();
    assert_eq!(ledger.iter().map(|row| row.minor).sum::<i64>(), books);
}

/// How many deposits were answered, and how many may or may not have happened.
async fn deposit_until(store: &dyn Store, person: &Person, stop: &AtomicBool) -> (i64, i64) {
    let (mut answered, mut unknown) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        match deposit(store, person, 1).await {
            Ok(_) => answered += 1,
            Err(StoreError::Database(_)) => unknown += 1,
            Err(error) => panic!("neither booked nor unavailable: {error:?}"),
        }
    }
    (answered, unknown)
}

/// A line to the server that can be cut without either side being told.
struct Line {
    url: String,
    open: Arc<AtomicBool>,
}

impl Line {
    async fn to(url: &str) -> Self {
        let listener = TcpListener::bind("localhost:0").await.unwrap();
        let mut far: url::Url = url.parse().unwrap();
        let server = format!("{}:{}", far.host_str().unwrap(), far.port().unwrap());
        far.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let open = Arc::new(AtomicBool::new(true));
        let switch = open.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(&server).await else { continue };
                let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                // What was made before a cut stays silent for ever, as after a host is gone.
                let alive = Arc::new(AtomicBool::new(true));
                tokio::spawn(carry(from_near, to_far, switch.clone(), alive.clone()));
                tokio::spawn(carry(from_far, to_near, switch.clone(), alive));
            }
        });
        Self { url: far.to_string(), open }
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    open: Arc<AtomicBool>,
    alive: Arc<AtomicBool>,
) {
    let mut buffer = [0; 16_384];
    while let Ok(read) = from.read(&mut buffer).await {
        if !open.load(Ordering::Relaxed) {
            alive.store(false, Ordering::Relaxed);
        }
        if !alive.load(Ordering::Relaxed) {
            // Neither closed nor answered.
            std::future::pending::<()>().await;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
