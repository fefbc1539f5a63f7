//! The index of attacks against the source tree.

use super::*;

fn sources() -> Sources {
    let mut sources = Sources::default();
    let file =
        "#[test]\nfn refuses_a() {}\n#[tokio::test(flavor = \"multi_thread\")]\n#[ignore]\nasync fn refuses_b() {}\n";
    sources.add("token/tests/attacks/id.rs", file);
    sources.add("token/tests/attacks/plain.rs", "    #[test]\n    fn refuses_a() {}\nfn refuses_c() {}\n");
    sources
}

fn area(tests: &str) -> Vec<Area> {
    let text = format!("title = \"T\"\n[[attack]]\nattack = \"x\"\nstopped_by = \"a | b\"\ntests = {tests}\n");
    vec![toml::from_str(&text).unwrap()]
}

fn faults(tests: &str) -> String {
    page(&area(tests), &sources()).unwrap_err().to_string()
}

#[test]
fn the_page_is_up_to_date_and_every_attack_has_its_tests() {
    run(&Arguments { check: true }).unwrap();
}

#[test]
fn links_each_attack_to_its_tests() {
    let page = page(&area(r#"["token::id::refuses_a", "token::refuses_b"]"#), &sources()).unwrap();
    let row = "| x | a \\| b | token [`refuses_a`](../token/tests/attacks/id.rs)<br>token [`refuses_b`](../token/tests/attacks/id.rs) |";
    assert!(page.contains(row), "{page}");
}

#[test]
fn refuses_an_attack_without_a_test() {
    assert!(faults("[]").contains("no test makes the attack \"x\""));
}

#[test]
fn refuses_a_test_that_does_not_exist() {
    for test in ["token::refuses_z", "mesh::refuses_b", "token::plain::refuses_b", "refuses_b", "token::refuses_c"] {
        let faults = faults(&format!("[\"{test}\"]"));
        assert!(faults.contains(&format!("there is no test {test}")), "{faults}");
    }
}

#[test]
fn refuses_a_name_that_several_tests_have() {
    assert!(faults(r#"["token::refuses_a"]"#).contains("name more modules"));
}

#[test]
fn finds_the_tests_a_page_cites() {
    let text = "`a` shows (`token::refuses_a`, `mesh::tls::x`) and not crate::y, written `crate::module::name`";
    assert_eq!(cited(text).collect::<Vec<_>>(), ["token::refuses_a", "mesh::tls::x"]);
}
