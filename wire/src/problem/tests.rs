//! The kinds' slugs, statuses and bytes.

use super::*;

#[test]
fn kinds_have_the_slugs_and_statuses_of_the_protocol() {
    let table: Vec<String> =
        ProblemKind::ALL.iter().map(|kind| format!("{} {}", kind.status().as_u16(), kind.slug())).collect();
    insta::assert_snapshot!(table.join("\n"), @"
    400 invalid-request
    401 invalid-token
    401 invalid-chain
    401 revoked
    403 not-permitted
    404 unknown-account
    404 not-found
    405 method-not-allowed
    409 conflict
    409 replay-detected
    413 too-large
    415 unsupported-media-type
    429 rate-limited
    500 internal
    502 upstream-failed
    503 unavailable
    504 upstream-timeout
    ");
}

#[test]
fn a_type_names_its_kind_and_only_its_kind() {
    for kind in ProblemKind::ALL {
        assert_eq!(ProblemKind::from_type_uri(&kind.type_uri()), Some(kind));
    }
    assert_eq!(ProblemKind::from_type_uri("urn:x-dasvid:problem:"), None);
    assert_eq!(ProblemKind::from_type_uri("about:blank"), None);
}

#[test]
fn a_document_is_written_without_empty_members() {
    let mut document = ProblemDocument::new(ProblemKind::InvalidChain);
    insta::assert_snapshot!(
        serde_json::to_string(&document).unwrap(),
        @r#"{"type":"urn:x-dasvid:problem:invalid-chain","title":"The chain is not valid","status":401}"#
    );
    document.detail = Some("link 2 is not signed by its issuer".into());
    document.culprit = Some("spiffe://bank.example/target-wl".into());
    document.segment = Some(2);
    insta::assert_snapshot!(
        serde_json::to_string(&document).unwrap(),
        @r#"{"type":"urn:x-dasvid:problem:invalid-chain","title":"The chain is not valid","status":401,"detail":"link 2 is not signed by its issuer","culprit":"spiffe://bank.example/target-wl","segment":2}"#
    );
}

#[test]
fn reads_a_document_with_members_it_does_not_know() {
    let text = r#"{"type":"urn:x-dasvid:problem:revoked","title":"t","status":401,"instance":"/x","trace":1}"#;
    let document: ProblemDocument = serde_json::from_str(text).unwrap();
    assert_eq!(document.kind(), Some(ProblemKind::Revoked));
}
