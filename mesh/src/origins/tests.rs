//! What counts as a place of a workload, and how settings spell it.

use super::*;

fn of(text: &str) -> Result<Vec<String>, String> {
    let origins: Origins = text.parse().map_err(|error: OriginError| error.to_string())?;
    Ok(origins.all.iter().map(|origin| origin.authority.to_string()).collect())
}

fn read(json: &str) -> Result<String, String> {
    serde_json::from_str::<Origins>(json).map(|origins| origins.to_string()).map_err(|error| error.to_string())
}

#[test]
fn takes_the_origin_of_an_https_url() {
    assert_eq!(of("https://target-wl:8444").unwrap(), ["target-wl:8444"]);
    assert_eq!(of("https://target-wl/").unwrap(), ["target-wl:443"]);
    assert_eq!(of("https://[::1]:8444").unwrap(), ["[::1]:8444"]);
    assert_eq!(Origins::new(["https://[::1]:8444".parse().unwrap()]).unwrap().all[0].host, "::1");
}

#[test]
fn takes_several_separated_by_commas_and_each_once() {
    let text = "https://a:8444, https://b ,https://a:8444/";
    assert_eq!(of(text).unwrap(), ["a:8444", "b:443"]);
}

#[test]
fn takes_a_list_and_gives_it_back() {
    let read = read(r#"["https://a:8444", "https://b"]"#).unwrap();
    assert_eq!(read, "https://a:8444/,https://b/");
    let origins: Origins = read.parse().unwrap();
    assert_eq!(serde_json::to_string(&origins).unwrap(), r#"["https://a:8444/","https://b/"]"#);
    let one: Origins = "https://a".parse().unwrap();
    assert_eq!(serde_json::to_string(&one).unwrap(), r#""https://a/""#);
}

#[test]
fn refuses_urls_that_are_more_or_less_than_an_origin() {
    for url in [
        "http://target-wl",
        "https://target-wl/v1",
        "https://target-wl/?x",
        "https://target-wl/#x",
        "https://alice@target-wl/",
        "data:x",
        "https://a, https://target-wl/v1",
    ] {
        assert!(of(url).unwrap_err().ends_with("is not the https URL of a server, without a path"), "{url}");
    }
}

#[test]
fn refuses_what_is_no_url_and_an_empty_list() {
    for text in ["", "target-wl", "https://a,", ","] {
        assert_eq!(of(text).unwrap_err(), "expected the https URL of a server, or a list of them", "{text}");
    }
    assert!(read("[]").unwrap_err().starts_with("expected at least one https URL of a server"));
    assert!(read("8444").unwrap_err().contains("expected the https URL of a server, or a list of them"));
}

#[test]
fn shows_no_password_and_no_query() {
    let error = of("https://alice:secret@target-wl/?token=secret").unwrap_err();
    assert!(error.starts_with("https://alice@target-wl/ is not"), "{error}");
}
