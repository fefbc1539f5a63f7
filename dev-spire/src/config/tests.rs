//! The example file is valid, and each key that is wrong is named.

use super::*;

const GOOD: &str = r#"
trust_domain = "bank.example"
listen = ["unix:api.sock"]
[[entry]]
id = "spiffe://bank.example/a"
uid = 1000
"#;

/// The error of the good file with `from` replaced.
fn error(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    Config::parse(&GOOD.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn reads_every_setting_of_the_example() {
    let config = Config::parse(include_str!("../../../config/dev-spire.toml")).unwrap();
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.x509_ttl, Duration::from_hours(1));
    let hints: Vec<_> = config.entries.iter().map(|row| row.entry.hint.as_str()).collect();
    assert_eq!(hints, ["", "internal", "external", ""]);
    assert_eq!(config.entries.iter().filter(|row| row.selectors.tcp).count(), 1);
    assert_eq!(config.settings().jwt_ttl, Duration::from_mins(5));
}

#[test]
fn reads_the_least_there_can_be() {
    let config = Config::parse(GOOD).unwrap();
    assert_eq!(config.listen, [Listen::Unix("api.sock".into())]);
    let [row] = config.entries.as_slice() else { panic!("{config:?}") };
    assert_eq!(row.selectors, Selectors { uid: Some(1000), ..Selectors::default() });
    assert_eq!((row.entry.key, config.x509_ttl), (KeyKind::P256, Duration::from_hours(1)));
}

#[test]
fn names_the_key_that_is_wrong_in_one_line() {
    let cases = [
        ("uid = 1000", "uids = 1000", "`entry.0.uids`: unknown; here are id, dns, key, hint, uid, path, tcp"),
        (
            "trust_domain =",
            "domain =",
            "`domain`: unknown; here are trust_domain, x509_ttl, jwt_ttl, ca_ttl, listen, entry",
        ),
        ("trust_domain = \"bank.example\"", "", "`trust_domain`: missing"),
        ("bank.example\"\n", "Bank Example\"\n", "`trust_domain`: "),
        ("uid = 1000", "uid = \"me\"", "`entry.0.uid`: invalid type: found string \"me\", expected u32"),
        ("uid = 1000", "key = \"dsa\"\nuid = 1", "`entry.0.key`: unknown variant"),
        ("uid = 1000", "", "`entry.0.uid`: give `uid`, `path` or `tcp = true`, or nobody gets this entry"),
        ("uid = 1000", "path = \"bin/a\"", "`entry.0.path`: the executable's absolute path"),
        ("uid = 1000", "tcp = true", "`entry.0.tcp`: no address in `listen` is one of TCP"),
        ("uid = 1000", "uid = 1\ndns = [\"a b\"]", "`entry.0.dns`: not a DNS name"),
        ("bank.example/a", "other.example/a", "`entry.0.id`: not in the trust domain bank.example"),
        ("bank.example/a", "bank.example", "`entry.0.id`: a workload's SPIFFE ID has a path"),
        ("spiffe://bank.example/a", "https://a", "`entry.0.id`: "),
        ("unix:api.sock", "http://a", "`listen.0`: neither \"unix:PATH\" nor \"tcp://ADDRESS:PORT\""),
        ("unix:api.sock", "tcp://0.0.0.0:80", "`listen.0`: only loopback"),
        ("\"unix:api.sock\"", "\"unix:api.sock\", \"unix:api.sock\"", "`listen.1`: the same address twice"),
        ("\"unix:api.sock\"", "", "`listen`: one address at least"),
        ("listen =", "x509_ttl = 60\nlisten =", "`x509_ttl`: "),
        ("listen =", "x509_ttl = \"1 hour\"\nlisten =", "`x509_ttl`: a length of time such as"),
        ("listen =", "jwt_ttl = \"9s\"\nlisten =", "`jwt_ttl`: 10s at least"),
        ("listen =", "x509_ttl = \"48h\"\nlisten =", "`x509_ttl`: no SVID outlives its CA"),
        ("listen =", "listen", "not TOML: "),
    ];
    for (from, to, expected) in cases {
        let error = error(from, to);
        assert!(error.starts_with(expected), "{to}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn refuses_one_identity_made_in_two_ways() {
    let twice = |more: &str| format!("{GOOD}[[entry]]\nid = \"spiffe://bank.example/a\"\nuid = 7\n{more}");
    assert_eq!(Config::parse(&twice("")).unwrap().entries.len(), 2);
    assert!(Config::parse(&twice("hint = \"b\"\nkey = \"p384\"\n")).is_ok());
    let error = Config::parse(&twice("key = \"p384\"\n")).unwrap_err().to_string();
    assert!(error.starts_with("`entry.1.id`: an earlier entry has this `id` and `hint`"), "{error}");
}

#[test]
fn says_which_file_cannot_be_read() {
    let error = Config::load(Path::new("/nowhere/dev-spire.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read /nowhere/dev-spire.toml: "), "{error}");
}
