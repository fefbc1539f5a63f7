//! Vectors of an independent implementation, byte for byte and refusal for refusal.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use token::conformance::{self, Section};

const DASVID: &str = include_str!("vectors/dasvid.json");
/// Made and proven by `e2e/proof-py/make.py`, which shares nothing with this workspace.
const PYTHON: &str = include_str!("vectors/proofs-python.json");

fn section(name: &str) -> Section {
    let report = conformance::run(DASVID).unwrap();
    report.sections.into_iter().find(|section| section.name == name).unwrap()
}

fn assert_all_pass(name: &str, count: usize) {
    let section = section(name);
    let failed: Vec<_> = section.cases.iter().filter(|case| !case.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!((section.passed, section.failed, section.skipped), (count, 0, 0));
}

#[test]
fn accepts_and_refuses_every_chain_with_the_named_rule_and_segment() {
    assert_all_pass("chains", 156);
}

#[test]
fn reproduces_the_anonymous_suite_step_by_step() {
    let steps =
        6 * serde_json::from_str::<serde_json::Value>(DASVID).unwrap()["schoco"]["steps"].as_array().unwrap().len();
    assert_all_pass("schoco", 4 + steps);
}

#[test]
fn reproduces_the_signature_base_of_requests() {
    assert_all_pass("rqd", 5);
}

#[test]
fn accepts_and_refuses_every_proof_and_repeats_its_challenge() {
    assert_all_pass("proofs", 66);
}

#[test]
fn agrees_with_the_python_implementation_on_every_proof() {
    let report = conformance::run(PYTHON).unwrap();
    let cases: Vec<_> = report.sections.iter().flat_map(|section| &section.cases).collect();
    let failed: Vec<_> = cases.iter().filter(|case| !case.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!((report.sections.len(), cases.len()), (1, 60));
}

#[test]
fn notices_a_challenge_that_covers_other_bytes() {
    let mut file: serde_json::Value = serde_json::from_str(DASVID).unwrap();
    let mut only = file["proofs"][0].take();
    for (member, other) in [("input", "00".into()), ("commitments", serde_json::json!([])), ("c", "00".into())] {
        let honest = only["trace"][member].clone();
        only["trace"][member] = other;
        let report = conformance::run(&serde_json::json!({ "proofs": [only] }).to_string()).unwrap();
        assert_eq!(report.sections[0].cases[0].actual, format!("ACCEPT, with another `{member}`"));
        only["trace"][member] = honest;
    }
}

#[test]
fn refuses_a_file_without_sections() {
    assert_eq!(conformance::run("{}"), Err(conformance::VectorError::NoSection));
    assert!(conformance::run("x").is_err());
}

#[test]
fn reports_an_unreadable_case_as_failed() {
    let report =
        conformance::run(r#"{"base":{},"chains":[{"name":"x","input":{},"expect":{"result":"ACCEPT"}}]}"#).unwrap();
    assert!(!report.passed());
}
