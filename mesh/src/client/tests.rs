//! The client's limits and the words of its errors.

use super::*;

fn of(url: &str) -> Result<String, String> {
    authority(&url.parse().unwrap()).map(|authority| authority.to_string()).map_err(|error| error.to_string())
}

#[test]
fn takes_the_origin_of_an_https_url() {
    assert_eq!(of("https://target-wl:8444").unwrap(), "target-wl:8444");
    assert_eq!(of("https://target-wl/").unwrap(), "target-wl:443");
    assert_eq!(of("https://[::1]:8444").unwrap(), "[::1]:8444");
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
    ] {
        assert!(of(url).unwrap_err().ends_with("is not the https URL of a server, without a path"), "{url}");
    }
}

#[test]
fn shows_no_password_and_no_query() {
    let error = of("https://alice:secret@target-wl/?token=secret").unwrap_err();
    assert!(error.starts_with("https://alice@target-wl/ is not"), "{error}");
    let error = request(Method::GET, "no target?token=secret", Bytes::new()).unwrap_err();
    assert_eq!(error.to_string(), "\"no target\" is not a request target");
}
