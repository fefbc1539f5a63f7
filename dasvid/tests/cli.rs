//! The program as a person runs it: every command on good input and on bad.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../token/tests/vectors/dasvid.json");
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config");

/// A folder, and the program run in it without any Workload API.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
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

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a command that must go well and keeps what it prints.
    fn keep(&self, name: &str, words: &[&str]) -> String {
        let text = good(&self.run(words));
        std::fs::write(self.path(name), &text).unwrap();
        text
    }

    /// Runs a command that must fail with `code` and one line of explanation.
    fn fails(&self, code: i32, words: &[&str]) -> String {
        let output = self.run(words);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{words:?}: {told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{words:?}: {told}");
        told
    }
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn verdict(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn reproduces_the_vectors_of_an_independent_implementation() {
    let report: Value =
        serde_json::from_str(&good(&Desk::new().run(&["verify", "--vectors", VECTORS, "--json"]))).unwrap();
    for section in report["sections"].as_array().unwrap() {
        assert_eq!(section["failed"], 0, "{}", section["name"]);
    }
}

#[test]
fn an_anonymous_chain_is_made_extended_and_verified_offline() {
    let desk = Desk::new();
    let target = "spiffe://bank.example/target-wl";
    desk.keep("root.json", &["new", "--mode", "anonymous", "--dir", "lab"]);
    let sealed =
        ["append", "--keys", "lab/jwks.json", "--seal", "--bind", "GET /v1/balance", "--next", target, "-n", "4"];
    desk.keep("chain.json", &[&sealed[..], &["root.json"]].concat());
    let verify = ["verify", "--keys", "lab/jwks.json", "--json", "chain.json"];
    assert_eq!(verdict(&desk.run(&verify)), serde_json::json!({"result": "ACCEPT", "mode": "anonymous", "links": 4}));
    let elsewhere = [&verify[..], &["--request", "GET /v1/other", "--peer", "spiffe://bank.example/hop"]].concat();
    let refused = verdict(&desk.run(&elsewhere));
    assert_eq!((&refused["rule"], &refused["segment"]), (&"authority".into(), &1.into()), "{refused}");
}

#[test]
fn an_id_root_is_verified_and_a_forged_one_is_refused() {
    let desk = Desk::new();
    let root = desk.keep("root.json", &["new", "--mode", "id", "--dir", "lab"]);
    let again = desk.keep("again.json", &["new", "--mode", "id", "--dir", "lab"]);
    assert_ne!(root, again);
    let verify = |file: &str| desk.run(&["verify", "--keys", "lab/jwks.json", "--json", file]);
    assert_eq!(verdict(&verify("root.json"))["result"], "ACCEPT");
    let (head, tail) = root.trim_end().rsplit_once('.').unwrap();
    let forged = format!("{head}.{}{}", if tail.starts_with('A') { 'B' } else { 'A' }, &tail[1..]);
    std::fs::write(desk.path("forged.json"), forged).unwrap();
    assert_eq!(verify("forged.json").status.code(), Some(1));
    assert_eq!(verdict(&verify("forged.json"))["rule"], "signatures");
}

#[test]
fn the_key_of_a_lab_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    desk.keep("root.json", &["new", "--dir", "lab"]);
    let mode = std::fs::metadata(desk.path("lab/root.pk8")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn inspect_shows_a_chain_it_does_not_believe() {
    let desk = Desk::new();
    desk.keep("root.json", &["new", "--dir", "lab", "--dpr", "bob"]);
    let shown = good(&desk.run(&["inspect", "root.json"]));
    assert!(shown.contains("bob at https://idp.example/realms/bank") && shown.contains("not checked"), "{shown}");
    let judged = good(&desk.run(&["inspect", "--keys", "lab/jwks.json", "--json", "root.json"]));
    assert_eq!(serde_json::from_str::<Value>(&judged).unwrap()["verdict"]["result"], "ACCEPT");
    let late = desk.run(&["inspect", "--keys", "lab/jwks.json", "--at", "4000000000", "root.json"]);
    assert_eq!(late.status.code(), Some(1));
    assert!(String::from_utf8(late.stdout).unwrap().contains("REFUSED by rule time (segment 0)"));
}

#[test]
fn a_bad_chain_is_one_line_and_no_panic() {
    let desk = Desk::new();
    std::fs::write(desk.path("garbage"), [0xff, 0xfe, 0]).unwrap();
    std::fs::write(desk.path("empty"), "  \n").unwrap();
    std::fs::write(desk.path("json"), "{\"chain\": 1}").unwrap();
    std::fs::write(desk.path("dots"), "a.b.c").unwrap();
    for file in ["garbage", "empty", "json", "dots", "absent"] {
        desk.fails(1, &["inspect", file]);
        desk.fails(1, &["append", "--next", "spiffe://bank.example/a", file]);
    }
    std::fs::write(desk.path("huge"), vec![b'a'; 2 * 1024 * 1024]).unwrap();
    assert!(desk.fails(1, &["inspect", "huge"]).contains("more than"));
}

#[test]
fn without_a_workload_api_the_error_says_what_to_set() {
    let desk = Desk::new();
    std::fs::write(desk.path("token"), "t0ken").unwrap();
    for words in [&["mint", "token"][..], &["keys"], &["svid", "write", "me"]] {
        let told = desk.fails(1, words);
        assert!(told.contains("SPIFFE_ENDPOINT_SOCKET") && !told.contains("t0ken"), "{told}");
    }
}

#[test]
fn a_vector_file_that_is_none_is_refused() {
    let desk = Desk::new();
    std::fs::write(desk.path("v.json"), "{}").unwrap();
    desk.fails(1, &["verify", "--vectors", "v.json"]);
    desk.fails(1, &["verify", "--vectors", "absent.json"]);
}

#[test]
fn configurations_are_checked_by_name() {
    let desk = Desk::new();
    for workload in ["subject-wl", "asserting-wl", "middle-tier", "target-wl"] {
        let file = format!("{CONFIG}/{workload}.toml");
        assert!(good(&desk.run(&["check-config", workload, &file])).contains("valid"));
        let text = std::fs::read_to_string(Path::new(&file)).unwrap();
        std::fs::write(desk.path("wrong.toml"), text.replacen("[identity]", "[idenity]", 1)).unwrap();
        let told = desk.fails(64, &["check-config", workload, "wrong.toml"]);
        assert!(told.contains("idenity") && told.contains("identity"), "{told}");
    }
    let file = format!("{CONFIG}/dev-spire.toml");
    assert_eq!(good(&desk.run(&["check-config", "dev-spire", &file])).trim(), "dev-spire: the configuration is valid");
    std::fs::write(desk.path("wrong.toml"), "trust_domain = \"bank.example\"\nlisen = 1\n").unwrap();
    assert!(desk.fails(64, &["check-config", "dev-spire", "wrong.toml"]).contains("`lisen`"));
}

#[test]
fn a_policy_is_checked_tried_and_explained() {
    let desk = Desk::new();
    let file = format!("{CONFIG}/asserting-wl.policy.toml");
    good(&desk.run(&["policy", "check", &file]));
    assert!(good(&desk.run(&["policy", "explain", &file])).contains("spiffe://bank.example/subject-wl may mint"));
    let test = |caller: &str| {
        let words =
            ["policy", "test", &file, "--issuer", "http://127.0.0.1:8090", "--scope", "accounts.read", "--caller"];
        desk.run(&[&words[..], &[caller]].concat())
    };
    assert!(good(&test("spiffe://bank.example/subject-wl")).contains("accounts.read"));
    assert_eq!(test("spiffe://bank.example/mallory").status.code(), Some(1));
    let row = "[[issuer]]\nurl = \"http://idp.example\"\nprofile = \"okta\"\naudience = [\"a\"]\nalgs = [\"RS256\"]\n";
    std::fs::write(desk.path("p.toml"), row).unwrap();
    let found = desk.run(&["policy", "check", "p.toml"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&found.stdout).contains("must be https, or http on loopback"));
    std::fs::write(desk.path("p.toml"), "[[mint]]\ncaler = 1\n").unwrap();
    desk.fails(1, &["policy", "check", "p.toml"]);
}

#[test]
fn a_policy_that_asks_for_proofs_is_explained_and_asked() {
    let desk = Desk::new();
    desk.keep("root.json", &["new", "--mode", "plain", "--dir", "lab"]);
    let policy = |provenance: &str| {
        let accept = "[accept]\nasserters = [\"spiffe://bank.example/asserting-wl\"]\n\
             subjects = [\"spiffe://bank.example/subject-wl\"]\nissuers = [\"https://idp.example/realms/bank\"]\n\
             modes = [\"plain\"]\ncerts = \"by-reference\"\n";
        std::fs::write(desk.path("p.toml"), format!("{accept}[provenance]\n{provenance}")).unwrap();
        good(&desk.run(&["policy", "explain", "p.toml"]))
    };
    let verify = ["verify", "--json", "--keys", "lab/jwks.json", "--policy", "p.toml", "root.json"];
    assert!(!policy("").contains("provider signed"));
    assert_eq!(verdict(&desk.run(&verify))["result"], "ACCEPT");
    let told = policy("proof = \"embedded\"\nverification = \"introspect\"\nrounds = 16\n");
    for part in ["brings a proof", "asked about every chain", "meant for asserting-wl", "16 rounds", "by their hash"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let refused = desk.run(&verify);
    assert_eq!((refused.status.code(), &verdict(&refused)["rule"]), (Some(1), &"provenance".into()));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("dasvid introspect --nonce"));
    policy("proof = \"embedded\"\noauth_audience = []\n");
    assert!(String::from_utf8_lossy(&desk.run(&["policy", "check", "p.toml"]).stdout).contains("no proof can hold"));
}

#[test]
fn every_command_has_help() {
    let desk = Desk::new();
    let help = good(&desk.run(&["--help"]));
    let commands: Vec<_> =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty()).collect();
    assert!(commands.len() > 15, "{help}");
    for line in commands {
        let command = line.split_whitespace().next().unwrap();
        good(&desk.run(&["help", command]));
    }
    assert!(good(&desk.run(&["completions", "bash"])).contains("_dasvid()"));
}
