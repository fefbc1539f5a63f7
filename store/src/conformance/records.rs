//! Checks of mints.

use uuid::Uuid;

use super::{NOW, somebody};
use crate::{MintRecord, Store, StoreError};

/// A mint is found by its `jti`, whole, until it has expired and is purged.
pub async fn check_mints(store: &dyn Store) -> Result<(), StoreError> {
    let id = MintRecord {
        jti: Uuid::new_v4().to_string(),
        txn: "txn".into(),
        mode: "id".into(),
        sub: "spiffe://bank.example/subject-wl".into(),
        person: somebody(),
        sid: None,
        aud: vec!["spiffe://bank.example/target-wl".into(), "spiffe://bank.example".into()],
        iat: NOW,
        exp: NOW.plus_seconds(120),
        commitment: None,
        digest: [7; 32],
        sealed_oauth: None,
    };
    let anonymous = MintRecord {
        jti: Uuid::new_v4().to_string(),
        mode: "anonymous".into(),
        sid: Some("session".into()),
        exp: NOW.plus_seconds(60),
        commitment: Some([9; 32]),
        sealed_oauth: Some(vec![0, 255]),
        ..id.clone()
    };
    let mut tx = store.begin().await?;
    tx.mints().record(&id).await?;
    tx.mints().record(&anonymous).await?;
    let repeated = tx.mints().record(&id).await;
    assert!(matches!(repeated, Err(StoreError::Duplicate)), "{repeated:?}");
    tx.commit().await?;

    let mut tx = store.begin().await?;
    assert_eq!(tx.mints().find(&id.jti).await?.as_ref(), Some(&id));
    assert_eq!(tx.mints().find(&anonymous.jti).await?.as_ref(), Some(&anonymous));
    assert_eq!(tx.mints().find(&id.jti.to_uppercase()).await?, None);
    tx.mints().purge(id.exp).await?;
    assert_eq!(tx.mints().find(&id.jti).await?, Some(id), "it has only just expired");
    assert_eq!(tx.mints().find(&anonymous.jti).await?, None);
    tx.commit().await
}
