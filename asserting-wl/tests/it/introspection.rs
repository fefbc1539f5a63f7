//! `/introspect` and `/validate`: who learns what of which chain.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::schoco;
use http::{Method, Request};
use mesh::Svid;
use serde_json::{Value, json};
use token::claims::TokenId;
use token::encoding::{Digest, base64url};
use token::hop::{self, Extension, Signer};
use token::{Certificates, Chain, RootKey, RootKeys, Timestamp};

use crate::bank::{Bank, id, identity, now, read};

/// Asks about a chain, with its certificates beside it.
pub(crate) async fn ask(bank: &Bank, caller: &str, path: &str, token: &str, certificates: &str) -> (u16, Value) {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("da-svid-certs", certificates)
        .body(format!("token={}", token.replace('~', "%7E")).into())
        .unwrap();
    read(&bank.send(caller, request).await.unwrap())
}

pub(crate) async fn mint(bank: &Bank, path: &str) -> Value {
    let (status, answer) = bank.post("subject-wl", path, &[("access_token", &bank.token())]).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub(crate) async fn introspect(bank: &Bank, caller: &str, token: &str) -> (u16, Value) {
    bank.post(caller, "/introspect", &[("token", token)]).await
}

fn link(root: &str, svid: &Svid, next: &str, jti: u8) -> String {
    let signer = Signer { id: &svid.id, key: &svid.key, x5t: Digest(svid.x5t), not_after: svid.not_after };
    let extension = Extension { next: Some(id(next)), only: None, rqd: None, seal: false, life: 60 };
    hop::extend_id(&Chain::parse(root).unwrap(), &signer, &extension, TokenId([jti; 16]), Timestamp(now())).unwrap()
}

fn join(answer: &Value, svids: &[&Svid]) -> String {
    let mut all = Certificates::parse(answer["certificates"].as_str().unwrap().as_bytes()).unwrap();
    for svid in svids {
        all.push(&svid.chain[0]);
    }
    all.to_header()
}

/// A chain root → subject-wl → middle-tier-1 → target-wl, and its certificates.
pub(crate) async fn id_chain(bank: &Bank) -> (String, String) {
    let answer = mint(bank, "/ecdsaassertion").await;
    let subject = identity(bank.folder.path(), "subject-wl").await.svid().unwrap();
    let middle = identity(bank.folder.path(), "middle-tier-1").await.svid().unwrap();
    let one = link(answer["da_svid"].as_str().unwrap(), &subject, "middle-tier-1", 1);
    (link(&one, &middle, "target-wl", 2), join(&answer, &[&subject, &middle]))
}

/// An anonymous chain of one sealed link, and its root.
pub(crate) async fn anonymous_chain(bank: &Bank) -> (String, String) {
    let answer = mint(bank, "/mintassertion").await;
    let root = answer["da_svid"].as_str().unwrap();
    let jwks: Value = bank.client("subject-wl").await.get_json("/keys?alg=SCHOCO-R255").await.unwrap();
    let kid = jwks["keys"][0]["kid"].as_str().unwrap();
    let keys = RootKeys::parse(jwks.to_string().as_bytes()).unwrap();
    let Some(RootKey::Schoco(key)) = keys.find(kid) else { panic!("no Schnorr key") };
    let key: &schoco::RootKey = key;
    let rqd = Some(Digest::of("request"));
    let extension = Extension { next: Some(id("target-wl")), only: None, rqd, seal: true, life: 30 };
    let chain = Chain::parse(root).unwrap();
    let sealed = hop::extend_anonymous(&chain, key, &extension, TokenId([1; 16]), &[7; 32], Timestamp(now())).unwrap();
    (sealed, root.to_owned())
}

/// The root with its tail cut to R.
pub(crate) fn cut(root: &str) -> String {
    let (signed, tail) = root.rsplit_once('.').unwrap();
    format!("{signed}.{}", base64url(&URL_SAFE_NO_PAD.decode(tail).unwrap()[..32]))
}

#[tokio::test]
async fn an_id_chain_tells_its_workloads_who_acted() {
    let bank = Bank::open("rfc9068").await;
    let (chain, certificates) = id_chain(&bank).await;
    for caller in ["subject-wl", "middle-tier-1", "target-wl", "auditor"] {
        let (status, answer) = ask(&bank, caller, "/introspect", &chain, &certificates).await;
        assert_eq!((status, &answer["active"]), (200, &json!(true)), "{caller}: {answer}");
        assert_eq!(answer["act"]["sub"], "spiffe://bank.example/middle-tier-1");
        assert_eq!(answer["act"]["act"]["sub"], "spiffe://bank.example/subject-wl");
        assert_eq!(answer["act"]["act"].get("act"), None);
        assert_eq!(answer["dpr"], crate::bank::ALICE);
    }
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let bank = Bank::open("rfc9068").await;
    let (chain, certificates) = id_chain(&bank).await;
    let plain = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    let (status, answer) = ask(&bank, "stranger", "/introspect", &chain, &certificates).await;
    assert_eq!((status, answer), (200, json!({"active": false})));
    assert_eq!(introspect(&bank, "stranger", &plain).await, (200, json!({"active": false})));
    // A link that names it would let it ask, but not one it made up.
    let stranger = identity(bank.folder.path(), "stranger").await.svid().unwrap();
    let forged = format!("{chain}~{}", link_by(&chain, &stranger));
    let (_, answer) = ask(&bank, "stranger", "/introspect", &forged, &certificates).await;
    assert_eq!(answer, json!({"active": false}));
}

/// A link by `svid` after `chain`, whoever the chain names as the next.
fn link_by(chain: &str, svid: &Svid) -> String {
    let header = json!({"typ": "dasvid-link+jwt", "alg": "ES256", "x5t#S256": base64url(&svid.x5t)});
    let claims = json!({
        "iss": svid.id.to_string(), "aud": svid.id.to_string(), "iat": now(), "exp": now() + 30,
        "jti": TokenId([3; 16]).to_string(), "prv": Digest::of(chain).to_string(),
    });
    let signed = format!("{}.{}", base64url(header.to_string().as_bytes()), base64url(claims.to_string().as_bytes()));
    let signature = svid.key.sign(crypto::jose::Algorithm::Es256, signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(&signature))
}

#[tokio::test]
async fn a_plain_root_is_active_for_its_subject_and_audience() {
    let bank = Bank::open("rfc9068").await;
    let plain = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    for caller in ["subject-wl", "target-wl", "auditor"] {
        let (_, answer) = introspect(&bank, caller, &plain).await;
        assert_eq!((&answer["active"], &answer["links"]), (&json!(true), &json!(0)), "{caller}");
        assert_eq!(answer.get("act"), None);
    }
    assert_eq!(introspect(&bank, "middle-tier-1", &plain).await.1, json!({"active": false}));
}

#[tokio::test]
async fn an_anonymous_chain_is_active_sealed_or_cut_and_never_alive() {
    let bank = Bank::open("rfc9068").await;
    let (sealed, root) = anonymous_chain(&bank).await;
    let (_, answer) = introspect(&bank, "target-wl", &sealed).await;
    assert_eq!((&answer["active"], &answer["links"]), (&json!(true), &json!(1)), "{answer}");
    let (_, answer) = introspect(&bank, "target-wl", &cut(&root)).await;
    assert_eq!((&answer["active"], &answer["links"]), (&json!(true), &json!(0)), "{answer}");
    assert_eq!(introspect(&bank, "stranger", &cut(&root)).await.1, json!({"active": false}));
    // The live root would be a key in the asker's hand; it is not needed, so it is not answered.
    assert_eq!(introspect(&bank, "target-wl", &root).await.1, json!({"active": false}));
    assert_eq!(introspect(&bank, "target-wl", &cut(&sealed)).await.1, json!({"active": false}));
}

#[tokio::test]
async fn a_cut_root_that_was_not_minted_is_dead() {
    let bank = Bank::open("rfc9068").await;
    let (_, root) = anonymous_chain(&bank).await;
    let (signed, _) = root.rsplit_once('.').unwrap();
    let other_r = format!("{signed}.{}", base64url(&[9; 32]));
    assert_eq!(introspect(&bank, "target-wl", &other_r).await.1, json!({"active": false}));
    let [header, payload, _] = root.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["scope"] = json!("admin");
    let tail = cut(&root).rsplit_once('.').unwrap().1.to_owned();
    let forged = format!("{header}.{}.{tail}", base64url(claims.to_string().as_bytes()));
    assert_eq!(introspect(&bank, "target-wl", &forged).await.1, json!({"active": false}));
}

#[tokio::test]
async fn garbage_is_a_dead_token() {
    let bank = Bank::open("rfc9068").await;
    for token in ["x", "a.b.c", "~", &bank.token(), &"A".repeat(20_000)] {
        assert_eq!(introspect(&bank, "subject-wl", token).await, (200, json!({"active": false})));
    }
}

#[tokio::test]
async fn a_malformed_nonce_is_refused_in_the_words_of_oauth() {
    let bank = Bank::open("rfc9068").await;
    let (status, answer) = bank.post("subject-wl", "/introspect", &[("token", "x"), ("nonce", "AAAA")]).await;
    assert_eq!(status, 400);
    insta::assert_json_snapshot!(answer, @r#"
    {
      "detail": "`nonce` is not base64url of 16 to 64 bytes",
      "error": "invalid_request",
      "error_description": "`nonce` is not base64url of 16 to 64 bytes",
      "status": 400,
      "title": "The request is malformed",
      "type": "urn:x-dasvid:problem:invalid-request"
    }
    "#);
}

#[tokio::test]
async fn validate_diagnoses_links() {
    let bank = Bank::open("rfc9068").await;
    let (chain, certificates) = id_chain(&bank).await;
    let (status, answer) = ask(&bank, "stranger", "/validate", &chain, &certificates).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["signature_valid"], &answer["expiration_valid"]), (&json!(true), &json!(true)));
    assert_eq!(answer["links"].as_array().unwrap().len(), 2);
    assert_eq!(answer["links"][1]["iss"], "spiffe://bank.example/middle-tier-1");
    assert_eq!(answer["claims"]["dpr"], crate::bank::ALICE);
    assert!(answer["expires_in"].as_u64().unwrap() <= 60);
    let without = bank.post("stranger", "/validate", &[("token", &chain)]).await;
    assert_eq!(without.1["signature_valid"], false);
}

#[tokio::test]
async fn validate_finds_a_tampered_root() {
    let bank = Bank::open("rfc9068").await;
    let plain = mint(&bank, "/mint").await["da_svid"].as_str().unwrap().to_owned();
    let [header, payload, tail] = plain.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    claims["dpr"] = json!("b0b00000-0000-4000-8000-000000000002");
    let tampered = format!("{header}.{}.{tail}", base64url(claims.to_string().as_bytes()));
    let (status, answer) = bank.post("subject-wl", "/validate", &[("token", &tampered)]).await;
    assert_eq!((status, &answer["signature_valid"]), (200, &json!(false)));
    let (_, answer) = bank.post("subject-wl", "/validate", &[("token", &plain)]).await;
    assert_eq!(answer["signature_valid"], true);
    let (status, answer) = bank.post("subject-wl", "/validate", &[("token", "garbage")]).await;
    assert_eq!((status, &answer["type"]), (401, &json!("urn:x-dasvid:problem:invalid-token")));
    let (status, _) = bank.post("subject-wl", "/validate", &[("token", &"A".repeat(20_000))]).await;
    assert_eq!(status, 413);
}
