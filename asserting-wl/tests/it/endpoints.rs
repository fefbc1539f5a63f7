//! Every endpoint against everything that is not a well-formed request of an admitted caller.

use std::time::Duration;

use bytes::Bytes;
use crypto::jose::Algorithm;
use dev_spire::{DevSpire, Entry, Settings};
use http::{Method, Request};
use mesh::{Client, ClientSettings, Identity};
use serde_json::{Value, json};
use spiffe::{SpiffeId, TrustDomain};

use crate::bank::{Bank, client, id, identity, read, request, socket};
use crate::provider::Key;

const FORM: &str = "application/x-www-form-urlencoded";
const MINTS: [&str; 3] = ["/mint", "/ecdsaassertion", "/mintassertion"];
const POSTS: [(&str, &str); 7] = [
    ("/mint", "access_token"),
    ("/ecdsaassertion", "access_token"),
    ("/mintassertion", "access_token"),
    ("/validate", "token"),
    ("/introspect", "token"),
    ("/token", "subject_token"),
    ("/revoke", "token"),
];

/// Sends a request as subject-wl and names the problem it is answered with.
async fn problem(bank: &Bank, request: Request<Bytes>) -> (u16, String) {
    let answer = bank.send("subject-wl", request).await.unwrap();
    let (status, body) = read(&answer);
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{body}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    let slug = body["type"].as_str().unwrap().strip_prefix("urn:x-dasvid:problem:").unwrap();
    (status, slug.to_owned())
}

#[tokio::test]
async fn every_endpoint_refuses_what_is_malformed() {
    let bank = Bank::open("rfc9068").await;
    for (path, parameter) in POSTS {
        let twice = format!("{parameter}=a&{parameter}=b");
        let cases: [(&str, Request<Bytes>, u16, &str); 10] = [
            ("GET", request(Method::GET, path, FORM, ""), 405, "method-not-allowed"),
            (
                "GET with a token",
                request(Method::GET, &format!("{path}?{parameter}=a.b.c"), FORM, ""),
                405,
                "method-not-allowed",
            ),
            ("PUT", request(Method::PUT, path, FORM, ""), 405, "method-not-allowed"),
            (
                "a token in the query",
                request(Method::POST, &format!("{path}?{parameter}=a.b.c"), FORM, ""),
                400,
                "invalid-request",
            ),
            ("a repeated parameter", request(Method::POST, path, FORM, twice), 400, "invalid-request"),
            ("no parameter", request(Method::POST, path, FORM, ""), 400, "invalid-request"),
            ("broken encoding", request(Method::POST, path, FORM, format!("{parameter}=%zz")), 400, "invalid-request"),
            (
                "bytes that are no text",
                request(Method::POST, path, FORM, &b"\xff\xfe\x00=\xff"[..]),
                400,
                "invalid-request",
            ),
            ("JSON", request(Method::POST, path, "application/json", "{}"), 415, "unsupported-media-type"),
            ("a huge body", request(Method::POST, path, FORM, "a".repeat(100_000)), 413, "too-large"),
        ];
        for (what, request, status, slug) in cases {
            assert_eq!(problem(&bank, request).await, (status, slug.to_owned()), "{path}: {what}");
        }
    }
}

#[tokio::test]
async fn every_mint_endpoint_refuses_garbage_as_a_token() {
    let bank = Bank::open("rfc9068").await;
    let huge = "A".repeat(17 * 1024);
    for path in MINTS {
        for (token, expected) in [
            ("x", (401, "invalid-token")),
            ("a.b.c", (401, "invalid-token")),
            ("e30.e30.e30", (401, "invalid-token")),
            ("....", (401, "invalid-token")),
            (huge.as_str(), (413, "too-large")),
        ] {
            let request = request(Method::POST, path, FORM, format!("access_token={token}"));
            assert_eq!(problem(&bank, request).await, (expected.0, expected.1.to_owned()), "{path}");
        }
    }
}

#[tokio::test]
async fn a_refused_token_is_challenged_for() {
    let bank = Bank::open("rfc9068").await;
    let answer = bank.client("subject-wl").await.post_form("/mint", &[("access_token", "x")]).await.unwrap();
    assert_eq!(answer.headers["www-authenticate"], "DA-SVID error=\"invalid-token\"");
    insta::assert_json_snapshot!(read(&answer).1, @r#"
    {
      "detail": "the access token is not a signed JWT",
      "status": 401,
      "title": "The token is not valid",
      "type": "urn:x-dasvid:problem:invalid-token"
    }
    "#);
}

#[tokio::test]
async fn keys_take_alg_and_nothing_else() {
    let bank = Bank::open("rfc9068").await;
    let client = bank.client("stranger").await;
    let all: Value = client.get_json("/keys").await.unwrap();
    assert_eq!(all["keys"].as_array().unwrap().len(), 2);
    for key in all["keys"].as_array().unwrap() {
        assert!(key.get("d").is_none() && key["use"] == "sig" && key["kid"].is_string(), "{key}");
    }
    let none: Value = client.get_json("/keys?alg=HS256").await.unwrap();
    assert_eq!(none, json!({"keys": []}));
    for query in ["?token=a.b.c", "?alg=ES256&alg=ES256", "?alg=ES256&access_token=x", "?x"] {
        let request = request(Method::GET, &format!("/keys{query}"), FORM, "");
        assert_eq!(problem(&bank, request).await, (400, "invalid-request".to_owned()), "{query}");
    }
    let post = request(Method::POST, "/keys", FORM, "a=b");
    assert_eq!(problem(&bank, post).await, (405, "method-not-allowed".to_owned()));
    let nowhere = request(Method::GET, "/nowhere?token=a.b.c", FORM, "");
    assert_eq!(problem(&bank, nowhere).await, (404, "not-found".to_owned()));
}

#[tokio::test]
async fn the_served_description_is_the_one_checked_in() {
    let bank = Bank::open("rfc9068").await;
    let answer = bank.send("stranger", request(Method::GET, "/openapi.json", FORM, "")).await.unwrap();
    let checked_in = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/asserting-wl.json"));
    assert_eq!(String::from_utf8(answer.body.to_vec()).unwrap(), checked_in.unwrap());
}

#[tokio::test]
async fn a_caller_of_another_trust_domain_is_not_let_in() {
    let bank = Bank::open("rfc9068").await;
    let elsewhere = DevSpire::start(Settings::new(TrustDomain::new("evil.example").unwrap())).await.unwrap();
    let stranger = SpiffeId::new("spiffe://evil.example/subject-wl").unwrap();
    let path = socket(bank.folder.path(), "evil");
    elsewhere.issue_socket(&path, Entry::new(stranger)).await.unwrap();
    // Even when the trust domains know each other's bundles.
    elsewhere.federate(TrustDomain::new("bank.example").unwrap(), bank.spire.bundle());
    bank.spire.federate(TrustDomain::new("evil.example").unwrap(), elsewhere.bundle());
    let evil = Identity::connect(Some(&DevSpire::endpoint(&path)), Duration::from_secs(10)).await.unwrap();
    let refused = client(&evil, bank.port()).post_form("/mint", &[("access_token", &bank.token())]).await;
    assert!(refused.is_err(), "{refused:?}");
    let keys: Result<Value, _> = client(&evil, bank.port()).get_json("/keys").await;
    assert!(keys.is_err(), "{keys:?}");
}

#[tokio::test]
async fn a_client_that_expects_another_server_does_not_talk() {
    let bank = Bank::open("rfc9068").await;
    let subject = identity(bank.folder.path(), "subject-wl").await;
    let base = format!("https://127.0.0.1:{}", bank.port()).parse().unwrap();
    let wrong = Client::new(&subject, id("target-wl"), &base, ClientSettings::default()).unwrap();
    assert!(wrong.post_form("/mint", &[("access_token", &bank.token())]).await.is_err());
}

#[tokio::test]
async fn a_caller_that_asks_too_often_waits() {
    let settings = "limits = { per_second = 1, burst = 2, concurrent = 2 }";
    let bank = Bank::open_with("rfc9068", settings, Key::generate("k1", Algorithm::Es256)).await;
    let client = bank.client("stranger").await;
    let mut last = None;
    for _ in 0..4 {
        last = Some(client.post_form("/mint", &[("access_token", "x")]).await.unwrap());
    }
    let answer = last.unwrap();
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(read(&answer).1["type"], "urn:x-dasvid:problem:rate-limited");
    assert_eq!(bank.mint(&bank.token()).await.0, 200);
}
