//! `dasvid keys` and `dasvid revoke --minted-before` at a store, on good input and on bad.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use asserting_wl::config::KeySettings;
use asserting_wl::keyring::Keyring;
use asserting_wl::keyring::vault::SealedVault;
use chassis::{Clock as _, SystemClock};
use serde_json::Value;
use store::seal::SealKey;
use tempfile::TempDir;

/// A folder with a store in which asserting-wl has made its keys, and its settings.
struct Vaulted(TempDir);

impl Vaulted {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = url(folder.path());
        let store = store::open(&format!("{url}?mode=rwc")).await.unwrap();
        let vault = Arc::new(SealedVault::new(SealKey::for_store(&url, None).unwrap()));
        let (alg, schedule) = (crypto::jose::Algorithm::Es256, KeySettings::default().schedule());
        Keyring::open(store, vault, alg, schedule, SystemClock.moment()).await.unwrap();
        let settings = format!("policy = {{}}\nstore.url = \"{url}\"\n");
        std::fs::write(folder.path().join("asserting-wl.toml"), settings).unwrap();
        Self(folder)
    }

    fn run(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dasvid"))
            .args(words)
            .current_dir(self.0.path())
            .env_remove("SPIFFE_ENDPOINT_SOCKET")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// A command that must go well, at this store.
    fn good(&self, words: &[&str]) -> String {
        let output = self.run(&[words, &["--config", "asserting-wl.toml"]].concat());
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command that must fail with one line.
    fn fails(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{words:?}: {told}");
        told
    }

    fn keys(&self) -> Vec<Value> {
        serde_json::from_str(&self.good(&["keys", "list", "--json"])).unwrap()
    }

    /// The states of the keys of a kind, the oldest first.
    fn states(&self, kind: &str) -> Vec<(String, String)> {
        let text = |key: &Value, member: &str| key[member].as_str().unwrap().to_owned();
        let keys = self.keys().into_iter().filter(|key| key["kind"] == kind);
        keys.map(|key| (text(&key, "state"), text(&key, "kid"))).collect()
    }
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}/asserting-wl.db", folder.display())
}

#[tokio::test]
async fn keys_are_listed_rotated_and_retired() {
    let desk = Vaulted::new().await;
    let listed = desk.good(&["keys", "list"]);
    assert!(listed.contains("PUBLISHED UNTIL") && listed.lines().count() == 3, "{listed}");
    let [(_, first)] = desk.states("jose").try_into().unwrap();

    let told = desk.good(&["keys", "rotate", "--kind", "jose"]);
    assert!(told.starts_with("jose: ") && told.contains(" is published; it signs from 20"), "{told}");
    assert!(desk.good(&["keys", "rotate", "--kind", "jose"]).contains("waits already"));
    assert_eq!(desk.states("schnorr").len(), 1);
    let states: Vec<_> = desk.states("jose").into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, ["current", "next"]);

    let told = desk.run(&["keys", "rotate", "--now", "--config", "asserting-wl.toml"]);
    let (out, note) = (String::from_utf8(told.stdout).unwrap(), String::from_utf8(told.stderr).unwrap());
    assert_eq!(out.lines().filter(|line| line.ends_with(" signs")).count(), 2, "{out}");
    assert!(note.contains("requests may be refused for a few seconds"), "{note}");
    let [(retiring, kid), (current, second)] = desk.states("jose").try_into().unwrap();
    assert_eq!((retiring.as_str(), current.as_str(), kid), ("retiring", "current", first.clone()));
    assert!(desk.keys()[0]["published_until"].is_string());

    assert!(desk.good(&["keys", "retire", &first]).contains("is retired"));
    let told: Value = serde_json::from_str(&desk.good(&["keys", "retire", "--json", &second])).unwrap();
    let [(_, third)] = desk.states("jose").try_into().unwrap();
    assert_eq!((&told["retired"], &told["signs"]["kid"]), (&second.into(), &third.into()));
}

#[tokio::test]
async fn a_store_and_a_sealing_key_do_instead_of_settings() {
    let desk = Vaulted::new().await;
    let url = url(desk.0.path());
    std::fs::rename(desk.0.path().join("asserting-wl.db.key"), desk.0.path().join("seal.key")).unwrap();
    let words = ["keys", "rotate", "--now", "--json", "--store", &url, "--seal-key", "seal.key"];
    let told = desk.run(&words);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let made: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!((made.len(), &made[0]["alg"], &made[0]["state"]), (2, &"ES256".into(), &"current".into()));
    assert_eq!(desk.keys().len(), 4, "a list needs no sealing key");
}

#[tokio::test]
async fn what_is_wrong_is_one_line_and_changes_nothing() {
    let desk = Vaulted::new().await;
    let (before, url) = (desk.keys(), url(desk.0.path()));
    std::fs::write(desk.0.path().join("other.key"), [7; 32]).unwrap();
    std::fs::write(desk.0.path().join("short.key"), [7; 31]).unwrap();
    std::fs::write(desk.0.path().join("wrong.toml"), "polisy = {}").unwrap();
    let mut absent = std::fs::read_to_string(desk.0.path().join("asserting-wl.toml")).unwrap();
    absent.push_str("seal.key_file = \"absent.key\"\n");
    std::fs::write(desk.0.path().join("absent.toml"), absent).unwrap();
    for (words, message) in [
        (&["keys", "list"][..], "--config FILE, or --store URL"),
        (&["keys", "list", "--store", "memory:"], "a store in memory"),
        (&["keys", "list", "--store", "sqlite://absent.db?mode=rwc"], "there is no database `absent.db`"),
        (&["keys", "list", "--store", "mysql://db"], "a store address starts with"),
        (&["keys", "list", "--config", "absent.toml.toml"], "absent.toml.toml"),
        (&["keys", "list", "--config", "wrong.toml"], "polisy"),
        (&["keys", "rotate", "--config", "absent.toml"], "the sealing key `absent.key` cannot be read"),
        (&["keys", "rotate", "--store", &url, "--seal-key", "other.key"], "the minting keys cannot be unsealed"),
        (&["keys", "rotate", "--now", "--store", &url, "--seal-key", "short.key"], "`short.key` is not 32 bytes long"),
        (&["keys", "retire", "nothing", "--store", &url], "the store holds no key `nothing`"),
        (&["revoke", "--minted-before", "now"], "--config FILE, or --store URL"),
        (&["revoke", "--minted-before", "tomorrow", "--store", &url], "\"tomorrow\" is no time"),
        (&["revoke", "--minted-before", "2999-01-01T00:00:00Z", "--store", &url], "has not come yet"),
    ] {
        let told = desk.fails(words);
        assert!(told.contains(message), "{words:?}: {told}");
    }
    assert_eq!(desk.keys(), before);
    assert!(!desk.0.path().join("absent.db").exists() && !desk.0.path().join("absent.key").exists());
}

#[tokio::test]
async fn everything_minted_before_a_moment_is_refused_in_one_record() {
    let desk = Vaulted::new().await;
    let now = SystemClock.now().0;
    for (text, last) in [("2026-01-01T00:00:00Z", 1_767_225_599), ("1767225700", 1_767_225_699)] {
        assert!(desk.good(&["revoke", "--minted-before", text]).contains("is refused"));
        assert_eq!(recorded(&desk).await, last);
    }
    let told: Value = serde_json::from_str(&desk.good(&["revoke", "--minted-before", "now", "--json"])).unwrap();
    assert!(told["minted_before"].is_string(), "{told}");
    assert!((now..now + 5).contains(&recorded(&desk).await), "this second too");
}

/// The last second of which nothing is believed.
async fn recorded(desk: &Vaulted) -> u64 {
    let store = store::open(&url(desk.0.path())).await.unwrap();
    let records = store.read().await.unwrap().revocations().after(0, SystemClock.moment(), 9).await.unwrap();
    assert_eq!(records.len(), 1, "{records:?}");
    let record = records.first().unwrap();
    assert_eq!((record.revocation.scope.as_str(), record.revocation.key.len()), ("asserter", 0));
    record.revocation.not_after_iat.unwrap().seconds()
}
