//! Back-channel logout: what a logout ends, what lives on, and everything that is not a logout token.

use std::sync::Arc;

use asserting_wl::logout::{LogoutCounter, LogoutError, LogoutReceiver};
use asserting_wl::oauth::OauthVerifier;
use asserting_wl::revocations::Ledger;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::revocations::{Believed, open};
use chassis::{Metrics, Problem, SystemClock};
use crypto::jose::Algorithm;
use mesh::web::WebSettings;
use serde_json::{Value, json};
use store::{Store, StoreError, Tx};
use token::{Policy, RootKeys, Timestamp, Trust};
use wire::problem::ProblemKind;

use crate::bank::{ALICE, Bank, id, merged, now, start};
use crate::provider::{Key, Provider};

const SETTINGS: &str = "[logout]\nlisten = \"127.0.0.1:0\"\naudience = [\"bank-web\"]\n";
const SID: &str = "XbMYj0Y59HMcxfQlQE9bCQsp";
const MINTS: [&str; 3] = ["/mint", "/ecdsaassertion", "/mintassertion"];

async fn bank(profile: &str) -> Bank {
    Bank::open_with(profile, SETTINGS, Key::generate("k1", Algorithm::Rs256)).await
}

/// The claims of a logout token that is in order.
pub(crate) fn claims(bank: &Bank) -> Value {
    json!({
        "iss": bank.provider.issuer,
        "aud": "bank-web",
        "iat": now(),
        "exp": now() + 120,
        "jti": format!("logout-{}", rand()),
        "sub": ALICE,
        "sid": SID,
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    })
}

fn rand() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Posts a logout token as an identity provider does.
async fn post(bank: &Bank, logout_token: &str) -> (u16, Value) {
    post_to(&bank.handle, logout_token).await
}

/// The same to this replica.
pub(crate) async fn post_to(replica: &chassis::Handle, logout_token: &str) -> (u16, Value) {
    let http = mesh::web::client(WebSettings::default()).unwrap();
    let url = format!("http://{}/backchannel-logout", replica.address("logout").unwrap());
    let body = url::form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", logout_token).finish();
    let request = http.post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null))
}

/// The list of revocations as a verifier reads it.
async fn list(bank: &Bank) -> Believed {
    let client = bank.client("target-wl").await;
    let keys: Value = client.get_json("/keys").await.unwrap();
    let mut trust = Trust::default();
    trust.keys.insert(id("asserting-wl"), RootKeys::parse(keys.to_string().as_bytes()).unwrap());
    let request = http::Request::builder().uri("/revocations?after=0").body(bytes::Bytes::new()).unwrap();
    let answer = client.call(request).await.unwrap();
    assert_eq!(answer.headers["content-type"], "application/dasvid-revocations+jwt");
    let jws = String::from_utf8(answer.body.to_vec()).unwrap();
    open(&jws, &id("asserting-wl"), &trust, 0, Timestamp(now())).unwrap()
}

/// The logout token is refused with these words, and nothing is recorded.
async fn refused(bank: &Bank, logout_token: &str, description: &str) {
    let (status, body) = post(bank, logout_token).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_request")), "{body}");
    assert_eq!(body["error_description"], description);
    assert_eq!(list(bank).await.version, 0, "a record was made");
}

async fn refused_claims(bank: &Bank, changes: Value, description: &str) {
    let token = bank.key.sign("logout+jwt", &merged(claims(bank), changes));
    refused(bank, &token, description).await;
}

#[tokio::test]
async fn a_logout_ends_its_session_in_every_mode_and_no_other() {
    let bank = bank("rfc9068").await;
    let (_, before) = bank.mint(&bank.token()).await;
    let alive = before["da_svid"].as_str().unwrap().to_owned();
    let logout = bank.key.sign("logout+jwt", &claims(&bank));
    assert_eq!(post(&bank, &logout).await, (200, Value::Null));
    for path in MINTS {
        let (status, body) = bank.post("subject-wl", path, &[("access_token", &bank.token())]).await;
        assert_eq!((status, &body["type"]), (401, &json!("urn:x-dasvid:problem:revoked")), "{path}");
        for changes in [json!({"sid": "a-sibling-session"}), json!({"sid": null}), json!({"sub": "bob", "sid": "bobs"})]
        {
            let token = bank.token_with(changes.clone());
            let (status, body) = bank.post("subject-wl", path, &[("access_token", &token)]).await;
            assert_eq!(status, 200, "{changes}: {body}");
        }
    }
    let (_, introspected) = bank.post("subject-wl", "/introspect", &[("token", &alive)]).await;
    assert_eq!(introspected, json!({"active": false}));
    let published = list(&bank).await;
    assert_eq!((published.version, published.complete, published.records.len()), (1, true, 1));
    assert!(bank.handle.metrics.encode().contains(r#"dasvid_logouts_total{outcome="taken"} 1"#));
}

#[tokio::test]
async fn a_logout_without_a_session_ends_every_login_so_far_and_a_later_one_lives() {
    let bank = bank("rfc9068").await;
    let token = bank.key.sign("logout+jwt", &merged(claims(&bank), json!({"sid": null})));
    assert_eq!(post(&bank, &token).await.0, 200);
    for (login, status) in [(now() - 100, 401), (now() + 20, 200)] {
        let token = bank.token_with(json!({"auth_time": login, "sid": "any"}));
        assert_eq!(bank.mint(&token).await.0, status);
    }
    // Without `auth_time`, the token's own age counts.
    assert_eq!(bank.mint(&bank.token_with(json!({"auth_time": null, "iat": now() - 60}))).await.0, 401);
    assert_eq!(bank.mint(&bank.token_with(json!({"auth_time": null, "iat": now() + 20}))).await.0, 200);
    assert_eq!(bank.mint(&bank.token_with(json!({"sub": "bob"}))).await.0, 200);
}

#[tokio::test]
async fn a_logout_at_one_replica_stops_the_others_at_once_and_outlives_them() {
    let mut bank = bank("rfc9068").await;
    let (_, before) = bank.mint(&bank.token()).await;
    let alive = before["da_svid"].as_str().unwrap().to_owned();
    let other = start(bank.folder.path(), &bank.provider.issuer, "rfc9068", SETTINGS).await;
    assert_eq!(post(&bank, &bank.key.sign("logout+jwt", &claims(&bank))).await.0, 200);
    let first = std::mem::replace(&mut bank.handle, other);
    let (status, body) = bank.mint(&bank.token()).await;
    assert_eq!((status, &body["type"]), (401, &json!("urn:x-dasvid:problem:revoked")), "the other replica");
    let (_, introspected) = bank.post("subject-wl", "/introspect", &[("token", &alive)]).await;
    assert_eq!(introspected, json!({"active": false}), "the ledger caught up in the transaction of the mint");
    first.shutdown().await;
    let restarted = start(bank.folder.path(), &bank.provider.issuer, "rfc9068", SETTINGS).await;
    std::mem::replace(&mut bank.handle, restarted).shutdown().await;
    assert_eq!(bank.mint(&bank.token()).await.0, 401, "after a restart");
    assert_eq!(list(&bank).await.records.len(), 1);
}

#[tokio::test]
async fn keycloaks_logout_tokens_are_taken_in_both_types() {
    let bank = bank("keycloak").await;
    let event = json!({"http://schemas.openid.net/event/backchannel-logout": {}, "revoke_offline_access": true});
    for (typ, payload_typ, status) in [
        ("logout+jwt", json!("Logout"), 200),
        ("logout+jwt", json!(null), 200),
        ("JWT", json!("Logout"), 200),
        ("JWT", json!(null), 400),
        ("JWT", json!("Bearer"), 400),
        ("JWT", json!("ID"), 400),
    ] {
        let claims = merged(claims(&bank), json!({"typ": payload_typ, "events": event}));
        assert_eq!(post(&bank, &bank.key.sign(typ, &claims)).await.0, status, "{typ} {payload_typ}");
    }
}

#[tokio::test]
async fn a_forged_logout_token_makes_no_record() {
    let bank = bank("rfc9068").await;
    let stranger = Key::generate("k1", Algorithm::Rs256);
    let forged = stranger.sign("logout+jwt", &claims(&bank));
    refused(&bank, &forged, "the logout token's signature is not valid").await;
    let good = bank.key.sign("logout+jwt", &claims(&bank));
    let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let victim = merged(claims(&bank), json!({"sid": "another"}));
    let swapped = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(victim.to_string()));
    refused(&bank, &swapped, "the logout token's signature is not valid").await;
    let unknown = Key::generate("k9", Algorithm::Rs256).sign("logout+jwt", &claims(&bank));
    refused(&bank, &unknown, "the logout token's key is not among its issuer's published keys").await;
    for garbage in ["x", "a.b.c", "e30.e30.e30", "....", &"A".repeat(20_000)] {
        let (status, body) = post(&bank, garbage).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    }
}

#[tokio::test]
async fn a_foreign_issuers_logout_token_makes_no_record() {
    let bank = bank("rfc9068").await;
    let key = Key::generate("k1", Algorithm::Rs256);
    let foreign = Provider::start(&[&key]).await;
    let token = key.sign("logout+jwt", &merged(claims(&bank), json!({"iss": foreign.issuer})));
    refused(&bank, &token, "the logout token's issuer is not one this service trusts").await;
    assert_eq!((foreign.requests(), bank.provider.requests()), (0, 0), "nothing was fetched for a stranger");
}

#[tokio::test]
async fn a_logout_token_for_another_client_makes_no_record() {
    let bank = bank("rfc9068").await;
    for aud in [json!("other-app"), json!(["other-app", "asserting-wl"]), json!([])] {
        refused_claims(&bank, json!({ "aud": aud }), "the logout token is for another client").await;
    }
    let malformed = "the logout token's claim `aud` is missing, malformed or not accepted";
    refused_claims(&bank, json!({"aud": null}), malformed).await;
    refused_claims(&bank, json!({"aud": ["bank-web", 1]}), malformed).await;
}

#[tokio::test]
async fn an_algorithm_confused_logout_token_makes_no_record() {
    let bank = bank("rfc9068").await;
    let text = claims(&bank).to_string();
    for alg in ["none", "None", "HS256", "RS512"] {
        let header = json!({"alg": alg, "typ": "logout+jwt", "kid": "k1"}).to_string();
        let token = bank.key.sign_text(&header, &text);
        refused(&bank, &token, "the logout token's algorithm is not one its issuer may use here").await;
    }
    let secret = jsonwebtoken::EncodingKey::from_secret(bank.key.jwk().to_string().as_bytes());
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    (header.typ, header.kid) = (Some("logout+jwt".into()), Some("k1".into()));
    let token = jsonwebtoken::encode(&header, &claims(&bank), &secret).unwrap();
    refused(&bank, &token, "the logout token's algorithm is not one its issuer may use here").await;
    let header = json!({"alg": "RS256", "typ": "logout+jwt", "kid": "k1", "jwk": bank.key.jwk()}).to_string();
    let token = bank.key.sign_text(&header, &text);
    refused(&bank, &token, "the logout token's header member `jwk` is not accepted").await;
}

#[tokio::test]
async fn a_replayed_logout_token_makes_no_second_record() {
    let bank = bank("rfc9068").await;
    let token = bank.key.sign("logout+jwt", &claims(&bank));
    assert_eq!(post(&bank, &token).await.0, 200);
    let (status, body) = post(&bank, &token).await;
    assert_eq!((status, &body["error_description"]), (400, &json!("the logout token has been used before")));
    assert_eq!(list(&bank).await.version, 1);
    let stale = bank.key.sign("logout+jwt", &merged(claims(&bank), json!({"iat": now() - 400, "exp": null})));
    assert_eq!(post(&bank, &stale).await.1["error_description"], "the logout token is not of this moment");
}

#[tokio::test]
async fn another_kind_of_token_is_no_logout_token() {
    let bank = bank("rfc9068").await;
    let kind = "the token does not say that it is a logout token";
    for typ in ["JWT", "at+jwt", "secevent+jwt", "dasvid+jwt"] {
        refused(&bank, &bank.key.sign(typ, &claims(&bank)), kind).await;
    }
    refused(&bank, &bank.token(), kind).await;
    let access = bank.key.sign("logout+jwt", &bank.claims());
    refused(&bank, &access, "the logout token's claim `events` is missing, malformed or not accepted").await;
}

#[tokio::test]
async fn every_claim_of_a_logout_token_is_checked() {
    let bank = bank("rfc9068").await;
    let claim = |name: &str| format!("the logout token's claim `{name}` is missing, malformed or not accepted");
    let event = "http://schemas.openid.net/event/backchannel-logout";
    for (changes, name) in [
        (json!({"events": null}), "events"),
        (json!({"events": {}}), "events"),
        (json!({"events": {event: true}}), "events"),
        (json!({"events": [event]}), "events"),
        (json!({"nonce": "n"}), "nonce"),
        (json!({"jti": null}), "jti"),
        (json!({"jti": ""}), "jti"),
        (json!({"iat": null}), "iat"),
        (json!({"iat": "1"}), "iat"),
        (json!({"sid": null, "sub": null}), "sid"),
        (json!({"sid": 7}), "sid"),
        (json!({"sub": "x".repeat(2000)}), "sub"),
    ] {
        refused_claims(&bank, changes, &claim(name)).await;
    }
    for changes in [json!({"iat": now() + 60}), json!({"exp": now() - 31}), json!({"iat": now() - 301})] {
        refused_claims(&bank, changes, "the logout token is not of this moment").await;
    }
}

#[tokio::test]
async fn the_listener_of_identity_providers_offers_nothing_else() {
    let bank = bank("rfc9068").await;
    let http = mesh::web::client(WebSettings::default()).unwrap();
    let base = format!("http://{}", bank.handle.address("logout").unwrap());
    for (path, status) in [("/backchannel-logout", 405), ("/keys", 404), ("/mint", 404), ("/revocations", 404)] {
        assert_eq!(http.get(format!("{base}{path}")).send().await.unwrap().status(), status, "{path}");
    }
    let json = http.post(format!("{base}/backchannel-logout")).header("content-type", "application/json").body("{}");
    assert_eq!(json.send().await.unwrap().status(), 415);
    let (status, _) = bank.post("subject-wl", "/backchannel-logout", &[("logout_token", "a.b.c")]).await;
    assert_eq!(status, 404, "workloads cannot reach it");
}

/// A store that is down.
#[derive(Debug)]
struct Down;

#[chassis::async_trait]
impl Store for Down {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        Err(StoreError::Url)
    }

    async fn read(&self) -> Result<Box<dyn Tx>, StoreError> {
        Err(StoreError::Url)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(StoreError::Url)
    }
}

#[tokio::test]
async fn a_logout_is_not_acknowledged_while_the_store_is_down() {
    let bank = bank("rfc9068").await;
    let text = format!(
        "[[issuer]]\nurl = \"{}\"\nprofile = \"rfc9068\"\naudience = [\"asserting-wl\"]\nalgs = [\"RS256\"]\n",
        bank.provider.issuer
    );
    let policy: Policy = chassis::config::parse(&text).unwrap();
    let web = mesh::web::client(WebSettings::default()).unwrap();
    let receiver = LogoutReceiver {
        oauth: Arc::new(OauthVerifier::new(&policy.issuer, &web).unwrap()),
        audience: vec!["bank-web".to_owned()],
        store: Arc::new(Down),
        ledger: Arc::new(Ledger::unread(id("asserting-wl"))),
        clock: Arc::new(SystemClock),
        counted: LogoutCounter::new(&Metrics::default()),
    };
    let refused = receiver.receive(&bank.key.sign("logout+jwt", &claims(&bank))).await.unwrap_err();
    assert!(matches!(refused, LogoutError::Store(_)), "{refused}");
    assert_eq!(refused.kind(), ProblemKind::Unavailable);
}
