//! What is minted, what is recorded of it, and what survives a restart.

use std::sync::Arc;
use std::time::Duration;

use asserting_wl::config::{KeySettings, MintSettings};
use asserting_wl::keyring::Keyring;
use asserting_wl::keyring::vault::{SealedVault, Vault};
use asserting_wl::minting::{Endpoint, MintCounter, Minter};
use asserting_wl::oauth::OauthVerifier;
use asserting_wl::provenance::{Provenance, ZkpSettings};
use asserting_wl::revocations::{Cause, Ledger, Revoked};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::{Metrics, Problem, SystemClock};
use crypto::jose::Algorithm;
use mesh::Peer;
use mesh::web::WebSettings;
use serde_json::{Value, json};
use store::seal::SealKey;
use store::{Event, Moment, Store};
use token::claims::RootClaims;
use token::encoding::Digest;
use token::revocation::RevocationKey;
use token::{Chain, Mode, Policy, RootKey, RootKeys, Timestamp};
use wire::mint::MintRequest;
use wire::problem::ProblemKind;

use crate::bank::{Bank, id, identity, merged, now, start};
use crate::provider::Key;

const ENDPOINTS: [(&str, Mode); 3] =
    [("/mint", Mode::Plain), ("/ecdsaassertion", Mode::Id), ("/mintassertion", Mode::Anonymous)];

fn root(answer: &Value) -> Chain {
    Chain::parse(answer["da_svid"].as_str().unwrap()).unwrap()
}

/// The header of a root, as JSON.
fn header(answer: &Value) -> Value {
    let header = answer["da_svid"].as_str().unwrap().split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

async fn keys(bank: &Bank, path: &str) -> Value {
    bank.client("subject-wl").await.get_json(path).await.unwrap()
}

async fn events(bank: &Bank) -> Vec<Event> {
    let url = format!("sqlite://{}/asserting-wl.db", bank.folder.path().display());
    let store = store::open(&url).await.unwrap();
    let pending = store.read().await.unwrap().pending_events(100).await.unwrap();
    pending.into_iter().map(|pending| pending.event).collect()
}

#[tokio::test]
async fn every_endpoint_mints_a_root_of_its_mode() {
    let bank = Bank::open("rfc9068").await;
    for (path, mode) in ENDPOINTS {
        let before = now();
        let (status, answer) = bank.post("subject-wl", path, &[("access_token", &bank.token())]).await;
        assert_eq!(status, 200, "{path}: {answer}");
        let chain = root(&answer);
        assert_eq!(chain.mode(), mode);
        let claims: &RootClaims = chain.root();
        assert_eq!((claims.iss.clone(), claims.sub.clone()), (id("asserting-wl"), id("subject-wl")));
        assert_eq!(claims.aud, [id("target-wl")]);
        assert_eq!((claims.dpa.as_str(), claims.dpr.as_str()), (bank.provider.issuer.as_str(), crate::bank::ALICE));
        assert_eq!(claims.scope.as_str(), "accounts.read payments.write");
        assert_eq!(claims.sid.as_deref(), Some("XbMYj0Y59HMcxfQlQE9bCQsp"));
        assert_eq!((claims.acr.as_deref(), claims.client_id.as_deref()), (Some("1"), Some("bank-web")));
        assert!(claims.aat.0 >= before && claims.aat == claims.iat);
        assert_eq!(claims.exp.since(claims.iat), 120);
        assert_eq!((&claims.only, &claims.cnf, &claims.rqd), (&None, &None, &None));
        assert_eq!(answer["certificates"].is_string(), mode == Mode::Id);
        assert_eq!(answer["oauth_token"]["signature_valid"], true);
        assert!(answer["expires_in"].as_u64().unwrap() <= 120);
    }
}

#[tokio::test]
async fn answers_are_these_members_and_are_not_cached() {
    let bank = Bank::open("rfc9068").await;
    let client = bank.client("subject-wl").await;
    let answer = client.post_form("/ecdsaassertion", &[("access_token", &bank.token())]).await.unwrap();
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "application/json");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let chain = root(&body);
    insta::assert_json_snapshot!("ecdsaassertion", body, {
        ".da_svid" => "<root>", ".certificates" => "<certificates>",
        ".expires_in" => "<seconds>", ".oauth_token.expires_in" => "<seconds>",
    });
    insta::assert_json_snapshot!("ecdsaassertion header", header(&body), { r#"["x5t#S256"]"# => "<hash>" });
    insta::assert_json_snapshot!("root claims", chain.root().to_json(), {
        ".dpa" => "<issuer>", ".aat" => "<now>", ".oat" => "<now>", ".iat" => "<now>", ".exp" => "<soon>",
        ".auth_time" => "<now>", ".jti" => "<id>", ".txn" => "<id>",
    });
}

#[tokio::test]
async fn roots_verify_with_the_published_keys() {
    for alg in ["ES256", "ES384", "PS256", "RS256", "Ed25519"] {
        let settings = format!("mint.alg = \"{alg}\"");
        let bank = Bank::open_with("rfc9068", &settings, Key::generate("k1", Algorithm::Es256)).await;
        let (_, plain) = bank.mint(&bank.token()).await;
        let chain = root(&plain);
        assert_eq!(header(&plain)["alg"], alg);
        assert_eq!(header(&plain)["typ"], "dasvid+jwt");
        let jwks = keys(&bank, &format!("/keys?alg={alg}")).await;
        assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
        let published = RootKeys::parse(jwks.to_string().as_bytes()).unwrap();
        let kid = header(&plain)["kid"].as_str().unwrap().to_owned();
        let Some(RootKey::Jose { alg, key }) = published.find(&kid) else { panic!("{kid} is not published") };
        key.verify(*alg, chain.signed(0).as_bytes(), chain.tail(0)).unwrap();
    }
}

#[tokio::test]
async fn the_svid_signs_plain_roots_where_it_is_set_to() {
    let key = Key::generate("k1", Algorithm::Es256);
    let bank = Bank::open_with("rfc9068", "mint.key = \"svid\"", key).await;
    let (status, plain) = bank.mint(&bank.token()).await;
    assert_eq!(status, 200, "{plain}");
    assert!(header(&plain)["x5t#S256"].is_string() && header(&plain).get("kid").is_none());
    assert!(plain["certificates"].as_str().unwrap().starts_with(':'));
}

#[tokio::test]
async fn both_names_of_ed25519_are_accepted() {
    for name in ["Ed25519", "EdDSA"] {
        let bank = Bank::open_with("rfc9068", "", Key::generate("k1", Algorithm::Ed25519)).await;
        let header = json!({"alg": name, "typ": "at+jwt", "kid": "k1"}).to_string();
        let mut jwk = bank.key.jwk();
        jwk["alg"] = json!(name);
        bank.provider.answers.lock().unwrap().jwks = json!({"keys": [jwk]}).to_string();
        let (status, answer) = bank.mint(&bank.key.sign_text(&header, &bank.claims().to_string())).await;
        assert_eq!(status, 200, "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_request_narrows_scope_and_audience() {
    let bank = Bank::open("rfc9068").await;
    let form = [
        ("access_token", bank.token()),
        ("scope", "accounts.read admin".into()),
        ("audience", "spiffe://bank.example/target-wl".into()),
    ];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (_, answer) = bank.post("subject-wl", "/mint", &form).await;
    assert_eq!(root(&answer).root().scope.as_str(), "accounts.read");
    for (name, value, status) in [
        ("audience", "spiffe://bank.example/other", 403),
        ("audience", "target-wl", 400),
        ("scope", "a  b", 400),
        ("rqd", "short", 400),
    ] {
        let (refused, body) = bank.post("subject-wl", "/mint", &[("access_token", &bank.token()), (name, value)]).await;
        assert_eq!(refused, status, "{name}={value}: {body}");
    }
}

#[tokio::test]
async fn only_plain_roots_are_bound_to_a_request() {
    let bank = Bank::open("rfc9068").await;
    let rqd = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
    for (path, mode) in ENDPOINTS {
        let (status, answer) = bank.post("subject-wl", path, &[("access_token", &bank.token()), ("rqd", rqd)]).await;
        if mode == Mode::Plain {
            assert_eq!(root(&answer).root().rqd.unwrap().to_string(), rqd);
        } else {
            assert_eq!(status, 400);
            assert_eq!(answer["detail"], "`rqd` binds plain DA-SVIDs only; in this mode the links carry it");
        }
    }
}

#[tokio::test]
async fn a_root_never_outlives_the_access_token() {
    let bank = Bank::open("rfc9068").await;
    let exp = now() + 40;
    let (_, answer) = bank.mint(&bank.token_with(json!({ "exp": exp }))).await;
    assert_eq!(root(&answer).root().exp.0, exp);
}

#[tokio::test]
async fn a_keycloak_token_without_auth_time_is_enough() {
    let bank = Bank::open("keycloak").await;
    let keycloak = json!({"typ": "Bearer", "azp": "bank-web", "client_id": null, "auth_time": null});
    let claims = merged(bank.claims(), keycloak);
    let (status, answer) = bank.mint(&bank.key.sign("JWT", &claims)).await;
    assert_eq!(status, 200, "{answer}");
    let chain = root(&answer);
    assert_eq!((chain.root().auth_time, chain.root().client_id.as_deref()), (None, Some("bank-web")));
}

#[tokio::test]
async fn a_mint_and_its_event_are_recorded_together() {
    let bank = Bank::open("rfc9068").await;
    let (_, answer) = bank.post("subject-wl", "/mintassertion", &[("access_token", &bank.token())]).await;
    let chain = root(&answer);
    let events = events(&bank).await;
    assert_eq!(events.len(), 1);
    let (event, claims) = (&events[0], chain.root());
    assert_eq!((event.kind.as_str(), event.txn.clone()), ("assertion-minted", Some(claims.txn.to_string())));
    assert_eq!(
        event.subject["token"],
        json!({"format": "jwt_id", "iss": "spiffe://bank.example/asserting-wl", "jti": claims.jti.to_string()})
    );
    insta::assert_json_snapshot!("assertion-minted", event.payload, {
        ".jti" => "<id>", ".iat" => "<now>", ".exp" => "<soon>", ".delegator.iss" => "<issuer>",
    });
    let url = format!("sqlite://{}/asserting-wl.db", bank.folder.path().display());
    let store = store::open(&url).await.unwrap();
    let mint = store.read().await.unwrap().mints().find(&claims.jti.to_string()).await.unwrap().unwrap();
    assert_eq!(mint.commitment.unwrap().as_slice(), &chain.tail(0)[..32]);
}

#[tokio::test]
async fn refusals_are_told_in_one_event_a_reason() {
    let bank = Bank::open("rfc9068").await;
    for _ in 0..5 {
        bank.mint(&bank.token_with(json!({"aud": "other"}))).await;
    }
    bank.post("stranger", "/mint", &[("access_token", &bank.token())]).await;
    bank.handle.shutdown().await;
    let url = format!("sqlite://{}/asserting-wl.db", bank.folder.path().display());
    let store = store::open(&url).await.unwrap();
    let pending = store.read().await.unwrap().pending_events(100).await.unwrap();
    let told: Vec<_> = pending
        .iter()
        .map(|pending| (pending.event.kind.as_str(), &pending.event.payload["rule"], &pending.event.payload["count"]))
        .collect();
    assert_eq!(
        told,
        [
            ("assertion-rejected", &json!("oauth-audience"), &json!(5)),
            ("assertion-rejected", &json!("permission"), &json!(1)),
        ]
    );
}

#[tokio::test]
async fn a_restart_keeps_the_keys_and_the_mints() {
    let mut bank = Bank::open("rfc9068").await;
    let before = keys(&bank, "/keys").await;
    let (_, answer) = bank.mint(&bank.token()).await;
    let restarted = start(bank.folder.path(), &bank.provider.issuer, "rfc9068", "").await;
    std::mem::replace(&mut bank.handle, restarted).shutdown().await;
    assert_eq!(keys(&bank, "/keys").await, before);
    let token = answer["da_svid"].as_str().unwrap();
    let (_, alive) = bank.post("subject-wl", "/introspect", &[("token", token)]).await;
    assert_eq!(alive["active"], true, "{alive}");
}

#[tokio::test]
async fn nothing_is_minted_for_whom_is_revoked() {
    let bank = Bank::open("rfc9068").await;
    let (dpa, dpr) = (bank.provider.issuer.clone(), crate::bank::ALICE.to_owned());
    let peer = Peer { id: id("subject-wl"), x5t: [7; 32], addr: "127.0.0.1:1".parse().unwrap() };
    let login = Timestamp(login());
    let person = RevocationKey::Person { dpa: dpa.clone(), dpr: dpr.clone() };
    // What was recorded before the ledger was read, and what another replica records behind its back.
    for late in [false, true] {
        for (key, until) in [
            (RevocationKey::Session { dpa: dpa.clone(), sid: "XbMYj0Y59HMcxfQlQE9bCQsp".into() }, None),
            (person.clone(), None),
            (person.clone(), Some(login)),
            (RevocationKey::Workload(id("subject-wl")), None),
            (RevocationKey::Certificate(Digest([7; 32])), None),
        ] {
            assert_eq!(mint_under(&bank, Some((key, until)), late, &peer).await, Err(ProblemKind::Revoked));
        }
        let earlier = Some((person.clone(), Some(login.minus(1))));
        assert_eq!(mint_under(&bank, earlier, late, &peer).await, Ok(()), "a later login lives");
        let other = RevocationKey::Person { dpa: "https://other.example".into(), dpr: dpr.clone() };
        assert_eq!(mint_under(&bank, Some((other, None)), late, &peer).await, Ok(()));
    }
}

#[tokio::test]
async fn nothing_is_minted_while_nobody_knows_what_is_revoked() {
    let bank = Bank::open("rfc9068").await;
    let peer = Peer { id: id("subject-wl"), x5t: [7; 32], addr: "127.0.0.1:1".parse().unwrap() };
    let store = store::open("memory:").await.unwrap();
    let refused = mint_with(&bank, store, Ledger::unread(id("asserting-wl")), &peer).await;
    assert_eq!(refused, Err(ProblemKind::Unavailable));
}

/// When the person logged in: one moment, however long the tests take.
fn login() -> u64 {
    static AT: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *AT.get_or_init(|| now() - 5)
}

/// Mints while this is revoked, recorded before the ledger was read or after.
async fn mint_under(
    bank: &Bank,
    revoked: Option<(RevocationKey, Option<Timestamp>)>,
    late: bool,
    peer: &Peer,
) -> Result<(), ProblemKind> {
    let store = store::open("memory:").await.unwrap();
    let early =
        if late { Some(Ledger::open(&*store, &id("asserting-wl"), Timestamp(now())).await.unwrap()) } else { None };
    if let Some((key, not_after_iat)) = revoked {
        let source = ("https://idp.example".to_owned(), "j1".to_owned());
        let revoked = Revoked { key, not_after_iat, cause: Cause::Logout, source, txn: None };
        let mut tx = store.begin().await.unwrap();
        revoked.record(&mut *tx, Timestamp(now())).await.unwrap();
        tx.commit().await.unwrap();
    }
    let ledger = match early {
        Some(ledger) => ledger,
        None => Ledger::open(&*store, &id("asserting-wl"), Timestamp(now())).await.unwrap(),
    };
    mint_with(bank, store, ledger, peer).await
}

/// Mints with these revocations; what was recorded is what was minted.
async fn mint_with(bank: &Bank, store: Arc<dyn Store>, ledger: Ledger, peer: &Peer) -> Result<(), ProblemKind> {
    let vault = Arc::new(SealedVault::new(SealKey::from_bytes([1; 32])));
    let minter = minter(bank, &store, ledger, vault).await;
    let access_token = bank.token_with(json!({ "auth_time": login() }));
    let request = MintRequest { access_token, audience: None, scope: None, rqd: None };
    let answer = minter.mint(Endpoint::Plain, peer, &request).await;
    let events = store.read().await.unwrap().pending_events(9).await.unwrap();
    let told = events.iter().filter(|pending| pending.event.kind == "assertion-minted").count();
    assert_eq!(told, usize::from(answer.is_ok()));
    answer.map(drop).map_err(|error| error.kind())
}

/// What mints at this store with keys of this vault.
pub(crate) async fn minter(bank: &Bank, store: &Arc<dyn Store>, ledger: Ledger, vault: Arc<dyn Vault>) -> Minter {
    let text = format!(
        r#"
[[issuer]]
url = "{issuer}"
profile = "rfc9068"
audience = ["asserting-wl"]
algs = ["RS256"]
[[mint]]
caller = "spiffe://bank.example/subject-wl"
issuer = "{issuer}"
scopes = ["accounts.read"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
"#,
        issuer = bank.provider.issuer
    );
    let policy: Policy = chassis::config::parse(&text).unwrap();
    let (schedule, now) = (KeySettings::default().schedule(), Moment::from_seconds(now()));
    let keyring = Keyring::open(Arc::clone(store), vault, Algorithm::Es256, schedule, now).await.unwrap();
    let seal = SealKey::from_bytes([1; 32]);
    Minter {
        me: id("asserting-wl"),
        oauth: Arc::new(
            OauthVerifier::new(&policy.issuer, &mesh::web::client(WebSettings::default()).unwrap()).unwrap(),
        ),
        rows: policy.mint,
        keyring: Arc::new(keyring),
        identity: identity(bank.folder.path(), "asserting-wl").await,
        store: Arc::clone(store),
        revocations: Arc::new(ledger),
        provenance: Arc::new(Provenance::new(id("asserting-wl"), seal, ZkpSettings::default())),
        clock: Arc::new(SystemClock),
        settings: MintSettings::default(),
        counted: MintCounter::new(&Metrics::default()),
        signer_timeout: Duration::from_millis(100),
    }
}
