//! Keys that replicas share, keys that are taken out of use, and what holds a key and does not sign.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use asserting_wl::config::KeySettings;
use asserting_wl::keyring::Kind;
use asserting_wl::keyring::operator::Operator;
use asserting_wl::keyring::signer::{Signer, SignerError};
use asserting_wl::keyring::vault::{Made, SealedVault, Vault, VaultError};
use asserting_wl::minting::{Endpoint, MintError, Minter};
use asserting_wl::revocations::list::{self, ListError};
use asserting_wl::revocations::{Ledger, emergency};
use chassis::{Clock, Problem, SystemClock, async_trait};
use mesh::Peer;
use serde_json::Value;
use store::seal::SealKey;
use store::{KeyRecord, Moment, Store};
use token::{RootKey, Timestamp};
use wire::mint::MintRequest;
use wire::problem::ProblemKind;
use zeroize::Zeroizing;

use crate::bank::{Bank, client, id, identity, now, start, try_start};
use crate::minting::minter;

const WORKS: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

/// A device that holds the keys and has moods.
struct Device {
    inner: SealedVault,
    mood: Arc<AtomicU8>,
}

#[async_trait]
impl Vault for Device {
    async fn make(&self, kind: Kind, alg: &str) -> Result<Made, VaultError> {
        self.inner.make(kind, alg).await
    }

    async fn open(&self, record: &KeyRecord) -> Result<Arc<dyn Signer>, VaultError> {
        let inner = self.inner.open(record).await?;
        Ok(Arc::new(Moody { inner, mood: Arc::clone(&self.mood) }))
    }
}

struct Moody {
    inner: Arc<dyn Signer>,
    mood: Arc<AtomicU8>,
}

#[async_trait]
impl Signer for Moody {
    fn public(&self) -> &RootKey {
        self.inner.public()
    }

    async fn sign(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignerError> {
        match self.mood.load(Ordering::SeqCst) {
            WORKS => self.inner.sign(message).await,
            FAILS => Err(SignerError::Unavailable),
            _ => std::future::pending().await,
        }
    }
}

fn sealed() -> SealedVault {
    SealedVault::new(SealKey::from_bytes([1; 32]))
}

fn operator<'a>(store: &'a dyn Store, vault: &'a SealedVault) -> Operator<'a> {
    Operator { store, vault, schedule: KeySettings::default().schedule(), algorithm: None }
}

async fn ledger(store: &dyn Store) -> Ledger {
    Ledger::open(store, &id("asserting-wl"), Timestamp(now())).await.unwrap()
}

async fn mint(bank: &Bank, minter: &Minter, endpoint: Endpoint) -> Result<String, MintError> {
    let peer = Peer { id: id("subject-wl"), x5t: [7; 32], addr: "127.0.0.1:1".parse().unwrap() };
    let request = MintRequest { access_token: bank.token(), audience: None, scope: None, rqd: None };
    minter.mint(endpoint, &peer, &request).await.map(|answer| answer.da_svid)
}

/// How many mints and events there are.
async fn recorded(store: &dyn Store) -> (u64, usize) {
    let mut tx = store.begin().await.unwrap();
    let mints = tx.mints().purge(Moment(i64::MAX)).await.unwrap();
    (mints, tx.pending_events(99).await.unwrap().len())
}

#[tokio::test]
async fn a_device_that_does_not_sign_or_not_in_time_refuses_the_mint_and_leaves_no_record() {
    let bank = Bank::open("rfc9068").await;
    let store = store::open("memory:").await.unwrap();
    let mood = Arc::new(AtomicU8::new(WORKS));
    let device = Arc::new(Device { inner: sealed(), mood: Arc::clone(&mood) });
    let minter = minter(&bank, &store, ledger(&*store).await, device).await;
    for (sick, expected) in [(FAILS, SignerError::Unavailable), (HANGS, SignerError::Timeout)] {
        for endpoint in [Endpoint::Plain, Endpoint::Anonymous] {
            mood.store(sick, Ordering::SeqCst);
            let before = recorded(&*store).await;
            let refused = mint(&bank, &minter, endpoint).await.unwrap_err();
            assert!(matches!(&refused, MintError::Signer(error) if *error == expected), "{refused:?}");
            assert_eq!(refused.kind(), ProblemKind::Unavailable);
            assert_eq!(recorded(&*store).await, before);
            mood.store(WORKS, Ordering::SeqCst);
            mint(&bank, &minter, endpoint).await.unwrap();
            assert_eq!(recorded(&*store).await, (before.0 + 1, before.1 + 1));
        }
        mood.store(sick, Ordering::SeqCst);
        mint(&bank, &minter, Endpoint::Id).await.unwrap();
        let key = minter.keyring.signer(Kind::Jose, SystemClock.moment()).await.unwrap();
        let list = list::read(&*store, &minter.me, 0, Timestamp(now())).await.unwrap();
        let refused = list::sign(&list, &*key, minter.signer_timeout).await.unwrap_err();
        assert!(matches!(&refused, ListError::Signer(error) if *error == expected), "{refused:?}");
        assert_eq!(refused.kind(), ProblemKind::Unavailable);
    }
}

#[tokio::test]
async fn nothing_is_handed_out_that_a_key_signed_which_was_retired_meanwhile() {
    let bank = Bank::open("rfc9068").await;
    for (kind, endpoint) in [(Kind::Jose, Endpoint::Plain), (Kind::Schnorr, Endpoint::Anonymous)] {
        let (store, vault) = (store::open("memory:").await.unwrap(), sealed());
        let minter = minter(&bank, &store, ledger(&*store).await, Arc::new(sealed())).await;
        let stolen = minter.keyring.signer(kind, SystemClock.moment()).await.unwrap().public().thumbprint();
        operator(&*store, &vault).retire(&stolen, SystemClock.moment()).await.unwrap();
        // This replica has not looked yet and signs with the key it knows.
        let refused = mint(&bank, &minter, endpoint).await.unwrap_err();
        assert!(matches!(refused, MintError::KeyRetired), "{refused:?}");
        assert_eq!(refused.kind(), ProblemKind::Unavailable);
        assert_eq!(recorded(&*store).await.0, 0);
        minter.keyring.look(SystemClock.moment()).await.unwrap();
        mint(&bank, &minter, endpoint).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_minted_in_the_second_of_a_cut_off_is_minted_again_after_it() {
    let bank = Bank::open("rfc9068").await;
    let store = store::open("memory:").await.unwrap();
    let minter = minter(&bank, &store, ledger(&*store).await, Arc::new(sealed())).await;
    let moment = Timestamp(now() + 2);
    assert!(emergency::refuse(&*store, moment, SystemClock.moment()).await.unwrap());
    let again = SystemClock.moment();
    emergency::refuse(&*store, moment.minus(60), again).await.unwrap();
    assert!(!emergency::refuse(&*store, moment, again).await.unwrap(), "an earlier moment takes nothing back");
    for endpoint in [Endpoint::Plain, Endpoint::Id, Endpoint::Anonymous] {
        let refused = mint(&bank, &minter, endpoint).await.unwrap_err();
        assert!(matches!(refused, MintError::KeyRetired), "{refused:?}");
    }
    assert_eq!(recorded(&*store).await, (0, 2), "no mint, and the revocations' events");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    for endpoint in [Endpoint::Plain, Endpoint::Id, Endpoint::Anonymous] {
        mint(&bank, &minter, endpoint).await.unwrap();
    }
}

#[tokio::test]
async fn the_published_list_names_the_asserter_of_a_cut_off() {
    let store = store::open("memory:").await.unwrap();
    emergency::refuse(&*store, Timestamp(now()), SystemClock.moment()).await.unwrap();
    let list = list::read(&*store, &id("asserting-wl"), 0, Timestamp(now())).await.unwrap();
    let [record] = list.records.as_slice() else { panic!("{list:?}") };
    assert_eq!((record.scope.as_str(), record.key.as_slice()), ("asserter", &[id("asserting-wl").to_string()][..]));
    assert_eq!((record.cause.as_str(), record.not_after_iat.is_some()), ("minted-before", true));
}

async fn published(bank: &Bank, port: u16) -> Value {
    let client = client(&identity(bank.folder.path(), "subject-wl").await, port);
    client.get_json("/keys").await.unwrap()
}

#[tokio::test]
async fn replicas_publish_the_same_keys_the_moment_an_operator_changes_them() {
    let bank = Bank::open("rfc9068").await;
    let second = start(bank.folder.path(), &bank.provider.issuer, "rfc9068", "").await;
    let ports = [bank.port(), second.addresses[0].1.port()];
    let before = published(&bank, ports[0]).await;
    assert_eq!(published(&bank, ports[1]).await, before);

    let url = format!("sqlite://{}/asserting-wl.db", bank.folder.path().display());
    let store = store::open(&url).await.unwrap();
    let vault = SealedVault::new(SealKey::of_store(&url, None).unwrap());
    let stolen = before["keys"][0]["kid"].as_str().unwrap();
    let fresh = operator(&*store, &vault).retire(stolen, SystemClock.moment()).await.unwrap().unwrap();
    for port in ports {
        let shown = published(&bank, port).await.to_string();
        assert!(!shown.contains(stolen) && shown.contains(&fresh.kid), "{shown}");
    }
    for port in ports {
        let client = client(&identity(bank.folder.path(), "subject-wl").await, port);
        let answer = client.post_form("/mint", &[("access_token", &bank.token())]).await.unwrap();
        let minted: Value = serde_json::from_slice(&answer.body).unwrap();
        let root = token::Chain::parse(minted["da_svid"].as_str().unwrap()).unwrap();
        let reference = token::header::KeyReference::Kid(fresh.kid.clone());
        assert_eq!(root.root_header().key, reference, "the replica looked when it was asked for its keys");
    }
    second.shutdown().await;
}

/// What a start with these settings says.
async fn refused(bank: &Bank, settings: &str) -> String {
    let started = try_start(bank.folder.path(), &bank.provider.issuer, "rfc9068", settings, &["RS256"]).await;
    let error = format!("{:#}", started.err().unwrap());
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

#[tokio::test]
async fn a_sealing_key_that_is_wrong_or_gone_stops_the_start_and_nothing_is_overwritten() {
    let bank = Bank::open("rfc9068").await;
    let file = bank.folder.path().join("asserting-wl.db.key");
    let url = format!("sqlite://{}/asserting-wl.db", bank.folder.path().display());
    let store = store::open(&url).await.unwrap();
    let keys = async || asserting_wl::keyring::operator::list(&*store).await.unwrap();
    let (before, key) = (keys().await, std::fs::read(&file).unwrap());

    let other = "seal.key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"";
    let told = refused(&bank, other).await;
    assert!(told.starts_with("the minting keys cannot be unsealed; is the sealing key"), "{told}");
    assert!(!told.contains("AAECAwQF"), "{told}");
    std::fs::write(&file, [9; 32]).unwrap();
    let told = refused(&bank, "").await;
    assert!(told.starts_with("the minting keys cannot be unsealed; is the sealing key"), "{told}");
    std::fs::remove_file(&file).unwrap();
    let told = refused(&bank, "").await;
    assert!(told.contains("asserting-wl.db.key` cannot be read"), "{told}");
    assert!(!file.exists(), "no other key is put in its place");
    assert_eq!(keys().await, before);

    std::fs::write(&file, key).unwrap();
    start(bank.folder.path(), &bank.provider.issuer, "rfc9068", "").await.shutdown().await;
}
