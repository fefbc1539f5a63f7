//! Policies that parse, and the keys that do not.

use super::*;
use crate::provenance::Rounds;

/// The example of tokens.md, "Policy", with the keys of exact.md beside it.
const EXAMPLE: &str = r#"
[[issuer]]
url = "https://idp.example/realms/bank"
profile = "keycloak"
audience = ["asserting-wl"]
clients = ["bank-web"]
algs = ["RS256"]
[[mint]]
caller = "spiffe://bank.example/subject-wl"
issuer = "https://idp.example/realms/bank"
scopes = ["accounts.read", "payments.write"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
max_life = "2m"
[accept]
asserters = ["spiffe://bank.example/asserting-wl"]
subjects = ["spiffe://bank.example/subject-wl"]
issuers = ["https://idp.example/realms/bank"]
modes = ["id", "anonymous"]
neighbours = ["spiffe://bank.example/middle-tier-2"]
role = "hop"
trust_domains = ["bank.example", "other.example"]
allow_domain_audience = true
max_links = 4
seal = true
certs = "by-reference"
[[route]]
method = "GET"
path = "/v1/balance"
scope = "accounts.read"
request_binding = "none"
[[route]]
path = "/v1/*"
scope = "payments.write"
[[introspect]]
caller = "spiffe://bank.example/cli"
oauth_claims = true
[[revoke]]
caller = "spiffe://bank.example/cli"
[[federate]]
trust_domain = "other.example"
callers = ["spiffe://other.example/front"]
hops = true
asserters = ["spiffe://other.example/asserting-wl"]
"#;

fn read(text: &str) -> Result<Policy, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

#[test]
fn reads_the_example() {
    let policy = read(EXAMPLE).unwrap();
    assert_eq!(policy.mint[0].max_life, 120);
    assert_eq!(policy.accept.role, Role::Hop);
    assert_eq!(policy.accept.modes, [Mode::Id, Mode::Anonymous]);
    assert_eq!(policy.accept.certs, Certs::ByReference);
    assert_eq!(read(&toml::to_string(&policy).unwrap()), Ok(policy));
}

#[test]
fn gives_no_right_without_a_row() {
    let policy = read("").unwrap();
    assert_eq!(policy, Policy::default());
    assert!(policy.accept.asserters.is_empty() && policy.mint.is_empty());
    assert_eq!(policy.accept.modes, [Mode::Id]);
    assert_eq!(policy.accept.role, Role::End);
    assert_eq!(policy.route("GET", "/v1/balance"), None);
}

#[test]
fn refuses_unknown_keys() {
    for text in ["[acept]", "[accept]\nmode = [\"id\"]", "[[revoke]]\ncaller = \"spiffe://a/b\"\nscope = \"x\""] {
        assert!(read(text).unwrap_err().contains("unknown field"), "{text}");
    }
}

#[test]
fn refuses_identifiers_that_are_not_canonical() {
    for text in ["Spiffe://bank.example/a", "spiffe://Bank.example/a", "bank"] {
        let error = read(&format!("[accept]\nsubjects = [{text:?}]")).unwrap_err();
        assert!(error.contains("not a SPIFFE ID"), "{error}");
    }
    assert!(read("[accept]\ntrust_domains = [\"spiffe://bank.example\"]").is_err());
}

#[test]
fn refuses_durations_without_a_unit() {
    for life in ["120", "2 m", "m", "-1s", "99999999999999999999h"] {
        let text = EXAMPLE.replace("\"2m\"", &format!("{life:?}"));
        assert!(read(&text).unwrap_err().contains("not a duration"), "{life}");
    }
    assert_eq!(read(&EXAMPLE.replace("\"2m\"", "\"90s\"")).unwrap().mint[0].max_life, 90);
}

#[test]
fn finds_the_first_route_that_admits_a_request() {
    let policy = read(EXAMPLE).unwrap();
    let rule = |method, target| policy.route(method, target).map(Route::rule);
    let balance = RouteRule { scope: "accounts.read".to_owned(), request_binding: RequestBinding::None };
    assert_eq!(rule("GET", "/v1/balance?x=1"), Some(balance));
    let payments = RouteRule { scope: "payments.write".to_owned(), request_binding: RequestBinding::EndToEnd };
    assert_eq!(rule("POST", "/v1/balance"), Some(payments));
    assert_eq!(rule("GET", "/v2/balance"), None);
}

#[test]
fn reads_what_is_demanded_of_proofs() {
    assert!(!read("").unwrap().provenance.is_demanded());
    let provenance = read("[provenance]\nverification = \"introspect\"\nrounds = 16").unwrap().provenance;
    assert!(provenance.is_demanded() && !provenance.believes_nothing());
    assert_eq!((provenance.verification, provenance.rounds), (Verification::Introspect, Rounds::Sixteen));
    let provenance = read("[provenance]\nproof = \"embedded\"\noauth_audience = []").unwrap().provenance;
    assert!(provenance.is_demanded() && provenance.believes_nothing());
    let written = toml::to_string(&read("[provenance]\nrounds = 16").unwrap()).unwrap();
    assert_eq!(read(&written).unwrap().provenance.rounds, Rounds::Sixteen);
    for text in ["rounds = 1", "rounds = \"8\"", "verification = \"online\"", "proof = \"yes\"", "prof = \"none\""] {
        assert!(read(&format!("[provenance]\n{text}")).is_err(), "{text}");
    }
}

#[test]
fn a_life_is_written_in_seconds_minutes_or_hours_and_is_two_minutes_when_it_is_not() {
    let life = |line: &str| {
        let text = EXAMPLE.replace("max_life = \"2m\"\n", line);
        read(&text).map(|policy| policy.mint[0].max_life)
    };
    assert_eq!(life("").unwrap(), 120);
    for (text, seconds) in [("90s", 90), ("9m", 540), ("1h", 3600)] {
        assert_eq!(life(&format!("max_life = \"{text}\"\n")).unwrap(), seconds);
    }
    for text in ["", "s", "90", "1.5m", "-1s", "+1s", "1 m", "1d", "m1", "99999999999999999999s"] {
        assert!(life(&format!("max_life = \"{text}\"\n")).is_err(), "{text:?}");
    }
}
