//! Checks of minting keys.

use std::sync::Arc;

use uuid::Uuid;

use super::NOW;
use crate::{KeyRecord, KeyState, Moment, Store, StoreError, retry};

fn key(kind: &str, state: KeyState) -> KeyRecord {
    KeyRecord {
        kid: Uuid::new_v4().to_string(),
        kind: kind.to_owned(),
        alg: "ES256".into(),
        sealed: vec![1, 0, 255],
        state,
        created_at: NOW,
        not_before: NOW.plus_seconds(600),
        retires_at: None,
    }
}

/// Keys are listed by kind, oldest first, change their state and go.
pub async fn check_keys(store: &dyn Store) -> Result<(), StoreError> {
    let kind = Uuid::new_v4().to_string();
    let newer = KeyRecord { created_at: Moment(NOW.0 + 1), ..key(&kind, KeyState::Next) };
    let older = key(&kind, KeyState::Current);
    let mut tx = store.begin().await?;
    tx.keys().insert(&newer).await?;
    tx.keys().insert(&older).await?;
    let repeated = tx.keys().insert(&newer).await;
    assert!(matches!(repeated, Err(StoreError::Duplicate)), "{repeated:?}");
    tx.commit().await?;

    let mut tx = store.begin().await?;
    assert_eq!(tx.keys().list(&kind).await?, [older.clone(), newer.clone()]);
    assert_eq!(tx.keys().list("no such kind").await?, []);
    let until = NOW.plus_seconds(900);
    assert!(tx.keys().set_state(&older.kid, KeyState::Retiring, Some(until)).await?);
    assert!(!tx.keys().set_state("no such key", KeyState::Retiring, None).await?);
    let retiring = KeyRecord { state: KeyState::Retiring, retires_at: Some(until), ..older.clone() };
    assert_eq!(tx.keys().list(&kind).await?, [retiring, newer.clone()]);
    assert!(tx.keys().remove(&older.kid).await?);
    assert!(!tx.keys().remove(&older.kid).await?);
    assert_eq!(tx.keys().list(&kind).await?, [newer]);
    tx.commit().await
}

/// At most one key of a kind signs and at most one waits, whether it is added or moved; the rest retire side by side.
pub async fn check_one_key_a_state(store: &dyn Store) -> Result<(), StoreError> {
    let (kind, other) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let retiring = key(&kind, KeyState::Retiring);
    let mut tx = store.begin().await?;
    for state in [KeyState::Next, KeyState::Current, KeyState::Retiring] {
        tx.keys().insert(&key(&kind, state)).await?;
        tx.keys().insert(&key(&other, state)).await?;
    }
    tx.keys().insert(&retiring).await?;
    tx.commit().await?;
    let before = store.read().await?.keys().list(&kind).await?;
    for state in [KeyState::Next, KeyState::Current] {
        let mut tx = store.begin().await?;
        let refused = tx.keys().insert(&key(&kind, state)).await;
        assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
        drop(tx);
        let mut tx = store.begin().await?;
        let refused = tx.keys().set_state(&retiring.kid, state, None).await;
        assert!(matches!(refused, Err(StoreError::Duplicate)), "{refused:?}");
    }
    assert_eq!(store.read().await?.keys().list(&kind).await?, before);

    let current = before.iter().find(|key| key.state == KeyState::Current).map(|key| key.kid.clone());
    let mut tx = store.begin().await?;
    tx.keys().set_state(&current.unwrap_or_default(), KeyState::Retiring, Some(NOW)).await?;
    tx.keys().set_state(&retiring.kid, KeyState::Current, None).await?;
    tx.commit().await?;
    let keys = store.read().await?.keys().list(&kind).await?;
    let signs: Vec<_> = keys.iter().filter(|key| key.state == KeyState::Current).map(|key| &key.kid).collect();
    assert_eq!(signs, [&retiring.kid], "in one transaction they change places");
    Ok(())
}

/// Of many who find no key and add one, one adds it; the others are told that somebody was faster.
pub async fn check_concurrent_keys_made(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let kind = Uuid::new_v4().to_string();
    let makers: Vec<_> = (0..8)
        .map(|_| {
            let (store, new) = (store.clone(), key(&kind, KeyState::Current));
            tokio::spawn(async move { retry(|| add_first(&*store, &new)).await })
        })
        .collect();
    let mut made = 0;
    for maker in makers {
        match maker.await {
            Ok(Ok(true)) => made += 1,
            Ok(Ok(false) | Err(StoreError::Duplicate)) => {}
            other => assert!(other.is_err(), "{other:?}"),
        }
    }
    assert_eq!((made, store.read().await?.keys().list(&kind).await?.len()), (1, 1));
    Ok(())
}

/// Adds a key if there is none of its kind.
async fn add_first(store: &dyn Store, new: &KeyRecord) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    if !tx.keys().list(&new.kind).await?.is_empty() {
        return Ok(false);
    }
    // Long enough for another to look, where writers do not take turns.
    tokio::task::yield_now().await;
    tx.keys().insert(new).await?;
    tx.commit().await?;
    Ok(true)
}
