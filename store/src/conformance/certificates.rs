//! Checks of signers' certificates.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;

use super::NOW;
use crate::{Keeping, KeptCertificate, Moment, Store, StoreError, retry};

fn owner() -> String {
    format!("spiffe://bank.example/{}", Uuid::new_v4())
}

fn certificate(owner: &str, expires: Moment) -> KeptCertificate {
    let mut x5t = [0; 32];
    x5t[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    KeptCertificate { x5t, spiffe_id: owner.into(), pem: format!("-----BEGIN {}-----\n", Uuid::new_v4()), expires }
}

async fn keep(store: &dyn Store, certificate: &KeptCertificate, most: u32) -> Result<Keeping, StoreError> {
    retry(|| async {
        let mut tx = store.begin().await?;
        let keeping = tx.certificates().keep(certificate, most, NOW).await?;
        tx.commit().await?;
        Ok(keeping)
    })
    .await
}

async fn find(store: &dyn Store, x5t: &[u8; 32], now: Moment) -> Result<Option<KeptCertificate>, StoreError> {
    store.read().await?.certificates().find(x5t, now).await
}

/// A certificate is found by its hash, whole, until it expires; kept again, it stays as it was.
pub async fn check_certificates(store: &dyn Store) -> Result<(), StoreError> {
    let until = NOW.plus_seconds(60);
    let first = certificate(&owner(), until);
    assert_eq!(find(store, &first.x5t, NOW).await?, None);
    assert_eq!(keep(store, &first, 8).await?, Keeping::Kept);
    assert_eq!(find(store, &first.x5t, NOW).await?.as_ref(), Some(&first));
    let again = KeptCertificate { pem: "other".into(), spiffe_id: owner(), ..first.clone() };
    assert_eq!(keep(store, &again, 8).await?, Keeping::Known);
    assert_eq!(find(store, &first.x5t, NOW).await?.as_ref(), Some(&first));
    assert_eq!(find(store, &first.x5t, Moment(until.0 - 1)).await?.as_ref(), Some(&first));
    assert_eq!(find(store, &first.x5t, until).await?, None, "expired, but not forgotten yet");

    let mut tx = store.begin().await?;
    tx.certificates().purge(until).await?;
    tx.commit().await?;
    assert_eq!(find(store, &first.x5t, NOW).await?.as_ref(), Some(&first), "it has only just ended");
    let mut tx = store.begin().await?;
    assert!(tx.certificates().purge(until.plus_seconds(1)).await? >= 1);
    tx.commit().await?;
    assert_eq!(find(store, &first.x5t, NOW).await?, None);
    let refused = store.read().await?.certificates().keep(&first, 8, NOW).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    Ok(())
}

/// An owner has as many living certificates as it may have, whoever else has how many, and none of them is given up.
pub async fn check_certificate_limit(store: &dyn Store) -> Result<(), StoreError> {
    let (one, other) = (owner(), owner());
    let until = NOW.plus_seconds(60);
    let expired = certificate(&one, NOW);
    assert_eq!(keep(store, &expired, 2).await?, Keeping::Kept);
    let first = certificate(&one, until);
    for certificate in [&first, &certificate(&one, until), &certificate(&other, until)] {
        assert_eq!(keep(store, certificate, 2).await?, Keeping::Kept);
    }
    assert_eq!(keep(store, &certificate(&one, until.plus_seconds(60)), 2).await?, Keeping::Full);
    assert_eq!(keep(store, &first, 2).await?, Keeping::Known, "what is kept counts no second time");
    assert_eq!(find(store, &first.x5t, NOW).await?.as_ref(), Some(&first));
    assert_eq!(keep(store, &certificate(&other, until), 2).await?, Keeping::Kept);
    Ok(())
}

/// Certificates that come at once do not slip past the limit together.
pub async fn check_concurrent_certificates(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = owner();
    let mut keeping = JoinSet::new();
    for _ in 0..12 {
        let (store, one) = (store.clone(), certificate(&owner, NOW.plus_seconds(60)));
        keeping.spawn(async move { keep(&*store, &one, 8).await });
    }
    let outcomes = keeping.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Keeping::Kept).count(), 8, "{outcomes:?}");
    Ok(())
}
