//! Two replicas of asserting-wl on one store: what one did, the other knows.
//!
//! On one SQLite file; on PostgreSQL where the environment names a server.

use std::time::{Duration, Instant};

use chassis::Handle;
use crypto::jose::Algorithm;
use futures::future::join_all;
use serde_json::{Value, json};
use store::conformance::Scratch;
use token::encoding::base64url;

use crate::bank::{Bank, client, identity, read, start_on};
use crate::logout::{claims, post_to};
use crate::provider::Key;

const SETTINGS: &str = "[seal]\nkey = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n\
    [logout]\nlisten = \"127.0.0.1:0\"\naudience = [\"bank-web\"]\n";
/// Every replica looks at the store once a second.
const SOON: Duration = Duration::from_millis(1_500);

struct Pair {
    replicas: [Handle; 2],
    bank: Bank,
    _scratch: Scratch,
}

impl Pair {
    /// Both start at once, on an empty database.
    async fn open() -> Self {
        let bank = Bank::open_with("rfc9068", "", Key::generate("k1", Algorithm::Rs256)).await;
        let scratch = Scratch::shared(bank.folder.path()).await.unwrap();
        let start = || start_on(bank.folder.path(), &bank.provider.issuer, scratch.url(), SETTINGS);
        let (one, two) = tokio::join!(start(), start());
        Self { replicas: [one, two], bank, _scratch: scratch }
    }

    async fn post(&self, replica: usize, caller: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let identity = identity(self.bank.folder.path(), caller).await;
        let client = client(&identity, self.replicas[replica].addresses[0].1.port());
        read(&client.post_form(path, form).await.unwrap())
    }

    async fn mint(&self, replica: usize) -> String {
        let (status, answer) = self.post(replica, "subject-wl", "/mint", &[("access_token", &self.bank.token())]).await;
        assert_eq!(status, 200, "{answer}");
        answer["da_svid"].as_str().unwrap().to_owned()
    }

    async fn is_active(&self, replica: usize, root: &str) -> bool {
        let (status, answer) = self.post(replica, "verifier", "/introspect", &[("token", root)]).await;
        assert_eq!(status, 200, "{answer}");
        answer["active"] == true
    }

    async fn prove(&self, replica: usize, root: &str, nonce: &[u8]) -> (u16, Value) {
        self.post(replica, "verifier", "/introspect", &[("token", root), ("nonce", &base64url(nonce))]).await
    }

    /// Waits until this replica calls the root dead.
    async fn dies_at(&self, replica: usize, root: &str) {
        let begun = Instant::now();
        while self.is_active(replica, root).await {
            assert!(begun.elapsed() < SOON, "replica {replica} has not heard of it");
        }
    }
}

#[tokio::test]
async fn what_one_replica_mints_the_other_knows_and_proves() {
    let pair = Pair::open().await;
    for (minter, other) in [(0, 1), (1, 0)] {
        let root = pair.mint(minter).await;
        assert!(pair.is_active(other, &root).await);
        let (status, answer) = pair.prove(other, &root, &[7; 16]).await;
        assert_eq!((status, answer["zkp"].is_object()), (200, true), "{answer}");
    }
}

#[tokio::test]
async fn a_nonce_used_at_one_replica_is_refused_at_the_other() {
    let pair = Pair::open().await;
    let root = pair.mint(0).await;
    assert!(pair.prove(0, &root, &[7; 16]).await.1["zkp"].is_object());
    let (status, answer) = pair.prove(1, &root, &[7; 16]).await;
    assert_eq!((status, &answer["type"]), (409, &json!("urn:x-dasvid:problem:replay-detected")));
    // Asked of both at once, one answers.
    let answers = join_all((0..10).map(|number| pair.prove(number % 2, &root, &[8; 16])));
    let answers: Vec<_> = answers.await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 409].contains(status)), "{answers:?}");
}

#[tokio::test]
async fn what_is_revoked_at_one_replica_is_dead_at_the_other_within_moments() {
    let pair = Pair::open().await;
    let root = pair.mint(1).await;
    let (status, _) = pair.post(0, "subject-wl", "/revoke", &[("token", &root)]).await;
    assert_eq!(status, 200);
    assert!(!pair.is_active(0, &root).await, "at once where it was revoked");
    pair.dies_at(1, &root).await;
}

#[tokio::test]
async fn a_logout_taken_by_one_replica_ends_minting_at_the_other_at_once() {
    let pair = Pair::open().await;
    let root = pair.mint(1).await;
    let logout = pair.bank.key.sign("logout+jwt", &claims(&pair.bank));
    assert_eq!(post_to(&pair.replicas[0], &logout).await.0, 200);
    let (status, answer) = pair.post(1, "subject-wl", "/mint", &[("access_token", &pair.bank.token())]).await;
    assert_eq!((status, &answer["type"]), (401, &json!("urn:x-dasvid:problem:revoked")));
    pair.dies_at(1, &root).await;
    assert_eq!(post_to(&pair.replicas[1], &logout).await.0, 400, "it was taken before");
}

#[tokio::test]
async fn a_logout_token_sent_to_both_replicas_at_once_is_taken_once() {
    let pair = Pair::open().await;
    let logout = pair.bank.key.sign("logout+jwt", &claims(&pair.bank));
    let answers = join_all((0..10).map(|number| post_to(&pair.replicas[number % 2], &logout)));
    let answers: Vec<_> = answers.await.into_iter().map(|(status, _)| status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 400].contains(status)), "{answers:?}");
}

#[tokio::test]
async fn replicas_that_start_at_once_publish_the_same_keys() {
    let pair = Pair::open().await;
    let mut published = Vec::new();
    for replica in &pair.replicas {
        let identity = identity(pair.bank.folder.path(), "target-wl").await;
        let keys: Value = client(&identity, replica.addresses[0].1.port()).get_json("/keys").await.unwrap();
        published.push(keys);
    }
    assert_eq!(published[0], published[1]);
}
