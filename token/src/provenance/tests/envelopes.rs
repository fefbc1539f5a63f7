//! The envelope: exactly four members, and the field that carries it.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixture::Case;
use crate::Timestamp;
use crate::encoding::{base64url, from_base64url};
use crate::provenance::{Envelope, EnvelopeError, MAX_FIELD};

fn envelope() -> Value {
    json!({"input": "a.b", "iat": 1, "exp": 2, "proof": "AQ"})
}

fn with(name: &str, value: Value) -> Value {
    let mut json = envelope();
    json[name] = value;
    json
}

#[test]
fn refuses_members_that_are_missing_or_of_another_type() {
    assert!(Envelope::from_json(&envelope()).is_ok());
    for name in ["input", "iat", "exp", "proof"] {
        let mut json = envelope();
        json.as_object_mut().unwrap().remove(name);
        assert_eq!(Envelope::from_json(&json), Err(EnvelopeError::Member(name)));
        for value in [json!(null), json!(true), json!([]), json!(-1), json!(1.5), json!("A=")] {
            if name != "input" || !value.is_string() {
                assert_eq!(Envelope::from_json(&with(name, value)), Err(EnvelopeError::Member(name)), "{name}");
            }
        }
    }
    for text in
        [r#"{"input":"a.b","iat":1e0,"exp":2,"proof":"AQ"}"#, r#"{"input":"a.b","iat":01,"exp":2,"proof":"AQ"}"#]
    {
        assert!(Envelope::parse(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn refuses_a_fifth_member() {
    for name in ["key", "rounds", "scheme", ""] {
        assert_eq!(Envelope::from_json(&with(name, json!(1))), Err(EnvelopeError::Members));
    }
}

#[test]
fn refuses_json_with_two_meanings() {
    let twice = br#"{"input":"a.b","iat":1,"exp":2,"proof":"AQ","exp":3}"#;
    assert!(matches!(Envelope::parse(twice), Err(EnvelopeError::Json(_))));
    for text in ["", "[]", "null", "{", r#"{"input":"a.b","iat":1,"exp":2,"proof":"AQ"} x"#] {
        assert!(matches!(Envelope::parse(text.as_bytes()), Err(EnvelopeError::Json(_))), "{text}");
    }
}

#[test]
fn refuses_a_field_that_is_too_long_or_not_base64url() {
    let field = |text: &str| Envelope::from_field(text.as_bytes());
    assert_eq!(field("A="), Err(EnvelopeError::Base64));
    assert_eq!(field("A B"), Err(EnvelopeError::Base64));
    assert_eq!(field("A+"), Err(EnvelopeError::Base64));
    assert_eq!(field(&"A".repeat(MAX_FIELD + 1)), Err(EnvelopeError::TooLarge));
    assert!(matches!(field(&"A".repeat(MAX_FIELD)), Err(EnvelopeError::Json(_))));
}

#[test]
fn does_not_write_a_field_that_is_too_long() {
    let envelope = |len| Envelope { input: "a".repeat(len), iat: Timestamp(1), exp: Timestamp(2), proof: vec![1] };
    // 12,288 bytes of JSON fill the field; 43 of them are not `input`.
    let fits = (0..64).map(|less| envelope(12_288 - less)).find(|envelope| envelope.to_field().is_ok()).unwrap();
    assert_eq!(fits.to_field().unwrap().len(), MAX_FIELD);
    assert_eq!(envelope(fits.input.len() + 1).to_field(), Err(EnvelopeError::TooLarge));
}

#[test]
fn has_the_published_sizes() {
    let proofs = Case::each().map(|case| case.zkp().proof.len());
    assert_eq!(proofs, [2064, 2096, 81, 80]);
    let fields = Case::each().map(|case| case.embedded().to_field().unwrap().len());
    assert!(fields.iter().all(|len| *len <= MAX_FIELD), "{fields:?}");
}

#[test]
fn debug_shows_neither_claims_nor_proof() {
    let case = Case::new("Ed25519");
    assert_eq!(format!("{:?}", case.zkp()), "Envelope { iat: Timestamp(1800000000), exp: Timestamp(1800000060), .. }");
}

proptest! {
    #[test]
    fn reads_back_what_it_writes(
        input in "[A-Za-z0-9_-]{0,400}\\.[A-Za-z0-9_-]{0,400}",
        times in prop::array::uniform2(0..1_u64 << 53),
        proof in prop::collection::vec(any::<u8>(), 0..2100),
    ) {
        let envelope = Envelope { input, iat: Timestamp(times[0]), exp: Timestamp(times[1]), proof };
        let field = envelope.to_field().unwrap();
        prop_assert_eq!(Envelope::from_field(field.as_bytes()), Ok(envelope.clone()));
        prop_assert_eq!(Envelope::from_json(&envelope.to_json()), Ok(envelope));
        // One byte of JSON less is none.
        let json = from_base64url(&field).unwrap();
        prop_assert!(Envelope::from_field(base64url(&json[1..]).as_bytes()).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Envelope::parse(&bytes);
        let _ = Envelope::from_field(&bytes);
    }
}
