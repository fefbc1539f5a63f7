//! The example files are valid, and each setting that is wrong is named.

use chassis::config::{Loaded, Sources};

use super::*;

const DOCUMENTED: &str = include_str!("../../../config/middle-tier.toml");
const POLICY: &str = include_str!("../../../config/middle-tier.policy.toml");

const REQUIRED: &str = r#"
    policy = "middle-tier.policy.toml"
    [asserting]
    url = "https://127.0.0.1:8443"
    id = "spiffe://bank.example/asserting-wl"
    [next]
    url = "https://127.0.0.1:8446"
    id = "spiffe://bank.example/middle-tier-2"
"#;

fn config(text: &str) -> Config {
    chassis::config::parse(text).unwrap()
}

fn policy(change: impl FnOnce(String) -> String) -> Result<(), String> {
    let policy: Policy = toml::from_str(&change(POLICY.to_owned())).map_err(|error| error.to_string())?;
    check_policy(&config(REQUIRED), &policy).map_err(|error| error.to_string())
}

fn refusal(from: &str, to: &str) -> String {
    policy(|text| {
        assert!(text.contains(from));
        text.replace(from, to)
    })
    .unwrap_err()
}

#[test]
fn the_documented_settings_are_the_defaults() {
    let (documented, minimal) = (config(DOCUMENTED), config(REQUIRED));
    assert_eq!(format!("{documented:?}"), format!("{minimal:?}"));
    check(&documented).unwrap();
}

#[test]
fn the_documented_restrictions_parse() {
    let uncommented = DOCUMENTED.replace("# [link.only]", "[link.only]");
    let uncommented = ["scope", "methods", "paths", "max_amount", "max_links", "aud"]
        .iter()
        .fold(uncommented, |text, key| text.replace(&format!("# {key} ="), &format!("{key} =")));
    let only = config(&uncommented).link.only.unwrap().claim().unwrap();
    insta::assert_snapshot!(
        only.to_json(),
        @r#"{"aud":["spiffe://bank.example/target-wl"],"max_amount":{"currency":"USD","minor":10000},"max_links":4,"methods":["GET"],"paths":["/v1/*"],"scope":["accounts.read"]}"#
    );
}

#[test]
fn the_documented_policy_is_good() {
    assert_eq!(policy(|text| text), Ok(()));
}

#[test]
fn refuses_a_key_it_does_not_know() {
    let error = chassis::config::parse::<Config>(&format!("{REQUIRED}\ntimeuot = \"1s\"")).unwrap_err();
    assert!(error.to_string().contains("next.timeuot"), "{error}");
}

#[test]
fn refuses_a_next_hop_that_is_no_origin() {
    for url in ["http://127.0.0.1:8446/", "https://127.0.0.1:8446/v1"] {
        let error = chassis::config::parse::<Config>(&REQUIRED.replace("https://127.0.0.1:8446", url)).unwrap_err();
        let told = format!("the text: `next.url`: {url} is not the https URL of a server, without a path");
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn takes_replicas_as_a_list_and_from_the_environment() {
    let list = r#"["https://a:8446", "https://b:8446"]"#;
    let config = config(&REQUIRED.replace("\"https://127.0.0.1:8446\"", list));
    assert_eq!(config.next.url.to_string(), "https://a:8446/,https://b:8446/");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), REQUIRED).unwrap();
    for text in [list, "https://a:8446,https://b:8446"] {
        let environment = vec![("MIDDLE_TIER__NEXT__URL".to_owned(), text.to_owned())];
        let sources = Sources { file: Some(file.path()), environment, flags: Vec::new() };
        let loaded: Loaded<Config> = chassis::config::load("middle-tier", &sources).unwrap();
        assert_eq!(loaded.workload.next.url, config.next.url, "{text}");
    }
}

#[test]
fn refuses_a_link_without_life() {
    let error = check(&config(&format!("{REQUIRED}\n[link]\nlife = \"500ms\""))).unwrap_err();
    assert!(error.to_string().starts_with("`link.life`"), "{error}");
}

#[test]
fn refuses_a_policy_for_the_end_of_chains() {
    assert!(refusal("role = \"hop\"", "role = \"end\"").starts_with("`policy.accept.role`"));
}

#[test]
fn refuses_a_policy_that_believes_nobody() {
    let from = "asserters = [\"spiffe://bank.example/asserting-wl\"]";
    assert!(refusal(from, "asserters = []").starts_with("`policy.accept.asserters`"));
    let from = "issuers = [\"http://127.0.0.1:8090\"]";
    assert!(refusal(from, "issuers = []").starts_with("`policy.accept.issuers`"));
}

#[test]
fn refuses_anonymous_chains_from_nobody() {
    let from = "neighbours = [\"spiffe://bank.example/subject-wl\"]";
    assert!(refusal(from, "neighbours = []").starts_with("`policy.accept.neighbours`"));
}

#[test]
fn refuses_a_route_without_a_scope() {
    assert!(refusal("scope = \"accounts.read\"", "scope = \"\"").starts_with("`policy.route.scope`"));
    assert!(refusal("scope = \"accounts.read\"", "scope = \"a b\"").starts_with("`policy.route.scope`"));
}

#[test]
fn refuses_an_unsafe_route_that_is_not_bound() {
    let unbound = |text: String| text.replace("request_binding = \"end-to-end\"", "request_binding = \"none\"");
    assert!(policy(unbound).unwrap_err().starts_with("`policy.route.request_binding`"));
    let any_method = |text: String| unbound(text).replace("method = \"POST\"\n", "");
    assert!(policy(any_method).unwrap_err().starts_with("`policy.route.request_binding`"));
}

#[test]
fn refuses_restrictions_that_plain_da_svids_would_escape() {
    let config = config(&format!("{REQUIRED}\n[link.only]\nmethods = [\"GET\"]"));
    let policy: Policy = toml::from_str(POLICY).unwrap();
    let error = check_policy(&config, &policy).unwrap_err();
    assert!(error.to_string().starts_with("`link.only`"), "{error}");
}
