//! Bodies that are no deposit, under a chain that is good and bound to just these bytes.

use std::time::Duration;

use bytes::Bytes;
use dasvid::outgoing::{Content, Outgoing};
use e2e::actor::deposit;
use e2e::{Actor, Bank, Street, raw, refused};
use http::HeaderMap;
use token::Mode;
use wire::bank::DEPOSITS;
use wire::problem::ProblemKind;

use super::{noise, still_works};

const JSON: &str = "application/json";

fn body(kind: &str, bytes: impl Into<Bytes>) -> Outgoing {
    let content = Content { kind: kind.to_owned(), bytes: bytes.into() };
    Outgoing { body: Some(content), ..deposit(1, "garbage") }
}

fn cases() -> Vec<(&'static str, Outgoing, ProblemKind)> {
    let good = r#"{"currency":"USD","minor":1}"#;
    let deep = format!("{}{}", "[".repeat(1500), "]".repeat(1500));
    let (invalid, media) = (ProblemKind::InvalidRequest, ProblemKind::UnsupportedMediaType);
    vec![
        ("nothing", body(JSON, ""), invalid),
        ("noise", body(JSON, noise(1, 1000)), invalid),
        ("NUL bytes", body(JSON, vec![0; 100]), invalid),
        ("a NUL in a string", body(JSON, "{\"currency\":\"U\0D\",\"minor\":1}"), invalid),
        ("bad UTF-8", body(JSON, &b"{\"currency\":\"\xff\xfe\xfd\",\"minor\":1}"[..]), invalid),
        ("a byte order mark", body(JSON, format!("\u{feff}{good}")), invalid),
        ("depth", body(JSON, deep.clone()), invalid),
        ("depth in a member", body(JSON, format!("{{\"currency\":\"USD\",\"minor\":{deep}}}")), invalid),
        ("two documents", body(JSON, format!("{good}{good}")), invalid),
        ("a duplicate member", body(JSON, r#"{"currency":"USD","minor":1,"minor":2}"#), invalid),
        ("an unknown member", body(JSON, r#"{"currency":"USD","minor":1,"dpr":"bob"}"#), invalid),
        ("an array", body(JSON, "[]"), invalid),
        ("a number too large", body(JSON, r#"{"currency":"USD","minor":9007199254740992}"#), invalid),
        ("a form", body("application/x-www-form-urlencoded", "currency=USD&minor=1"), media),
        ("text", body("text/plain", good), media),
        ("XML", body("application/xml", "<deposit/>"), media),
        ("too much", body(JSON, format!("{good}{}", " ".repeat(70_000))), ProblemKind::TooLarge),
    ]
}

#[tokio::test]
async fn a_body_that_is_no_deposit_is_a_problem_and_books_nothing() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    for (what, outgoing, kind) in cases() {
        for mode in [Mode::Id, Mode::Anonymous] {
            let answer = refused(&teller.ask(mode, &token, &outgoing).await);
            assert_eq!(answer.kind, kind, "{what} in mode {mode}: {answer:?}");
        }
    }
    still_works(&bank).await;
}

/// The head of a deposit with a good chain, and half of its body.
async fn half_a_deposit(teller: &Actor, token: &str) -> Vec<u8> {
    let outgoing = deposit(1, "slow");
    let chain = teller.chain(Mode::Plain, token, &outgoing).await;
    let request = outgoing.request(Some(&chain)).unwrap();
    let length = request.body().len();
    let mut head = format!("POST {DEPOSITS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n");
    head.push_str(&fields(request.headers()));
    [head.as_bytes(), b"\r\n", &request.body()[..length / 2]].concat()
}

fn fields(headers: &HeaderMap) -> String {
    let lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    lines.concat()
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_given_up() {
    let bank = Bank::open().await;
    let street = Street::build(&bank, |name, text| match name {
        "target-wl" => format!("request_timeout = \"1s\"\n{text}"),
        "asserting-wl" => text,
        _ => format!("{text}\n[body]\nidle = \"1s\"\n"),
    })
    .await;
    let teller = Actor::connect(&bank.socket("cli"), &street.place).await;
    let token = bank.token("alice").await;
    let begun = std::time::Instant::now();
    for service in [&street.place.entry, &street.place.target] {
        let bytes = half_a_deposit(&teller, &token).await;
        let answer = raw::over_mtls(&bank.socket("cli"), service, &bytes).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(matches!(raw::status(&answer), Some(400 | 408 | 503)), "{}: {text}", service.id);
        assert!(text.contains("application/problem+json"), "{}: {text}", service.id);
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    street.close().await;
    still_works(&bank).await;
}
