//! The example files are valid, and each setting that is wrong is named.

use super::*;

const POLICY: &str = r#"
store.url = "memory:"
[[policy.issuer]]
url = "https://idp.example"
profile = "rfc9068"
audience = ["asserting-wl"]
algs = ["RS256"]
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    chassis::config::parse(text)
}

fn checked(text: &str) -> Result<(), String> {
    check(&parse(&format!("{text}\n{POLICY}")).unwrap()).map_err(|error| error.to_string())
}

#[test]
fn the_documented_settings_are_the_defaults() {
    let documented =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../config/asserting-wl.toml")).unwrap();
    let documented = parse(&documented).unwrap();
    let least =
        parse("store.url = \"sqlite://asserting-wl.db?mode=rwc\"\npolicy = \"asserting-wl.policy.toml\"").unwrap();
    let view = |config: &Config| {
        let Config {
            store: _,
            policy: _,
            identity,
            listen,
            public_url,
            seal,
            keys,
            mint,
            zkp,
            providers,
            logout,
            limits,
        } = config;
        format!(
            "{identity:?} {listen:?} {public_url:?} {seal:?} {keys:?} {mint:?} {zkp:?} {providers:?} {logout:?} {limits:?}"
        )
    };
    assert_eq!(view(&documented), view(&least));
    assert_eq!(documented.store, least.store);
}

#[test]
fn the_example_policy_is_one_this_workload_accepts() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/asserting-wl.policy.toml");
    let policy = PolicySource::Path(path.into()).load().unwrap();
    check_policy(&policy).unwrap();
    assert_eq!(policy.mint.len(), 1);
}

#[test]
fn refuses_lives_and_limits_out_of_range() {
    assert_eq!(checked(""), Ok(()));
    for life in ["9s", "11m"] {
        assert_eq!(
            checked(&format!("mint.life = \"{life}\"")),
            Err("`mint.life`: a DA-SVID lives from 10s to 10m".into())
        );
    }
    let plain = checked("public_url = \"http://bank.example\"");
    assert_eq!(plain, Err("`public_url`: an https URL without a query".into()));
    let nobody = checked("logout = { listen = \"127.0.0.1:0\", audience = [] }");
    assert_eq!(nobody, Err("`logout.audience`: an empty list believes no logout".into()));
    assert_eq!(checked("limits.burst = 0"), Err("`limits`: every limit must be at least 1".into()));
}

#[test]
fn refuses_a_life_of_keys_in_which_a_verifier_may_miss_one() {
    for (setting, message) in [
        ("keys.publish_before = \"9m\"", "`keys.publish_before`: verifiers refresh within 5m: 10m to 24h"),
        ("keys.publish_before = \"25h\"", "`keys.publish_before`: verifiers refresh within 5m: 10m to 24h"),
        (
            "keys.rotate_every = \"39m\"",
            "`keys.rotate_every`: 0s for never, or at least four times keys.publish_before",
        ),
        ("keys.follow = \"99ms\"", "`keys.follow`: 100ms to 10s"),
        ("keys.follow = \"11s\"", "`keys.follow`: 100ms to 10s"),
        ("keys.signer_timeout = \"9ms\"", "`keys.signer_timeout`: 10ms to 30s"),
        ("keys.signer_timeout = \"31s\"", "`keys.signer_timeout`: 10ms to 30s"),
    ] {
        assert_eq!(checked(setting), Err(message.into()));
    }
    for setting in ["keys.rotate_every = \"0s\"", "keys.rotate_every = \"40m\"", "keys.publish_before = \"24h\""] {
        assert_eq!(checked(setting), Ok(()), "{setting}");
    }
}

#[test]
fn a_sealing_key_is_32_bytes_from_one_place() {
    let key = "seal.key = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"";
    assert_eq!(checked(key), Ok(()));
    for wrong in ["", "AAEC", "not base64!", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISI="] {
        let refused = checked(&format!("seal.key = \"{wrong}\""));
        assert_eq!(refused, Err("`seal.key`: 32 bytes in base64 (openssl rand -base64 32)".into()));
    }
    assert_eq!(checked(&format!("{key}\nseal.opens_with = [\"/etc/dasvid/old.key\"]")), Ok(()));
    let both = checked(&format!("{key}\nseal.key_file = \"/etc/dasvid/seal.key\""));
    assert_eq!(both, Err("`seal.key`: a key or a key_file, not both".into()));
    let shown = format!("{:?}", parse(&format!("{key}\n{POLICY}")).unwrap().seal);
    assert!(!shown.contains("AAEC"), "{shown}");
}

#[test]
fn refuses_issuers_that_cannot_be_used() {
    let issuer = |change: (&str, &str)| {
        let policy = POLICY.replace(change.0, change.1);
        assert_ne!(policy, POLICY);
        check(&parse(&policy).unwrap()).map_err(|error| error.to_string())
    };
    for (change, message) in [
        (("https://idp.example", "http://idp.example"), "the address must be https, or http on loopback"),
        (("RS256", "HS256"), "the algorithm `HS256` cannot be used"),
        (("RS256", "none"), "the algorithm `none` cannot be used"),
        (("[\"asserting-wl\"]", "[]"), "`audience` must not be empty"),
    ] {
        let refused = issuer(change).unwrap_err();
        assert!(refused.contains(message), "{refused}");
    }
}

#[test]
fn refuses_a_mint_row_for_an_issuer_that_is_not_listed() {
    let row = r#"
[[policy.mint]]
caller = "spiffe://bank.example/subject-wl"
issuer = "https://other.example"
scopes = []
audiences = ["spiffe://bank.example/target-wl"]
modes = ["id"]
"#;
    let refused = check(&parse(&format!("{POLICY}{row}")).unwrap()).unwrap_err().to_string();
    assert!(refused.contains("names an issuer that has no [[issuer]]"), "{refused}");
}

#[test]
fn refuses_an_unknown_key() {
    assert!(parse("store.uri = 1\npolicy = \"p\"").is_err());
}
