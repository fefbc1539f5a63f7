//! The zero-knowledge proof of the OAuth signature, carried through the whole bank (rule 13).

use std::path::Path;

use dasvid::input::ChainFile;
use dasvid::journey;
use dasvid::place::Verification;
use dasvid::proof::{self, Expected};
use dasvid::teller::Wanted;
use dev_idp::Algorithm;
use e2e::actor::{balance, deposit};
use e2e::{Actor, Bank, MODES};
use http::StatusCode;
use serde_json::Value;
use token::{Chain, Mode};
use wire::introspect::INTROSPECT;
use wire::problem::ProblemKind;

async fn the_story_is_proven(verification: Verification, algorithm: Algorithm) {
    let bank = Bank::proving(verification, algorithm).await;
    let told = journey::run(bank.place(), |_, _| {}).await.unwrap();
    assert!(told.ok, "{told:#?}");
    for part in [&told.modes.plain, &told.modes.id, &told.modes.anonymous] {
        let proven = part.steps.iter().find(|step| step.step == "proof-verified").unwrap();
        assert!(proven.ok && proven.seen.contains("proof holds"), "{proven:?}");
    }
    bank.close().await;
}

#[tokio::test]
async fn the_story_is_proven_at_every_hop_for_rs256() {
    the_story_is_proven(Verification::Introspect, Algorithm::Rs256).await;
}

#[tokio::test]
async fn the_story_is_proven_at_every_hop_for_ps256() {
    the_story_is_proven(Verification::Introspect, Algorithm::Ps256).await;
}

#[tokio::test]
async fn the_story_is_proven_at_every_hop_for_es256() {
    the_story_is_proven(Verification::Introspect, Algorithm::Es256).await;
}

#[tokio::test]
async fn the_story_is_proven_at_every_hop_for_ed25519() {
    the_story_is_proven(Verification::Introspect, Algorithm::Ed25519).await;
}

#[tokio::test]
async fn the_story_is_told_with_proofs_made_at_mint() {
    the_story_is_proven(Verification::Embedded, Algorithm::Ps256).await;
    the_story_is_proven(Verification::Embedded, Algorithm::Ed25519).await;
}

#[tokio::test]
async fn an_embedded_proof_of_another_root_or_none_is_refused() {
    let bank = Bank::proving(Verification::Embedded, Algorithm::Rs256).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    for mode in MODES {
        let chain = teller.chain(mode, &token, &balance()).await;
        let other = teller.chain(mode, &token, &balance()).await;
        let told = if mode == Mode::Plain { ProblemKind::InvalidToken } else { ProblemKind::InvalidChain };
        for proof in [None, other.proof.clone(), Some("AAAA".to_owned())] {
            let wrong = ChainFile { proof, ..chain.clone() };
            let answer = teller.present(&bank.place().entry, &balance(), &wrong).await;
            assert_eq!(dasvid::teller::problem(&answer).unwrap().kind(), Some(told), "{mode:?}");
        }
        let paid = deposit(100, mode.name());
        let chain = teller.chain(mode, &token, &paid).await;
        assert!(teller.present(&bank.place().entry, &paid, &chain).await.status.is_success(), "{mode:?}");
    }
    bank.close().await;
}

/// What asserting-wl answers `actor` about a root, or how it refuses.
async fn asked(actor: &Actor, root: &ChainFile, nonce: &[u8]) -> Result<Value, String> {
    let chain = Chain::parse(&root.da_svid).unwrap();
    let answer = proof::post(&actor.teller, INTROSPECT, root, &chain.to_show(), Some(nonce)).await;
    answer.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_proof_convinces_only_the_verifier_whose_nonce_it_answers_and_only_of_its_root() {
    let bank = Bank::proving(Verification::Introspect, Algorithm::Rs256).await;
    let (teller, target, token) = (bank.actor("cli").await, bank.actor("target-wl").await, bank.token("bob").await);
    let root = teller.teller.mint(Mode::Anonymous, &token, &Wanted::default()).await.unwrap();
    let other = teller.teller.mint(Mode::Anonymous, &token, &Wanted::default()).await.unwrap();
    let claims = |file: &ChainFile| Chain::parse(&file.da_svid).unwrap().root().clone();
    let (expected, nonce) = (Expected::default(), proof::nonce().unwrap());
    let answer = asked(&teller, &root, &nonce).await.unwrap();
    proof::check(&teller.teller, &claims(&root), &answer, &nonce, &expected).await.unwrap();

    let refused = async |actor: &Actor, file, nonce: &[u8]| {
        proof::check(&actor.teller, &claims(file), &answer, nonce, &expected).await.unwrap_err().to_string()
    };
    let relayed = refused(&target, &root, &nonce).await;
    let repeated = refused(&teller, &root, &proof::nonce().unwrap()).await;
    let transplanted = refused(&teller, &other, &nonce).await;
    for told in [relayed, repeated, transplanted] {
        assert_eq!(told, "the challenge is not the one of this statement");
    }
    let again = asked(&teller, &root, &nonce).await.unwrap_err();
    assert!(again.contains("replay-detected"), "{again}");
    // Spent for one token only.
    asked(&teller, &other, &nonce).await.unwrap();
    bank.close().await;
}

#[tokio::test]
async fn the_oauth_signature_is_nowhere_on_disk_and_the_oauth_token_in_no_proof() {
    for verification in [Verification::Introspect, Verification::Embedded] {
        let bank = Bank::proving(verification, Algorithm::Rs256).await;
        let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
        let (input, signature) = token.rsplit_once('.').unwrap();
        let signature = signature.to_owned();
        let raw = token::encoding::from_base64url(&signature).unwrap();
        for mode in MODES {
            let root = teller.teller.mint(mode, &token, &Wanted::default()).await.unwrap();
            let seen = match verification {
                Verification::Embedded => {
                    let proof = root.proof.unwrap();
                    String::from_utf8(token::encoding::from_base64url(&proof).unwrap()).unwrap()
                }
                _ => asked(&teller, &root, &proof::nonce().unwrap()).await.unwrap().to_string(),
            };
            assert!(seen.contains(input) && !seen.contains(&signature), "{mode:?}");
        }
        let folder = bank.folder().to_owned();
        look_for(&folder, &[signature.as_bytes(), &raw, input.as_bytes()]);
        bank.close().await;
        look_for(&folder, &[signature.as_bytes(), &raw, input.as_bytes()]);
    }
}

fn look_for(folder: &Path, secrets: &[&[u8]]) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for path in files.map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&path).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == *secret);
            assert!(!found, "{} holds it", path.display());
        }
    }
}

#[tokio::test]
async fn a_hop_that_sees_no_oauth_claims_believes_no_chain() {
    let bank = Bank::proving(Verification::Introspect, Algorithm::Es256).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    // Another hop, which asserting-wl's policy does not list: it learns nothing, so it passes nothing on.
    bank.issue("middle-tier-9").await;
    let config = bank
        .config("middle-tier-1")
        .replace(&bank.socket("middle-tier-1"), &bank.socket("middle-tier-9"))
        .replacen(&format!("{}", bank.endpoint("middle-tier-1").url.port().unwrap()), "0", 1);
    let hop = bank.spawn::<middle_tier::MiddleTier>(&config).await;
    let url = format!("https://{}/", hop.address("https").unwrap()).parse().unwrap();
    let endpoint = dasvid::place::Endpoint { url, id: e2e::bank::id("middle-tier-9") };
    for mode in MODES {
        let chain = teller.teller.chain_for(mode, &token, &balance(), &endpoint.id).await.unwrap();
        let answer = teller.present(&endpoint, &balance(), &chain).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{mode:?}");
    }
    hop.shutdown().await;
    bank.close().await;
}
