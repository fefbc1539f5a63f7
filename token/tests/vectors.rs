//! Vectors of an independent implementation, byte for byte and refusal for refusal.

#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use token::conformance::{self, Section};

const DASVID: &str = include_str!("vectors/dasvid.json");

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
