//! Claims read strictly and written plainly.

use super::*;

#[test]
fn refuses_a_spiffe_id_that_is_not_written_canonically() {
    assert!(spiffe_id("spiffe://bank.example").is_some());
    assert!(workload_id("spiffe://bank.example/a").is_some());
    for text in [
        "SPIFFE://bank.example/a",
        "spiffe://Bank.example/a",
        "spiffe://bank.example/",
        "spiffe://bank.example/a/",
        "spiffe://bank.example//a",
        "spiffe://bank.example/../a",
        "spiffe://bank.example/a?x",
        "spiffe://bank.example:8443/a",
        "https://bank.example/a",
        "",
    ] {
        assert_eq!(spiffe_id(text), None, "{text}");
    }
    assert_eq!(workload_id("spiffe://bank.example"), None);
    let long = |length: usize| format!("spiffe://bank.example/{}", "a".repeat(length - 22));
    assert!(spiffe_id(&long(2048)).is_some());
    assert_eq!(spiffe_id(&long(2049)), None);
}

#[test]
fn reads_a_scope_with_single_spaces_only() {
    let scope: Scope = "accounts.read payments.write".parse().unwrap();
    assert_eq!(scope.to_string(), "accounts.read payments.write");
    assert!(scope.contains("payments.write"));
    assert!(!scope.contains("payments"));
    assert!(!"".parse::<Scope>().unwrap().contains(""));
    for text in [" ", " a", "a ", "a  b", "a\"b", "a\\b", "a\tb", "é"] {
        assert_eq!(text.parse::<Scope>(), Err(ScopeError), "{text:?}");
    }
}

#[test]
fn reads_an_identifier_of_exactly_sixteen_bytes() {
    let id = TokenId([7; 16]);
    assert_eq!(id.to_string().len(), 22);
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!("AQ".parse::<TokenId>(), Err(TokenIdError));
    assert_eq!("yDk9IPlAWMpLLHFdIsGD8B".parse::<TokenId>(), Err(TokenIdError));
}

fn only(json: &str) -> Result<Option<Only>, Reason> {
    let members = crate::json::read_object(format!("{{\"only\":{json}}}").as_bytes()).unwrap();
    Only::read(&members)
}

#[test]
fn refuses_an_unknown_restriction() {
    assert_eq!(only(r#"{"shape":"square"}"#), Err(Reason::UnknownRestriction));
    assert_eq!(only("{}"), Ok(Some(Only::default())));
}

#[test]
fn refuses_malformed_restrictions_by_name() {
    for (json, name) in [
        ("[]", "only"),
        (r#"{"scope":"a"}"#, "scope"),
        (r#"{"scope":["a","a"]}"#, "scope"),
        (r#"{"methods":[""]}"#, "methods"),
        (r#"{"paths":[1]}"#, "paths"),
        (r#"{"max_links":17}"#, "max_links"),
        (r#"{"max_links":-1}"#, "max_links"),
        (r#"{"max_amount":{"currency":"usd","minor":1}}"#, "max_amount"),
        (r#"{"max_amount":{"currency":"USD","minor":-1}}"#, "max_amount"),
        (r#"{"max_amount":{"currency":"USD"}}"#, "max_amount"),
        (r#"{"max_amount":{"currency":"USD","minor":1,"x":1}}"#, "max_amount"),
        (r#"{"aud":["bank"]}"#, "aud"),
        (r#"{"aud":["spiffe://a/b","spiffe://a/b"]}"#, "aud"),
    ] {
        assert_eq!(only(json), Err(Reason::Malformed(name)), "{json}");
    }
}

#[test]
fn writes_the_restrictions_it_reads() {
    let json = r#"{"aud":["spiffe://a"],"max_amount":{"currency":"USD","minor":5},"max_links":3,"methods":["GET"],"paths":[],"scope":["a"]}"#;
    let expected: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(only(json).unwrap().unwrap().to_json(), expected);
}
