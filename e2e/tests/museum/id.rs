//! Chains whose signers introduce themselves.

use crypto::jose::Algorithm;
use e2e::museum::id;
use serde_json::json;
use token::Timestamp;

use super::ours::{OURS, new_key};
use super::stopped;

const SIGNERS: [&str; 2] = ["subject-wl", "middle-tier-1"];

fn honest() -> String {
    OURS.id_chain(&OURS.id_root(&OURS.mint))
}

#[test]
fn links_taken_off() {
    let (asserter, subject) = (new_key(Algorithm::Es256), new_key(Algorithm::Es256));
    let root = id::append("", &asserter, json!({"dpr": "alice", "aud": id::public(&subject)}));
    let chain = id::append(&root, &subject, json!({"aud": "target"}));
    assert_eq!(id::verify(&chain).unwrap().len(), 2);
    assert_eq!(id::verify(&root).unwrap()[0]["dpr"], "alice");

    assert_eq!(OURS.target_says(&honest(), "middle-tier-1", &SIGNERS), Ok(()));
    let root = honest().split('~').next().unwrap().to_owned();
    stopped("links_taken_off", OURS.target_says(&root, "thief", &[]).unwrap_err());
}

#[test]
fn an_asserter_anyone_can_invent() {
    let invented = new_key(Algorithm::Es256);
    let root = id::append("", &invented, json!({"dpr": "alice"}));
    let chain = id::append(&root, &invented, json!({"aud": "target"}));
    assert_eq!(id::verify(&chain).unwrap()[0]["dpr"], "alice");

    let chain = OURS.id_chain(&OURS.id_root(&invented));
    stopped("an_asserter_anyone_can_invent", OURS.target_says(&chain, "middle-tier-1", &SIGNERS).unwrap_err());
}

#[test]
fn a_stolen_chain() {
    let asserter = new_key(Algorithm::Es256);
    let chain = id::append("", &asserter, json!({"dpr": "alice", "aud": "middle-tier-1"}));
    // Nobody asks who brings it, or to whom.
    assert!(id::verify(&chain).is_some());

    stopped("a_stolen_chain", OURS.target_says(&honest(), "thief", &SIGNERS).unwrap_err());
}

#[test]
fn a_life_made_longer_by_a_link() {
    let (asserter, hop) = (new_key(Algorithm::Es256), new_key(Algorithm::Es256));
    let root = id::append("", &asserter, json!({"dpr": "alice", "exp": 100}));
    assert!(!id::alive(&root, 150));
    assert!(id::alive(&id::append(&root, &hop, json!({"exp": 200})), 150));

    let one = honest().rsplit_once('~').unwrap().0.to_owned();
    let chain = OURS.extend_beyond(&one, "middle-tier-1", "target-wl", Timestamp(OURS.now.0 + 3000));
    stopped("a_life_made_longer_by_a_link", OURS.target_says(&chain, "middle-tier-1", &SIGNERS).unwrap_err());
}
