//! Checks of revocations.

use uuid::Uuid;

use super::NOW;
use crate::{Moment, Revocation, Store, StoreError};

fn revocation() -> Revocation {
    Revocation {
        scope: "session".into(),
        key: vec!["https://idp.example".into(), Uuid::new_v4().to_string()],
        not_after_iat: Some(NOW),
        cause: "logout".into(),
        txn: None,
        recorded_at: NOW,
        expires: NOW.plus_seconds(600),
    }
}

async fn record(store: &dyn Store, revocation: &Revocation) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let changed = tx.revocations().record(revocation).await?;
    tx.commit().await?;
    Ok(changed)
}

/// A record is found after the sequence before it, whole, and only what widens it gives it a new one.
pub async fn check_revocations(store: &dyn Store) -> Result<(), StoreError> {
    let first = revocation();
    let before = store.read().await?.revocations().sequence().await?;
    assert!(record(store, &first).await?);
    assert!(!record(store, &first).await?, "a duplicate changes nothing");
    let narrower = Revocation { not_after_iat: Some(Moment(NOW.0 - 1)), expires: NOW, ..first.clone() };
    assert!(!record(store, &narrower).await?, "a late, narrower record changes nothing");
    let sequence = store.read().await?.revocations().sequence().await?;
    assert!(sequence > before);
    let found = store.read().await?.revocations().after(before, NOW, u32::MAX).await?;
    assert!(found.iter().any(|one| one.revocation == first), "{found:?}");

    let wider = Revocation { not_after_iat: None, cause: "other".into(), ..first.clone() };
    assert!(record(store, &wider).await?);
    let found = store.read().await?.revocations().after(sequence, NOW, u32::MAX).await?;
    let widened = Revocation { not_after_iat: None, ..first.clone() };
    assert!(found.iter().any(|one| one.revocation == widened), "{found:?}");
    assert!(!record(store, &first).await?, "every login stays every login");
    Ok(())
}

/// Records come in the order of their commits, a page at a time; the sequence outlives what it counted.
pub async fn check_revocation_order(store: &dyn Store) -> Result<(), StoreError> {
    let before = store.read().await?.revocations().sequence().await?;
    let all = [revocation(), revocation(), revocation()];
    for one in &all {
        assert!(record(store, one).await?);
    }
    let mut reached = before;
    for one in &all {
        let page = store.read().await?.revocations().after(reached, NOW, 1).await?;
        assert_eq!(page.iter().map(|stored| &stored.revocation).collect::<Vec<_>>(), [one], "a page of one");
        reached = page.last().map_or(reached, |stored| stored.sequence);
    }
    assert_eq!(store.read().await?.revocations().sequence().await?, reached);
    let ended = NOW.plus_seconds(600);
    assert_eq!(
        store.read().await?.revocations().after(before, ended, u32::MAX).await?,
        [],
        "ended ones are not listed"
    );

    let mut tx = store.begin().await?;
    assert!(tx.revocations().purge(ended.plus_seconds(1)).await? >= 3);
    tx.commit().await?;
    assert_eq!(store.read().await?.revocations().after(0, Moment(0), u32::MAX).await?, []);
    assert_eq!(store.read().await?.revocations().sequence().await?, reached, "the sequence never goes back");
    let refused = store.read().await?.revocations().record(&revocation()).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    Ok(())
}

/// A message is taken once for each issuer, and not at all when the transaction is dropped.
pub async fn check_received(store: &dyn Store) -> Result<(), StoreError> {
    let jti = Uuid::new_v4().to_string();
    let until = NOW.plus_seconds(60);
    let mut tx = store.begin().await?;
    assert!(tx.revocations().receive("https://idp.example", &jti, until).await?);
    drop(tx);
    let mut tx = store.begin().await?;
    assert!(tx.revocations().receive("https://idp.example", &jti, until).await?);
    assert!(!tx.revocations().receive("https://idp.example", &jti, until).await?);
    assert!(tx.revocations().receive("https://other.example", &jti, until).await?);
    tx.revocations().purge(until).await?;
    assert!(!tx.revocations().receive("https://idp.example", &jti, until).await?, "it has only just ended");
    tx.revocations().purge(until.plus_seconds(1)).await?;
    assert!(tx.revocations().receive("https://idp.example", &jti, until).await?);
    tx.commit().await
}
