//! Keys survive a restart, sealed, and are published under their thumbprints.

use super::*;

const NOW: Moment = Moment(1_700_000_000_000_000);

fn seal(byte: u8) -> SealKey {
    SealKey::from_bytes([byte; 32])
}

async fn open(store: &dyn Store, seal: &SealKey, algorithm: jose::Algorithm) -> Result<Keyring, KeyringError> {
    Keyring::open(store, seal, algorithm, NOW).await
}

#[tokio::test]
async fn a_restart_keeps_the_keys() {
    let store = store::open("memory:").await.unwrap();
    let first = open(&*store, &seal(1), jose::Algorithm::Es256).await.unwrap();
    let second = open(&*store, &seal(1), jose::Algorithm::Es256).await.unwrap();
    assert_eq!(first.minting.kid, second.minting.kid);
    assert_eq!(first.schnorr.kid, second.schnorr.kid);
    assert_eq!(first.jwks(None), second.jwks(None));
    assert_eq!(first.jwks(None).keys.len(), 2);
}

#[tokio::test]
async fn another_algorithm_leaves_the_old_key_published_for_an_hour() {
    let store = store::open("memory:").await.unwrap();
    let old = open(&*store, &seal(1), jose::Algorithm::Es256).await.unwrap();
    let new = open(&*store, &seal(1), jose::Algorithm::Ed25519).await.unwrap();
    assert_eq!(new.jwks(Some("ES256")), old.jwks(Some("ES256")));
    assert_eq!(new.jwks(Some("Ed25519")).keys.len(), 1);
    let later = NOW.plus_seconds(RETIREMENT + 1);
    let late = Keyring::open(&*store, &seal(1), jose::Algorithm::Ed25519, later).await.unwrap();
    assert!(late.jwks(Some("ES256")).keys.is_empty());
}

#[tokio::test]
async fn publishes_every_algorithm_under_its_thumbprint() {
    for algorithm in [jose::Algorithm::Es384, jose::Algorithm::Ps256, jose::Algorithm::Ed25519] {
        let store = store::open("memory:").await.unwrap();
        let keyring = open(&*store, &seal(1), algorithm).await.unwrap();
        let document = serde_json::to_vec(&keyring.jwks(None)).unwrap();
        let read = token::RootKeys::parse(&document).unwrap();
        assert!(read.find(&keyring.minting.kid).is_some(), "{algorithm:?}");
        assert!(read.find(&keyring.schnorr.kid).is_some(), "{algorithm:?}");
    }
}

#[tokio::test]
async fn refuses_to_start_with_another_sealing_key() {
    let store = store::open("memory:").await.unwrap();
    open(&*store, &seal(1), jose::Algorithm::Es256).await.unwrap();
    let refused = open(&*store, &seal(2), jose::Algorithm::Es256).await.err();
    assert!(matches!(refused, Some(KeyringError::Seal(SealError::Open))), "{refused:?}");
}

#[tokio::test]
async fn refuses_a_key_that_was_moved_to_another_row() {
    let store = store::open("memory:").await.unwrap();
    let keyring = open(&*store, &seal(1), jose::Algorithm::Es256).await.unwrap();
    let mut tx = store.begin().await.unwrap();
    let mut record = tx.keys().list(MINTING).await.unwrap().remove(0);
    tx.keys().remove(&keyring.minting.kid).await.unwrap();
    record.alg = "ES384".into();
    tx.keys().insert(&record).await.unwrap();
    tx.commit().await.unwrap();
    let refused = open(&*store, &seal(1), jose::Algorithm::Es384).await.err();
    assert!(matches!(refused, Some(KeyringError::Seal(SealError::Open))), "{refused:?}");
}
