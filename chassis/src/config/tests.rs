//! Every way a setting can be wrong, and which source wins.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    store: Store,
    #[serde(default)]
    hops: Vec<String>,
    name: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Store {
    url: String,
    pool: u16,
    secret: String,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "memory:".into(), pool: 4, secret: String::new() }
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn read(toml: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded<Settings>, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    fs::write(&file, toml).unwrap();
    let sources = Sources { file: Some(&file), environment: pairs(environment), flags: pairs(flags) };
    load("target-wl", &sources)
}

/// The one line a user sees, without the temporary folder.
fn line(toml: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let text = read(toml, environment, flags).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    match text.find("s.toml") {
        Some(start) => text[start..].to_owned(),
        None => text,
    }
}

#[test]
fn defaults_lose_to_the_file_the_environment_and_flags_in_this_order() {
    let toml = "[store]\npool = 1\nurl = \"file\"\nsecret = \"file\"";
    let environment = [("TARGET_WL__STORE__URL", "environment"), ("TARGET_WL__STORE__SECRET", "environment")];
    let loaded = read(toml, &environment, &[("store.secret", "flag")]).unwrap();
    let expected = Store { url: "environment".into(), pool: 1, secret: "flag".into() };
    assert_eq!(loaded.workload.store, expected);
    assert_eq!(read("", &[], &[]).unwrap().workload.store, Store::default());
}

#[test]
fn the_chassis_keeps_its_sections_to_itself() {
    let loaded = read("[log]\nformat = \"json\"\n", &[("TARGET_WL__ADMIN__LISTEN", "[::1]:0")], &[]).unwrap();
    assert_eq!(loaded.log.format, LogFormat::Json);
    assert_eq!(loaded.admin.listen, "[::1]:0".parse().unwrap());
}

#[test]
fn an_unknown_key_names_itself_and_the_nearest_known_one() {
    assert_eq!(line("[store]\nulr = \"x\"", &[], &[]), "s.toml: unknown key `store.ulr`; did you mean `store.url`?");
    assert_eq!(line("stor = 1", &[], &[]), "s.toml: unknown key `stor`; did you mean `store`?");
    assert_eq!(line("[admn]\nlisten = 1", &[], &[]), "s.toml: unknown key `admn`; did you mean `admin`?");
    assert_eq!(line("[log]\nfiltre = 1", &[], &[]), "s.toml: unknown key `log.filtre`; did you mean `log.filter`?");
    assert_eq!(
        line("[store]\nxyzzy = 1", &[], &[]),
        "s.toml: unknown key `store.xyzzy`; known here: url, pool, secret"
    );
}

#[test]
fn an_unknown_variable_with_the_prefix_is_an_error_too() {
    assert_eq!(
        line("", &[("TARGET_WL__STORE__ULR", "x")], &[]),
        "TARGET_WL__STORE__ULR: unknown key `store.ulr`; did you mean `store.url`?"
    );
    assert_eq!(
        line("", &[], &[("store.ulr", "x")]),
        "--set store.ulr: unknown key `store.ulr`; did you mean `store.url`?"
    );
    assert!(read("", &[("MIDDLE_TIER__STORE__ULR", "x"), ("TARGET_WL_X", "y")], &[]).is_ok());
}

#[test]
fn text_settings_take_values_that_look_like_numbers() {
    let environment =
        [("TARGET_WL__STORE__SECRET", "12345"), ("TARGET_WL__NAME", "true"), ("TARGET_WL__STORE__POOL", "9")];
    let workload = read("", &environment, &[]).unwrap().workload;
    assert_eq!(workload.store, Store { pool: 9, secret: "12345".into(), ..Store::default() });
    assert_eq!(workload.name.as_deref(), Some("true"));
}

#[test]
fn the_environment_holds_arrays_as_toml() {
    let workload = read("hops = [\"z\"]", &[("TARGET_WL__HOPS", r#"["a", "b"]"#)], &[]).unwrap().workload;
    assert_eq!(workload.hops, ["a", "b"]);
}

#[test]
fn a_wrong_value_names_its_key_and_never_itself() {
    assert_eq!(line("[store]\npool = \"hunter2\"", &[], &[]), "s.toml: `store.pool`: expected u16, found another text");
    assert_eq!(line("[store]\nurl = 31337", &[], &[]), "s.toml: `store.url`: expected a string, found an integer");
    assert_eq!(
        line("", &[("TARGET_WL__STORE__POOL", "70000")], &[]),
        "TARGET_WL__STORE__POOL: `store.pool`: expected u16, found an integer"
    );
    assert!(line("", &[("TARGET_WL__ADMIN__LISTEN", "nowhere")], &[]).contains("`admin.listen`"));
}

#[test]
fn broken_toml_names_the_line_and_shows_nothing_of_it() {
    let text = line("[store]\nsecret = \"hunter2\nurl = 1", &[], &[]);
    assert!(text.starts_with("s.toml, line 2: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let missing = PathBuf::from("/nonexistent/target-wl.toml");
    let sources = Sources { file: Some(&missing), ..Sources::default() };
    let error = load::<Settings>("target-wl", &sources).unwrap_err().to_string();
    assert!(error.starts_with("/nonexistent/target-wl.toml: "), "{error}");
}

#[test]
fn a_required_setting_is_named() {
    #[derive(Debug, Deserialize)]
    struct Outer {
        #[expect(dead_code, reason = "only its absence matters")]
        asserting: AssertingSettings,
    }
    let error = parse::<Outer>("[asserting]\nurl = \"https://127.0.0.1:8443\"").unwrap_err();
    assert_eq!(error.to_string(), "the text: `asserting.id` is required");
}

#[test]
fn a_policy_is_a_path_or_a_table_and_unknown_keys_in_either_are_found() {
    #[derive(Debug, Deserialize)]
    struct Outer {
        policy: PolicySource,
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.toml");
    fs::write(&file, "[accept]\nneighbors = []").unwrap();
    let by_path: Outer = parse(&format!("policy = {file:?}")).unwrap();
    let error = by_path.policy.load().unwrap_err().to_string();
    assert!(error.ends_with("unknown key `accept.neighbors`; did you mean `accept.neighbours`?"), "{error}");
    let error = parse::<Outer>("[policy.accept]\nneighbors = []").unwrap_err().to_string();
    assert_eq!(error, "the text: unknown key `policy.accept.neighbors`; did you mean `policy.accept.neighbours`?");
}
