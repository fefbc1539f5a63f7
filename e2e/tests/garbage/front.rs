//! The two services a browser talks to: the bank's front door and the identity provider.

use e2e::{Bank, raw};
use http::Method;
use reqwest::{Client, redirect};
use url::Url;

use super::{noise, still_works};

const FORM: &str = "application/x-www-form-urlencoded";

/// The bank's pages: the path and the methods it is asked for with.
const PAGES: [(&str, &[&str]); 11] = [
    ("/", &["GET"]),
    ("/login", &["GET"]),
    ("/callback", &["GET"]),
    ("/account", &["GET"]),
    ("/deposit", &["GET", "POST"]),
    ("/profile", &["GET"]),
    ("/token", &["GET"]),
    ("/mode", &["POST"]),
    ("/logout", &["POST"]),
    ("/signed-out", &["GET"]),
    ("/style.css", &["GET"]),
];

/// The provider's endpoints, likewise.
const PROVIDER: [(&str, &[&str]); 9] = [
    ("/.well-known/openid-configuration", &["GET"]),
    ("/jwks", &["GET"]),
    ("/authorize", &["GET", "POST"]),
    ("/login", &["POST"]),
    ("/token", &["POST"]),
    ("/userinfo", &["GET", "POST"]),
    ("/end-session", &["GET", "POST"]),
    ("/end-session/confirm", &["POST"]),
    ("/style.css", &["GET"]),
];

fn http() -> Client {
    mesh::install_crypto();
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

fn provider(bank: &Bank) -> Url {
    bank.place().issuer.parse().unwrap()
}

#[tokio::test]
async fn every_other_method_is_405() {
    let bank = Bank::open().await;
    let http = http();
    let sides = [(bank.place().front.clone(), &PAGES[..]), (provider(&bank), &PROVIDER[..])];
    for (base, endpoints) in sides {
        for (path, own) in endpoints {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"] {
                if own.contains(&method) {
                    continue;
                }
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let answer = http.request(method.clone(), base.join(path).unwrap()).send().await.unwrap();
                assert_eq!(answer.status(), 405, "{method} {path} at {base}");
            }
        }
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn forms_that_are_none_are_refused_and_every_page_is_a_page() {
    let bank = Bank::open().await;
    let http = http();
    let front = &bank.place().front;
    let bodies: [(&str, &str, Vec<u8>); 7] = [
        ("noise", FORM, noise(5, 2000)),
        ("bad UTF-8", FORM, b"csrf=%ff%fe&amount=\xff".to_vec()),
        ("NUL bytes", FORM, b"csrf=%00&amount=\0".to_vec()),
        ("depth", "application/json", "[".repeat(5000).into_bytes()),
        ("JSON", "application/json", b"{}".to_vec()),
        ("a huge form", FORM, [b"csrf=".to_vec(), vec![b'a'; 300_000]].concat()),
        ("no type", "", b"csrf=a".to_vec()),
    ];
    for path in ["/deposit", "/mode", "/logout"] {
        for (what, kind, body) in &bodies {
            let mut request =
                http.post(front.join(path).unwrap()).header("cookie", "bank_session=AAAA").body(body.clone());
            if !kind.is_empty() {
                request = request.header("content-type", *kind);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            assert!(status.is_client_error() || status.is_redirection(), "{what} to {path}: {status}");
            if status.is_client_error() {
                assert!(
                    answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"),
                    "{what} to {path}"
                );
            }
        }
    }
    for path in
        ["/nowhere", "/account/", "/%00", "/..%2f..%2fetc/passwd", "/callback?code=%ff&state=%00", "/callback?x"]
    {
        let answer = http.get(front.join(path).unwrap()).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn the_provider_answers_garbage_in_oauths_words_or_with_a_page() {
    let bank = Bank::open().await;
    let (http, base) = (http(), provider(&bank));
    for body in [noise(6, 2000), b"grant_type=\xff".to_vec(), b"grant_type=%00".to_vec(), b"{}".to_vec(), Vec::new()] {
        let request = http.post(base.join("token").unwrap()).header("content-type", FORM).body(body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_client_error(), "{}", answer.status());
        let document: serde_json::Value = answer.json().await.unwrap();
        assert!(document["error"].is_string(), "{document}");
    }
    for (path, own) in PROVIDER {
        for body in [noise(7, 1000), vec![b'a'; 300_000]] {
            if !own.contains(&"POST") {
                continue;
            }
            let request = http.post(base.join(path).unwrap()).header("content-type", FORM).body(body);
            let status = request.send().await.unwrap().status();
            assert!(!status.is_server_error(), "{path}: {status}");
        }
    }
    for query in [
        "authorize?client_id=%ff",
        "authorize?client_id=a&client_id=b",
        "authorize?%00=%00",
        "end-session?id_token_hint=x",
    ] {
        let status = http.get(base.join(query).unwrap()).send().await.unwrap().status();
        assert!(!status.is_server_error(), "{query}: {status}");
    }
    still_works(&bank).await;
}

#[tokio::test]
async fn bytes_that_are_no_http_end_their_own_connection_only() {
    let bank = Bank::open().await;
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nCookie: bank_session={}\r\n\r\n", "A".repeat(900_000));
    let heads: [&[u8]; 5] = [
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a\0b\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
        long.as_bytes(),
    ];
    for base in [bank.place().front.clone(), provider(&bank)] {
        for (number, head) in heads.iter().enumerate() {
            let answer = raw::over_tcp(&base, head).await;
            let status = raw::status(&answer);
            assert!(status.is_none_or(|status| matches!(status, 400 | 431)), "{base} {number}: {status:?}");
        }
        for seed in 0..8 {
            let answer = raw::over_tcp(&base, &[noise(seed, 2000), b"\r\n\r\n".to_vec()].concat()).await;
            assert!(raw::status(&answer).is_none_or(|status| status == 400), "{base} {seed}");
        }
    }
    still_works(&bank).await;
}
