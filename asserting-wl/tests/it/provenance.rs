//! The proof of the OAuth signature: who gets it, how often, and what is kept to make it.

use std::collections::HashMap;
use std::sync::Arc;

use crypto::jose::Algorithm;
use serde_json::{Value, json};
use store::Moment;
use token::encoding::{base64url, from_base64url};
use token::provenance::{Envelope, IssuerKeys, ProvenanceError, Rounds, Verifier};
use token::{Chain, Timestamp};

use crate::bank::{Bank, id, now};
use crate::introspection::{cut, mint};
use crate::provider::Key;

const NONCE: [u8; 16] = [7; 16];

/// A bank whose provider signs with `algorithm`.
async fn open(algorithm: Algorithm, settings: &str) -> Bank {
    Bank::open_for("rfc9068", settings, Key::generate("k1", algorithm), &[algorithm.name()]).await
}

async fn ask(bank: &Bank, caller: &str, token: &str, nonce: &[u8]) -> (u16, Value) {
    bank.post(caller, "/introspect", &[("token", token), ("nonce", &base64url(nonce))]).await
}

/// A verifier that has the keys the provider of `bank` had when it was opened.
fn verifier(bank: &Bank, rounds: Rounds) -> Verifier {
    let jwks = json!({"keys": [bank.key.jwk()]}).to_string();
    let keys = Arc::new(IssuerKeys::parse(jwks.as_bytes()).unwrap());
    let issuers = HashMap::from([(bank.provider.issuer.clone(), keys)]);
    Verifier::new(Arc::new(issuers), vec!["asserting-wl".to_owned()], rounds)
}

fn check(bank: &Bank, answer: &Value, root: &str, rounds: Rounds) -> Result<(), ProvenanceError> {
    let (chain, zkp) = (Chain::parse(root).unwrap(), Envelope::from_json(&answer["zkp"]).unwrap());
    let (prover, me) = (id("asserting-wl"), id("verifier"));
    verifier(bank, rounds).check_answer(&zkp, chain.root(), (&prover, &me), &NONCE, Timestamp(now()))
}

/// A root of each kind: as minted, and as it may be shown.
async fn roots(bank: &Bank) -> Vec<(String, String)> {
    let mut roots = Vec::new();
    for path in ["/mint", "/mintassertion"] {
        let root = mint(bank, path).await["da_svid"].as_str().unwrap().to_owned();
        let shown = if path == "/mint" { root.clone() } else { cut(&root) };
        roots.push((root, shown));
    }
    roots
}

async fn is_proven(algorithm: Algorithm, settings: &str, rounds: Rounds) {
    let bank = open(algorithm, settings).await;
    for (root, shown) in roots(&bank).await {
        let (status, answer) = ask(&bank, "verifier", &shown, &NONCE).await;
        assert_eq!((status, &answer["active"]), (200, &json!(true)), "{answer}");
        check(&bank, &answer, &root, rounds).unwrap();
    }
}

#[tokio::test]
async fn a_verifier_is_proven_signatures_of_every_algorithm() {
    for algorithm in [Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Ed25519] {
        is_proven(algorithm, "", Rounds::Eight).await;
    }
}

#[tokio::test]
async fn sixteen_rounds_are_made_where_they_are_set() {
    is_proven(Algorithm::Rs256, "[zkp]\nrounds = 16\n", Rounds::Sixteen).await;
}

#[tokio::test]
async fn a_nonce_is_answered_once_for_a_token() {
    let bank = Bank::open("rfc9068").await;
    let roots = roots(&bank).await;
    assert!(ask(&bank, "verifier", &roots[0].1, &NONCE).await.1["zkp"].is_object());
    let (status, answer) = ask(&bank, "verifier", &roots[0].1, &NONCE).await;
    assert_eq!((status, &answer["error"]), (409, &json!("invalid_request")), "{answer}");
    assert_eq!(answer["type"], "urn:x-dasvid:problem:replay-detected");
    assert!(ask(&bank, "verifier", &roots[0].1, &[8; 64]).await.1["zkp"].is_object());
    assert!(ask(&bank, "verifier", &roots[1].1, &NONCE).await.1["zkp"].is_object());
}

#[tokio::test]
async fn who_may_not_see_the_oauth_claims_gets_no_proof_and_spends_no_nonce() {
    let bank = Bank::open("rfc9068").await;
    for (_, shown) in roots(&bank).await {
        for caller in ["subject-wl", "target-wl", "auditor"] {
            for _ in 0..2 {
                let (status, answer) = ask(&bank, caller, &shown, &NONCE).await;
                assert_eq!((status, &answer["active"]), (200, &json!(true)), "{caller}");
                assert_eq!(answer.get("zkp"), None, "{caller}");
            }
        }
        assert_eq!(ask(&bank, "stranger", &shown, &NONCE).await, (200, json!({"active": false})));
        assert!(ask(&bank, "verifier", &shown, &NONCE).await.1["zkp"].is_object());
    }
}

#[tokio::test]
async fn without_a_nonce_there_is_no_proof() {
    let bank = Bank::open("rfc9068").await;
    let (_, shown) = roots(&bank).await.remove(0);
    let (_, answer) = bank.post("verifier", "/introspect", &[("token", &shown)]).await;
    assert_eq!((&answer["active"], answer.get("zkp")), (&json!(true), None));
}

#[tokio::test]
async fn a_nonce_of_another_length_is_refused() {
    let bank = Bank::open("rfc9068").await;
    let (_, shown) = roots(&bank).await.remove(0);
    for nonce in [&[1; 15][..], &[1; 65]] {
        assert_eq!(ask(&bank, "verifier", &shown, nonce).await.0, 400);
    }
    let padded =
        bank.post("verifier", "/introspect", &[("token", &shown), ("nonce", "AAAAAAAAAAAAAAAAAAAAAA==")]).await;
    assert_eq!(padded.0, 400);
}

#[tokio::test]
async fn a_proof_for_another_root_does_not_hold() {
    let bank = Bank::open("rfc9068").await;
    let oauth = bank.token();
    let mut roots = Vec::new();
    for _ in 0..2 {
        let (_, answer) = bank.mint(&oauth).await;
        roots.push(answer["da_svid"].as_str().unwrap().to_owned());
    }
    let (_, answer) = ask(&bank, "verifier", &roots[0], &NONCE).await;
    assert!(check(&bank, &answer, &roots[0], Rounds::Eight).is_ok());
    assert!(matches!(check(&bank, &answer, &roots[1], Rounds::Eight), Err(ProvenanceError::Proof(_))));
}

#[tokio::test]
async fn a_provider_that_changes_its_keys_ends_no_proof() {
    let bank = Bank::open("rfc9068").await;
    let (root, shown) = roots(&bank).await.remove(0);
    bank.provider.publish(&[&Key::generate("k2", Algorithm::Rs256)]);
    // Makes asserting-wl fetch the keys again.
    let (status, _) = bank.mint(&Key::generate("k3", Algorithm::Rs256).sign("at+jwt", &bank.claims())).await;
    assert_eq!(status, 401);
    let (_, answer) = ask(&bank, "verifier", &shown, &NONCE).await;
    check(&bank, &answer, &root, Rounds::Eight).unwrap();
}

#[tokio::test]
async fn a_signature_without_a_proof_mints_and_is_not_proven() {
    let bank = open(Algorithm::Es384, "").await;
    let (_, shown) = roots(&bank).await.remove(0);
    let (_, answer) = ask(&bank, "verifier", &shown, &NONCE).await;
    assert_eq!((&answer["active"], answer.get("zkp")), (&json!(true), None));
}

#[tokio::test]
async fn a_proof_made_at_mint_travels_and_leaves_nothing_behind() {
    let bank = open(Algorithm::Ps256, "[zkp]\nat = \"mint\"\n").await;
    let store = store_of(&bank).await;
    for path in ["/mint", "/ecdsaassertion", "/mintassertion"] {
        let answer = mint(&bank, path).await;
        let chain = Chain::parse(answer["da_svid"].as_str().unwrap()).unwrap();
        let zkp = Envelope::from_field(answer["proof"].as_str().unwrap().as_bytes()).unwrap();
        verifier(&bank, Rounds::Eight).check_embedded(&zkp, chain.root(), Timestamp(now())).unwrap();
        let record = store.read().await.unwrap().mints().find(&chain.root().jti.to_string()).await.unwrap().unwrap();
        assert_eq!(record.sealed_oauth, None);
    }
    let (_, shown) = roots(&bank).await.remove(0);
    assert_eq!(ask(&bank, "verifier", &shown, &NONCE).await.1.get("zkp"), None);
}

async fn store_of(bank: &Bank) -> Arc<dyn store::Store> {
    store::open(&format!("sqlite://{}/asserting-wl.db", bank.folder.path().display())).await.unwrap()
}

#[tokio::test]
async fn what_proves_the_signature_is_sealed_and_gone_with_the_token() {
    let bank = Bank::open("rfc9068").await;
    let token = bank.token();
    let (_, answer) = bank.mint(&token).await;
    let chain = Chain::parse(answer["da_svid"].as_str().unwrap()).unwrap();
    let (jti, exp) = (chain.root().jti.to_string(), chain.root().exp);
    let (input, signature) = token.rsplit_once('.').unwrap();
    let raw = from_base64url(signature).unwrap();
    let secrets = [input.as_bytes(), signature.as_bytes(), &raw];

    let store = store_of(&bank).await;
    let sealed = store.read().await.unwrap().mints().find(&jti).await.unwrap().unwrap().sealed_oauth.unwrap();
    for secret in secrets {
        assert!(!contains(&sealed, secret));
    }
    for file in std::fs::read_dir(bank.folder.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!secrets.iter().any(|secret| contains(&bytes, secret)), "{}", file.display());
    }
    // What housekeeping does once a minute.
    let mut tx = store.begin().await.unwrap();
    tx.mints().purge(Moment::from_seconds(exp.0 + 1)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(store.read().await.unwrap().mints().find(&jti).await.unwrap().is_none());
    let (_, answer) = ask(&bank, "verifier", chain.as_str(), &NONCE).await;
    assert_eq!(answer.get("zkp"), None, "nothing is left to prove with");
}

fn contains(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}
