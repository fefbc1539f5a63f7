//! Checks of rule 12.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{NOW, count_pending_about, deposit_entry, event_about, somebody};
use crate::{IDEMPOTENCY_WINDOW_SECONDS, Moment, OnceKey, OnceOutcome, Store, StoreError, StoredResponse, Turn, retry};

fn key() -> OnceKey {
    OnceKey {
        first_id: Uuid::new_v4().to_string(),
        route: "POST /v1/deposits".into(),
        person: somebody(),
        key: "k1".into(),
        body_digest: [1; 32],
    }
}

fn answer() -> StoredResponse {
    StoredResponse {
        status: 201,
        headers: vec![("content-type".into(), "application/json".into()), ("location".into(), "/x".into())],
        body: b"{\"id\": \"1\",\"odd\":\"\xff\"}".to_vec(),
    }
}

fn expires() -> Moment {
    NOW.plus_seconds(IDEMPOTENCY_WINDOW_SECONDS)
}

async fn insert(store: &dyn Store, key: &OnceKey, expires: Moment) -> Result<OnceOutcome, StoreError> {
    let mut tx = store.begin().await?;
    let outcome = tx.once().insert(key, expires).await?;
    if outcome == OnceOutcome::Fresh {
        tx.once().complete(key, &answer()).await?;
    }
    tx.commit().await?;
    Ok(outcome)
}

/// An equal entry answers what was stored, byte for byte; the key with another body is told apart, and so is
/// the same key of another person or on another route.
pub async fn check_once(store: &dyn Store) -> Result<(), StoreError> {
    let first = key();
    assert_eq!(insert(store, &first, expires()).await?, OnceOutcome::Fresh);
    assert_eq!(insert(store, &first, expires()).await?, OnceOutcome::Same(answer()));

    let other_body = OnceKey { body_digest: [2; 32], ..first.clone() };
    assert_eq!(insert(store, &other_body, expires()).await?, OnceOutcome::KeyReused);
    let other_body = OnceKey { first_id: Uuid::new_v4().to_string(), ..other_body };
    assert_eq!(insert(store, &other_body, expires()).await?, OnceOutcome::KeyReused);
    assert_eq!(insert(store, &first, expires()).await?, OnceOutcome::Same(answer()), "the first answer stays");

    for other in [
        OnceKey { person: somebody(), ..first.clone() },
        OnceKey { route: "POST /v1/transfers".into(), ..first.clone() },
    ] {
        let other = OnceKey { first_id: Uuid::new_v4().to_string(), ..other };
        assert_eq!(insert(store, &other, expires()).await?, OnceOutcome::Fresh, "{other:?}");
    }
    Ok(())
}

/// A first link is spent on one key, also when it came second to that key.
pub async fn check_links(store: &dyn Store) -> Result<(), StoreError> {
    let first = key();
    insert(store, &first, expires()).await?;
    for again in [
        OnceKey { key: "k2".into(), ..first.clone() },
        OnceKey { key: "K1".into(), ..first.clone() },
        OnceKey { route: "POST /v1/transfers".into(), ..first.clone() },
        OnceKey { person: somebody(), ..first.clone() },
    ] {
        assert_eq!(insert(store, &again, expires()).await?, OnceOutcome::Replay, "{again:?}");
    }
    let retried = OnceKey { first_id: Uuid::new_v4().to_string(), ..first };
    assert_eq!(insert(store, &retried, expires()).await?, OnceOutcome::Same(answer()));
    let replayed = OnceKey { key: "k2".into(), ..retried };
    assert_eq!(insert(store, &replayed, expires()).await?, OnceOutcome::Replay);
    Ok(())
}

/// Entries are remembered until they expire, and a link never outlives what is known of its key.
pub async fn check_once_expiry(store: &dyn Store) -> Result<(), StoreError> {
    let first = key();
    insert(store, &first, expires()).await?;
    let retried = OnceKey { first_id: Uuid::new_v4().to_string(), ..first.clone() };
    let later = expires().plus_seconds(60);
    insert(store, &retried, later).await?;

    purge(store, later).await?;
    assert_eq!(insert(store, &retried, later).await?, OnceOutcome::Same(answer()), "purged before its time");
    purge(store, Moment(later.0 + 1)).await?;
    assert_eq!(insert(store, &first, later).await?, OnceOutcome::Fresh);
    Ok(())
}

async fn purge(store: &dyn Store, now: Moment) -> Result<u64, StoreError> {
    let mut tx = store.begin().await?;
    let forgotten = tx.once().purge(now).await?;
    tx.commit().await?;
    Ok(forgotten)
}

/// An entry without a response is never committed, and a response needs an entry.
pub async fn check_unanswered_entries(store: &dyn Store) -> Result<(), StoreError> {
    let key = key();
    let mut tx = store.begin().await?;
    let refused = tx.once().complete(&key, &answer()).await;
    assert!(matches!(refused, Err(StoreError::NoEntry(_))), "{refused:?}");
    tx.once().insert(&key, expires()).await?;
    let refused = tx.commit().await;
    assert!(matches!(refused, Err(StoreError::Incomplete(_))), "{refused:?}");
    assert_eq!(insert(store, &key, expires()).await?, OnceOutcome::Fresh, "nothing was committed");

    let mut tx = store.begin().await?;
    tx.once().insert(&key, expires()).await?;
    let refused = tx.once().complete(&key, &answer()).await;
    assert!(matches!(refused, Err(StoreError::NoEntry(_))), "an answer is given once: {refused:?}");
    Ok(())
}

/// One key, twenty requests at once, every one with a chain of its own: one effect, one answer.
pub async fn check_concurrent_keys(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let first = key();
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let (store, key) = (store.clone(), OnceKey { first_id: Uuid::new_v4().to_string(), ..first.clone() });
        requests.spawn(async move { deposit_once(&*store, &key).await });
    }
    let mut fresh = 0;
    for outcome in requests.join_all().await {
        match outcome? {
            OnceOutcome::Fresh => fresh += 1,
            outcome => assert_eq!(outcome, OnceOutcome::Same(answer())),
        }
    }
    assert_eq!(fresh, 1);
    assert_eq!(store.read().await?.accounts().balance(&first.person, "USD").await?, Some(5));
    assert_eq!(count_pending_about(&*store, &first.person).await?, 1);
    Ok(())
}

async fn deposit_once(store: &dyn Store, key: &OnceKey) -> Result<OnceOutcome, StoreError> {
    retry(|| async {
        let mut tx = store.begin_for(&[Turn::Person(&key.person)]).await?;
        let outcome = tx.once().insert(key, expires()).await?;
        if outcome == OnceOutcome::Fresh {
            tx.accounts().deposit(&key.person, "USD", 5, &deposit_entry()).await?;
            tx.emit(&event_about(&key.person)).await?;
            tx.once().complete(key, &answer()).await?;
        }
        tx.commit().await?;
        Ok(outcome)
    })
    .await
}
