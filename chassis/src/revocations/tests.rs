//! The published list: believed only whole, signed, fresh and never older than before.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crypto::jose::{Algorithm, JwkMembers, SigningKey};
use serde_json::{Value, json};
use token::encoding::base64url;
use token::revocation::Login;
use token::{Bundles, RootKeys, Trust};

use super::*;
use crate::config::Period;
use crate::trust::Pace;
use crate::{Clock as _, MockClock};

const NOW: Timestamp = Timestamp(1_700_000_000);

fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Es256).unwrap()).unwrap()
}

fn keys(key: &SigningKey) -> RootKeys {
    let public = key.public_key();
    let JwkMembers::Ec { crv, x, y } = public.members() else { panic!("an EC key") };
    let jwk = json!({
        "kty": "EC", "crv": crv, "alg": "ES256", "use": "sig",
        "kid": public.thumbprint(), "x": base64url(x), "y": base64url(y),
    });
    RootKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap()
}

fn header(key: &SigningKey) -> Value {
    json!({"typ": "dasvid-revocations+jwt", "alg": "ES256", "kid": key.public_key().thumbprint()})
}

fn sign(key: &SigningKey, header: &Value, payload: &Value) -> String {
    let message = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(payload.to_string().as_bytes()));
    let signature = key.sign(Algorithm::Es256, message.as_bytes()).unwrap();
    format!("{message}.{}", base64url(&signature))
}

fn list(after: u64, version: u64, records: &[Value]) -> Value {
    json!({
        "iss": "spiffe://bank.example/asserting-wl", "iat": NOW.0, "after": after, "version": version,
        "complete": true, "records": records,
    })
}

fn session(sid: &str) -> Value {
    json!({"scope": "session", "key": ["https://idp.example", sid], "cause": "logout", "expires": NOW.0 + 660})
}

fn changed(mut list: Value, member: &str, value: Value) -> Value {
    list[member] = value;
    list
}

fn opened(key: &SigningKey, jws: &str, after: u64) -> Result<Believed, ListError> {
    let mut trust = Trust::default();
    trust.keys.insert(id("asserting-wl"), keys(key));
    open(jws, &id("asserting-wl"), &trust, after, NOW)
}

#[test]
fn believes_a_list_that_continues_what_is_known() {
    let key = key();
    let believed = opened(&key, &sign(&key, &header(&key), &list(7, 9, &[session("s")])), 7).unwrap();
    assert_eq!((believed.version, believed.complete), (9, true));
    assert_eq!(believed.records.len(), 1);
}

#[test]
fn refuses_a_list_that_was_tampered_with() {
    let key = key();
    let jws = sign(&key, &header(&key), &list(0, 9, &[session("s")]));
    let parts: Vec<_> = jws.split('.').collect();
    let emptied = base64url(list(0, 9, &[]).to_string().as_bytes());
    assert_eq!(opened(&key, &format!("{}.{emptied}.{}", parts[0], parts[2]), 0), Err(ListError::Signature));
    for broken in ["", ".", "..", parts[0], &format!("{jws}."), &format!("{jws}=")] {
        assert!(matches!(opened(&key, broken, 0), Err(ListError::Form | ListError::Signature)), "{broken}");
    }
}

#[test]
fn refuses_a_list_of_another_signer() {
    let (key, other) = (key(), key());
    let jws = sign(&other, &header(&other), &list(0, 9, &[]));
    assert_eq!(opened(&key, &jws, 0), Err(ListError::UnknownKey));
    let claimed = sign(&other, &header(&key), &list(0, 9, &[]));
    assert_eq!(opened(&key, &claimed, 0), Err(ListError::Signature));
    let foreign = changed(list(0, 9, &[]), "iss", json!("spiffe://bank.example/target-wl"));
    assert_eq!(opened(&key, &sign(&key, &header(&key), &foreign), 0), Err(ListError::Issuer));
}

#[test]
fn refuses_another_kind_of_token_and_algorithm_confusion() {
    let key = key();
    let (good, list) = (header(&key), list(0, 9, &[]));
    for (member, value) in [
        ("typ", json!("dasvid+jwt")),
        ("typ", json!(null)),
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES384")),
        ("crit", json!(["exp"])),
        ("jwk", json!({})),
    ] {
        let jws = sign(&key, &changed(good.clone(), member, value), &list);
        assert_eq!(opened(&key, &jws, 0), Err(ListError::Form), "{member}");
    }
}

#[test]
fn refuses_a_list_that_was_rolled_back_or_leaves_a_gap() {
    let key = key();
    let of = |after, version| sign(&key, &header(&key), &list(after, version, &[]));
    assert_eq!(opened(&key, &of(0, 5), 7), Err(ListError::RolledBack));
    assert_eq!(opened(&key, &of(0, 9), 7), Err(ListError::Gap));
    assert_eq!(opened(&key, &of(8, 9), 7), Err(ListError::Gap));
}

#[test]
fn refuses_a_list_of_another_time() {
    let key = key();
    for (iat, expected) in [(31, Err(ListError::Time)), (30, Ok(())), (-30, Ok(())), (-31, Err(ListError::Time))] {
        let list = changed(list(7, 9, &[]), "iat", json!(NOW.0.checked_add_signed(iat).unwrap()));
        assert_eq!(opened(&key, &sign(&key, &header(&key), &list), 7).map(drop), expected, "{iat}");
    }
}

/// Answers with whatever a test has put in.
#[derive(Clone)]
struct Told(Arc<Mutex<Result<String, ()>>>);

#[async_trait::async_trait]
impl ListSource for Told {
    async fn fetch(&self, _: u64) -> Result<String, FetchError> {
        self.0.lock().unwrap().clone().map_err(|()| FetchError::Text)
    }
}

struct World {
    key: SigningKey,
    told: Told,
    clock: Arc<MockClock>,
    process: Process,
    table: Arc<RevocationTable>,
}

impl World {
    fn new() -> Self {
        let (key, clock) = (key(), Arc::new(MockClock::new(NOW)));
        let process = Process::new(clock.clone());
        let trust = TrustStore::with_sources(Bundles::default(), HashMap::new(), Pace::default(), &process);
        trust.set_keys(id("asserting-wl"), keys(&key));
        let told = Told(Arc::new(Mutex::new(Err(()))));
        let settings =
            RevocationSettings { interval: Period(Duration::from_millis(2)), max_silence: Period::seconds(15) };
        let table = follow(Box::new(told.clone()), id("asserting-wl"), trust, &settings, &process);
        Self { key, told, clock, process, table }
    }

    fn tell(&self, list: &Value) {
        *self.told.0.lock().unwrap() = Ok(sign(&self.key, &header(&self.key), list));
    }

    fn revoked(&self, sid: &str) -> &'static str {
        let login = Login { dpa: "https://idp.example", dpr: "alice", sid: Some(sid), at: NOW };
        self.table.check_login(&login, self.clock.now()).map_or_else(|refusal| refusal.problem_slug(), |()| "alive")
    }

    async fn wait(&self, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), waiting).await.unwrap();
    }
}

#[tokio::test]
async fn a_process_is_ready_with_the_first_full_list_and_not_before() {
    let world = World::new();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(world.process.ready.waiting_for(), [WAITING]);
    assert_eq!(world.revoked("s"), "unavailable");
    world.tell(&list(0, 0, &[session("s")]));
    world.process.ready.ready().await;
    assert_eq!((world.revoked("s"), world.revoked("other")), ("revoked", "alive"));
    world.wait(|world| world.process.metrics.encode().contains("dasvid_revocation_records 1")).await;
    assert!(world.process.metrics.encode().contains("dasvid_revocation_list_age_seconds 0"));
}

#[tokio::test]
async fn silence_makes_the_view_stale_and_a_list_ends_it() {
    let world = World::new();
    world.tell(&list(0, 0, &[]));
    world.process.ready.ready().await;
    *world.told.0.lock().unwrap() = Err(());
    world.clock.advance(Duration::from_secs(16));
    assert_eq!(world.revoked("s"), "unavailable");
    world.tell(&changed(list(0, 0, &[session("s")]), "iat", json!(NOW.0 + 16)));
    world.wait(|world| world.revoked("s") == "revoked").await;
}

#[tokio::test]
async fn a_list_that_is_not_believed_changes_nothing_and_is_no_sign_of_life() {
    let world = World::new();
    world.tell(&list(0, 3, &[session("s")]));
    world.process.ready.ready().await;
    world.tell(&list(0, 1, &[]));
    world.clock.advance(Duration::from_secs(14));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(world.revoked("s"), "revoked");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(world.revoked("other"), "unavailable");
}

#[tokio::test]
async fn an_old_list_told_again_does_not_hide_the_silence() {
    let world = World::new();
    world.tell(&list(0, 0, &[]));
    world.process.ready.ready().await;
    world.clock.advance(Duration::from_secs(31));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(world.revoked("s"), "unavailable");
}

#[tokio::test]
async fn records_go_when_they_have_ended() {
    let world = World::new();
    world.tell(&list(0, 0, &[session("s")]));
    world.wait(|world| world.table.len() == 1).await;
    world.tell(&list(0, 0, &[]));
    world.clock.advance(Duration::from_mins(11));
    world.wait(|world| world.table.is_empty()).await;
}
