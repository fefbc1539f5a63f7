//! Keys survive a restart, sealed, are published under their thumbprints, and are the same for every replica.

mod operated;
mod rotated;

use std::sync::atomic::{AtomicBool, Ordering};

use crypto::jose::Algorithm;
use store::seal::{SealError, SealKey};
use tokio::task::JoinSet;

use super::*;
use vault::SealedVault;

const NOW: Moment = Moment(1_700_000_000_000_000);
const SCHEDULE: Schedule = Schedule { rotate_every: 3600, publish_before: 600 };

fn sealed(byte: u8) -> Arc<SealedVault> {
    Arc::new(SealedVault::new(SealKey::from_bytes([byte; 32])))
}

async fn open_with(store: &Arc<dyn Store>, seal: u8, algorithm: Algorithm) -> Result<Keyring, KeyringError> {
    Keyring::open(Arc::clone(store), sealed(seal), algorithm, SCHEDULE, NOW).await
}

async fn open(store: &Arc<dyn Store>) -> Keyring {
    open_with(store, 1, Algorithm::Es256).await.unwrap()
}

async fn memory() -> Arc<dyn Store> {
    store::open("memory:").await.unwrap()
}

async fn signs(keyring: &Keyring, kind: Kind, now: Moment) -> String {
    keyring.signer(kind, now).await.unwrap().public().thumbprint()
}

async fn stored(store: &dyn Store) -> Vec<KeyRecord> {
    records(&mut *store.read().await.unwrap()).await.unwrap()
}

fn kids(jwks: &Jwks) -> Vec<&str> {
    jwks.keys.iter().filter_map(|key| key.kid.as_deref()).collect()
}

#[tokio::test]
async fn a_restart_keeps_the_keys() {
    let store = memory().await;
    let (first, second) = (open(&store).await, open(&store).await);
    for kind in Kind::ALL {
        assert_eq!(signs(&first, kind, NOW).await, signs(&second, kind, NOW).await);
    }
    assert_eq!(first.jwks(None, NOW).await.unwrap(), second.jwks(None, NOW).await.unwrap());
    assert_eq!(first.published(None).keys.len(), 2);
}

#[tokio::test]
async fn publishes_every_algorithm_under_its_thumbprint_and_signs_with_it() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ps256, Algorithm::Rs256, Algorithm::Ed25519] {
        let keyring = open_with(&memory().await, 1, algorithm).await.unwrap();
        let document = serde_json::to_vec(&keyring.published(None)).unwrap();
        let read = token::RootKeys::parse(&document).unwrap();
        let signer = keyring.signer(Kind::Jose, NOW).await.unwrap();
        let Some(token::RootKey::Jose { alg, key }) = read.find(&signer.public().thumbprint()) else { panic!() };
        key.verify(*alg, b"message", &signer.sign(b"message").await.unwrap()).unwrap();
        assert!(read.find(&signs(&keyring, Kind::Schnorr, NOW).await).is_some(), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_schnorr_key_signs_the_root_of_a_transcript() {
    let keyring = open(&memory().await).await;
    let signer = keyring.signer(Kind::Schnorr, NOW).await.unwrap();
    let tail = signer.sign(b"root").await.unwrap();
    let (r, s) = tail.split_first_chunk::<32>().unwrap();
    let token::RootKey::Schoco(public) = signer.public() else { panic!("another kind of key") };
    let steps = [crypto::schoco::Step { message: b"root", r: *r }];
    crypto::schoco::verify(public, &steps, s.try_into().unwrap()).unwrap();
}

#[tokio::test]
async fn refuses_to_start_with_another_sealing_key_and_writes_nothing() {
    let store = memory().await;
    open(&store).await;
    let before = stored(&*store).await;
    let refused = open_with(&store, 2, Algorithm::Ed25519).await.err();
    assert!(matches!(refused, Some(KeyringError::Vault(VaultError::Seal(SealError::Open)))), "{refused:?}");
    assert_eq!(stored(&*store).await, before);
}

#[tokio::test]
async fn refuses_a_key_that_was_moved_to_another_row() {
    let store = memory().await;
    let kid = signs(&open(&store).await, Kind::Jose, NOW).await;
    let mut tx = store.begin().await.unwrap();
    let mut record = tx.keys().list("jose").await.unwrap().remove(0);
    tx.keys().remove(&kid).await.unwrap();
    record.alg = "ES384".into();
    tx.keys().insert(&record).await.unwrap();
    tx.commit().await.unwrap();
    let refused = open_with(&store, 1, Algorithm::Es384).await.err();
    assert!(matches!(refused, Some(KeyringError::Vault(VaultError::Seal(SealError::Open)))), "{refused:?}");
}

/// Replicas that open `url` at once, each with its own connections where there are any, all sign with the same keys.
async fn started_at_once(stores: Vec<Arc<dyn Store>>) {
    let last = Arc::clone(stores.last().unwrap());
    let mut starting = JoinSet::new();
    for store in stores {
        starting.spawn(async move { open(&store).await });
    }
    let keyrings = starting.join_all().await;
    let records = stored(&*last).await;
    assert_eq!(records.len(), 2, "one a kind: {records:?}");
    for (kind, record) in Kind::ALL.iter().zip(&records) {
        assert_eq!((record.kind.as_str(), record.state), (kind.name(), KeyState::Current));
        for keyring in &keyrings {
            assert_eq!(signs(keyring, *kind, NOW).await, record.kid);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_on_an_empty_store_end_with_one_key_a_kind() {
    for _ in 0..5 {
        started_at_once(vec![memory().await; 4]).await;
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/keys.db?mode=rwc", folder.path().display());
        let mut stores = Vec::new();
        for _ in 0..4 {
            stores.push(store::open(&url).await.unwrap());
        }
        started_at_once(stores).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_start_at_once_on_postgres_end_with_one_key_a_kind() {
    let Some(scratch) = store::conformance::Scratch::postgres().await.unwrap() else { return };
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(store::open(scratch.url()).await.unwrap());
    }
    started_at_once(stores).await;
}

/// A store that can be away.
#[derive(Debug)]
struct Flaky(Arc<dyn Store>, AtomicBool);

#[chassis::async_trait]
impl Store for Flaky {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        if self.1.load(Ordering::SeqCst) { Err(StoreError::ReadOnly) } else { self.0.begin().await }
    }

    async fn read(&self) -> Result<Box<dyn Tx>, StoreError> {
        if self.1.load(Ordering::SeqCst) { Err(StoreError::ReadOnly) } else { self.0.read().await }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}

#[tokio::test]
async fn without_its_store_a_replica_signs_and_publishes_for_half_a_minute() {
    let flaky = Arc::new(Flaky(memory().await, AtomicBool::new(false)));
    let store: Arc<dyn Store> = flaky.clone();
    let keyring = open(&store).await;
    flaky.1.store(true, Ordering::SeqCst);
    let last = NOW.plus_seconds(life::MAX_AGE);
    for kind in Kind::ALL {
        assert!(keyring.signer(kind, last).await.is_ok());
        let refused = keyring.signer(kind, last.plus_seconds(1)).await.err();
        assert!(matches!(refused, Some(KeyringError::Stale)), "{refused:?}");
    }
    assert_eq!(keyring.jwks(None, last).await.unwrap().keys.len(), 2);
    let refused = keyring.jwks(None, last.plus_seconds(1)).await;
    assert!(matches!(refused, Err(KeyringError::Stale)), "{refused:?}");
    flaky.1.store(false, Ordering::SeqCst);
    assert!(keyring.signer(Kind::Jose, last.plus_seconds(1)).await.is_ok(), "the store is back");
}

#[tokio::test]
async fn a_listener_hears_of_every_change_and_of_nothing_else() {
    let store = memory().await;
    let keyring = open(&store).await;
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    keyring.tell(move |jwks| told.lock().unwrap().push(jwks.keys.len()));
    keyring.tend(NOW.plus_seconds(1)).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [2]);
    keyring.tend(NOW.plus_seconds(3600)).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [2, 4]);
}
