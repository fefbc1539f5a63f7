//! The documented settings, and settings that are refused.

use chassis::config::parse;

use super::*;
use crate::fixture::{id, policy};

const FILE: &str = include_str!("../../../config/target-wl.toml");
const POLICY: &str = include_str!("../../../config/target-wl.policy.toml");

fn config() -> Config {
    let text = "policy = \"p.toml\"\n[asserting]\nurl = \"https://127.0.0.1:8443\"\nid = \"spiffe://bank.example/asserting-wl\"\n";
    parse(text).unwrap()
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let (file, defaults): (Config, Config) = (parse(FILE).unwrap(), config());
    assert_eq!(file.identity, defaults.identity);
    assert_eq!(file.listen, defaults.listen);
    assert_eq!(file.store, defaults.store);
    assert_eq!(file.request_timeout, defaults.request_timeout);
    assert_eq!(file.seed, defaults.seed);
    check(&file).unwrap();
}

#[test]
fn the_documented_policy_is_valid_and_holds_the_default_routes() {
    let documented: Policy = toml::from_str(POLICY).unwrap();
    let rules = check_policy(&config(), &documented).unwrap();
    assert_eq!(rules, Rules::declare(&policy()).unwrap());
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let error = parse::<Config>(&format!("request_timout = \"1s\"\n{FILE}")).unwrap_err();
    assert!(error.to_string().contains("request_timeout"), "{error}");
}

fn refused(change: impl FnOnce(&mut Policy)) -> String {
    let mut policy = policy();
    change(&mut policy);
    match check_policy(&config(), &policy) {
        Err(ConfigError::Invalid { key, .. }) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn refuses_a_policy_that_admits_nobody_or_is_a_hops() {
    assert_eq!(refused(|policy| policy.accept.role = Role::Hop), "policy.accept.role");
    assert_eq!(refused(|policy| policy.accept.asserters = vec![id("other")]), "policy.accept.asserters");
    assert_eq!(refused(|policy| policy.accept.subjects.clear()), "policy.accept.subjects");
    assert_eq!(refused(|policy| policy.accept.issuers.clear()), "policy.accept.issuers");
    assert_eq!(refused(|policy| policy.accept.modes.clear()), "policy.accept.modes");
}

#[test]
fn refuses_seeds_that_are_no_accounts() {
    let good = Seed { dpa: "i".into(), dpr: "s".into(), currency: "USD".into(), minor: 0 };
    let bad = [
        (Seed { dpa: String::new(), ..good.clone() }, "seed"),
        (Seed { dpr: String::new(), ..good.clone() }, "seed"),
        (Seed { currency: "usd".into(), ..good.clone() }, "seed.currency"),
        (Seed { minor: MAX_INTEGER + 1, ..good.clone() }, "seed.minor"),
    ];
    for (seed, expected) in bad {
        let refused = check(&Config { seed: vec![seed], ..config() });
        assert!(matches!(refused, Err(ConfigError::Invalid { key, .. }) if key == expected), "{expected}");
    }
    check(&Config { seed: vec![good], ..config() }).unwrap();
}

#[test]
fn refuses_a_timeout_no_request_could_keep() {
    let refused = check(&Config { request_timeout: Period(Duration::ZERO), ..config() });
    assert!(matches!(refused, Err(ConfigError::Invalid { key, .. }) if key == "request_timeout"));
}
