//! What a deployment is given, and that it is given it once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;

use super::Init;

fn init(dir: &Path) -> Init {
    Init {
        dir: dir.to_owned(),
        trust_domain: "bank.example".to_owned(),
        node: "compose-node".to_owned(),
        postgres: "postgres".to_owned(),
        keycloak: "keycloak".to_owned(),
        owners: std::collections::HashMap::new(),
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            found.insert(file.strip_prefix(dir).unwrap().display().to_string(), fs::read(&file).unwrap());
        }
    }
    found
}

#[test]
fn a_second_run_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).run(now()).unwrap();
    let first = files(dir.path());
    init(dir.path()).run(now() + Duration::days(30)).unwrap();
    assert_eq!(files(dir.path()), first);
}

#[test]
fn a_lost_share_is_there_again_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).run(now()).unwrap();
    let first = files(dir.path());
    for share in ["spire-agent", "target-wl", "postgres"] {
        fs::remove_dir_all(dir.path().join(share)).unwrap();
    }
    init(dir.path()).run(now()).unwrap();
    assert_eq!(files(dir.path()), first);
}

#[test]
fn certificates_are_renewed_at_half_their_life_and_authorities_are_not() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).run(now()).unwrap();
    let first = files(dir.path());
    init(dir.path()).run(now() + Duration::days(366)).unwrap();
    let second = files(dir.path());
    let changed: Vec<_> = first.keys().filter(|name| first[*name] != second[*name]).map(String::as_str).collect();
    let expected = [
        "keycloak/tls.key",
        "keycloak/tls.pem",
        "postgres/tls.key",
        "postgres/tls.pem",
        "spire-agent/agent.key",
        "spire-agent/agent.pem",
        "vault/keycloak.key",
        "vault/keycloak.pem",
        "vault/postgres.key",
        "vault/postgres.pem",
        "vault/spire-agent.key",
        "vault/spire-agent.pem",
    ];
    assert_eq!(changed, expected);
}

#[test]
fn a_node_is_certified_by_an_authority_that_is_not_the_trust_root() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).run(now()).unwrap();
    let files = files(dir.path());
    let issuer_and_subject = |name: &str| {
        let (_, pem) = parse_x509_pem(&files[name]).unwrap();
        let certificate = pem.parse_x509().unwrap();
        (certificate.issuer().to_string(), certificate.subject().to_string())
    };
    let nodes = "CN=bank.example nodes".to_owned();
    assert_eq!(issuer_and_subject("spire-agent/agent.pem"), (nodes.clone(), "CN=compose-node".to_owned()));
    assert_eq!(issuer_and_subject("spire-server/nodes.pem"), (nodes.clone(), nodes));
    assert_eq!(files["spire-agent/bundle.pem"], files["spire-server/root.pem"]);
    assert_ne!(files["spire-agent/bundle.pem"], files["spire-server/nodes.pem"]);
}

#[test]
fn each_service_has_its_own_password_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).run(now()).unwrap();
    let files = files(dir.path());
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    let (asserting, target) = (text("postgres/asserting_wl.password"), text("postgres/target_wl.password"));
    assert_ne!(asserting, target);
    assert_eq!(text("target-wl/database.password"), target);
    let holders = |secret: &str| -> Vec<&str> {
        let holds = |name: &&String| !name.starts_with("vault/") && text(name).contains(secret);
        files.keys().filter(|name| *name != "asserting-wl/seal.key").filter(holds).map(String::as_str).collect()
    };
    assert_eq!(holders(&asserting), ["asserting-wl/database.password", "postgres/asserting_wl.password"]);
    assert_eq!(holders(&text("postgres/keycloak.password")), ["keycloak/keycloak.conf", "postgres/keycloak.password"]);
}

#[test]
fn what_is_secret_is_readable_by_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path()).run(now()).unwrap();
    for name in files(dir.path()).keys() {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        let public = Path::new(name).extension().is_some_and(|kind| kind == "pem");
        assert_eq!(mode, if public { 0o644 } else { 0o600 }, "{name}");
    }
    let vault = fs::metadata(dir.path().join("vault")).unwrap().permissions().mode();
    assert_eq!(vault & 0o777, 0o700);
}

#[test]
fn a_vault_that_is_not_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("vault")).unwrap();
    fs::write(dir.path().join("vault/seal.key"), b"short").unwrap();
    let told = init(dir.path()).run(now()).unwrap_err().to_string();
    assert!(told.ends_with("vault/seal.key does not hold 32 bytes"), "{told}");
}
