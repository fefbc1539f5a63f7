//! What every backend must do, as functions that check it.
//!
//! Each takes an open store and may find anything in it: people, keys and identifiers are fresh in every call.
//! A backend passes when [`check_all`] returns.
//!
//! # Panics
//! All of them panic when the store does not do what they check.

#![expect(clippy::missing_panics_doc, reason = "the module says it once for all")]
#![expect(clippy::missing_errors_doc, reason = "an error of the store is a failed check")]

mod accounts;
mod certificates;
mod keys;
mod once;
mod outbox;
mod records;
mod revocations;
mod scratch;
mod transfers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

pub use self::accounts::{
    check_accounts, check_amounts, check_concurrent_deposits, check_currencies, check_ledger, check_people,
};
pub use self::certificates::{check_certificate_limit, check_certificates, check_concurrent_certificates};
pub use self::keys::{check_concurrent_keys_made, check_keys, check_one_key_a_state};
pub use self::once::{check_concurrent_keys, check_links, check_once, check_once_expiry, check_unanswered_entries};
pub use self::outbox::{check_commit_order, check_outbox};
pub use self::records::check_mints;
pub use self::revocations::{check_received, check_revocation_order, check_revocations};
pub use self::scratch::{POSTGRES, Scratch};
pub use self::transfers::{
    check_circles, check_numbers, check_overdraft_race, check_pages, check_refused_transfers, check_transfers,
};
use crate::{Entry, Event, EventState, Moment, PendingEvent, Person, Store, StoreError};

/// Every check there is.
pub async fn check_all(store: Arc<dyn Store>) -> Result<(), StoreError> {
    check_rollback(&*store).await?;
    check_readers(&*store).await?;
    check_accounts(&*store).await?;
    check_amounts(&*store).await?;
    check_currencies(&*store).await?;
    check_people(&*store).await?;
    check_ledger(&*store).await?;
    check_concurrent_deposits(store.clone()).await?;
    check_numbers(&*store).await?;
    check_transfers(&*store).await?;
    check_refused_transfers(&*store).await?;
    check_pages(&*store).await?;
    check_overdraft_race(store.clone()).await?;
    check_circles(store.clone()).await?;
    check_once(&*store).await?;
    check_links(&*store).await?;
    check_once_expiry(&*store).await?;
    check_unanswered_entries(&*store).await?;
    check_concurrent_keys(store.clone()).await?;
    check_outbox(&*store).await?;
    check_commit_order(store.clone()).await?;
    check_mints(&*store).await?;
    check_keys(&*store).await?;
    check_one_key_a_state(&*store).await?;
    check_concurrent_keys_made(store.clone()).await?;
    check_revocations(&*store).await?;
    check_revocation_order(&*store).await?;
    check_received(&*store).await?;
    check_certificates(&*store).await?;
    check_certificate_limit(&*store).await?;
    check_concurrent_certificates(store.clone()).await?;
    store.ping().await
}

const NOW: Moment = Moment(1_700_000_000_123_456);

fn somebody() -> Person {
    Person::new("https://idp.example/realms/bank", Uuid::new_v4().to_string())
}

fn deposit_entry() -> Entry {
    Entry::new("deposit", Some("txn".into()), NOW)
}

fn event_about(person: &Person) -> Event {
    let subject = serde_json::json!({"format": "iss_sub", "iss": person.dpa, "sub": person.dpr});
    Event::new("bank-deposit", subject, serde_json::json!({"minor": 1}), Some("txn".into()), NOW)
}

/// How long an event may be withheld after its commit.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every pending event. One that is committed but not listed yet is waited for.
pub async fn pending(store: &dyn Store) -> Result<Vec<PendingEvent>, StoreError> {
    let begun = Instant::now();
    loop {
        let mut tx = store.read().await?;
        let events = tx.pending_events(u32::MAX).await?;
        if events.len() as u64 == tx.outbox().count(EventState::Pending).await? {
            return Ok(events);
        }
        assert!(begun.elapsed() < PATIENCE, "an event is committed and withheld");
        drop(tx);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn pending_about(store: &dyn Store, person: &Person) -> Result<Vec<PendingEvent>, StoreError> {
    let mut events = pending(store).await?;
    events.retain(|pending| pending.event.subject.get("sub").and_then(Value::as_str) == Some(&person.dpr));
    Ok(events)
}

async fn count_pending_about(store: &dyn Store, person: &Person) -> Result<usize, StoreError> {
    Ok(pending_about(store, person).await?.len())
}

/// A transaction that is dropped leaves nothing: no money, no entry, no event.
pub async fn check_rollback(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    let mut tx = store.begin().await?;
    tx.accounts().deposit(&person, "USD", 5, &deposit_entry()).await?;
    tx.emit(&event_about(&person)).await?;
    assert_eq!(tx.accounts().balance(&person, "USD").await?, Some(5), "a transaction sees its own writes");
    drop(tx);
    assert_eq!(store.read().await?.accounts().balance(&person, "USD").await?, None, "dropped, but money stayed");
    assert_eq!(count_pending_about(store, &person).await?, 0, "dropped, but the event stayed");
    Ok(())
}

/// A reading transaction keeps its snapshot and refuses every write.
pub async fn check_readers(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    let mut tx = store.read().await?;
    assert_eq!(tx.accounts().balance(&person, "USD").await?, None);
    let refused = tx.accounts().deposit(&person, "USD", 5, &deposit_entry()).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    let refused = tx.emit(&event_about(&person)).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    tx.commit().await?;
    assert_eq!(store.read().await?.accounts().balance(&person, "USD").await?, None);
    Ok(())
}
