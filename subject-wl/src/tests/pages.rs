//! What every answer tells the browser, and what people read when something fails.

use std::fmt::Write as _;

use reqwest::Response;
use wire::problem::ProblemKind;

use super::{World, stub::refused};
use crate::{
    bank::BankError,
    problem::{Explained, explain, explain_transfer},
};

fn shown(answer: &Response, world: &World) -> String {
    let mut lines: Vec<_> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "content-length"))
        .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()))
        .collect();
    lines.sort_unstable();
    let text = format!("{}\n{}", answer.status().as_u16(), lines.concat());
    let text = text.replace(&world.idp.addr.port().to_string(), "[idp]").replace(&world.port.to_string(), "[port]");
    ["session_[port]=", "login_[port]=", "state=", "nonce=", "code_challenge=", "code=", "Expires="]
        .into_iter()
        .fold(text, hide)
}

/// The text with what follows the first `mark` hidden.
fn hide(text: String, mark: &str) -> String {
    let Some((before, rest)) = text.split_once(mark) else { return text };
    let end = rest.find([';', '&', '\n']).unwrap();
    format!("{before}{mark}[…]{}", &rest[end..])
}

#[tokio::test]
async fn every_answer_protects_the_browser() {
    let world = World::new().await;
    let mut browser = world.browser();
    let mut all = String::new();
    for path in ["/", "/login", "/callback", "/account", "/signed-out", "/style.css", "/nowhere", "/mode"] {
        let answer = browser.send(&world.at(path), None).await.unwrap();
        writeln!(all, "GET {path}: {}", shown(&answer, &world)).unwrap();
    }
    let back = super::about_to_return(&world, &mut browser).await;
    let answer = browser.send(&back, None).await.unwrap();
    writeln!(all, "GET /callback with a code: {}", shown(&answer, &world)).unwrap();
    for path in ["/account", "/transactions", "/transfer", "/deposit", "/profile", "/token"] {
        let answer = browser.send(&world.at(path), None).await.unwrap();
        writeln!(all, "GET {path} logged in: {}", shown(&answer, &world)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_problem_is_told_in_words() {
    let mut all = String::new();
    let mut tell_as = |name: &str, told: &Explained| {
        let ways = [(told.again, "again"), (told.login, "login")];
        let ways: Vec<_> = ways.iter().filter(|(open, _)| *open).map(|(_, way)| *way).collect();
        writeln!(all, "{name}: {} {} | {} | {} | {ways:?}", told.status.as_u16(), told.title, told.happened, told.next)
            .unwrap();
    };
    for kind in ProblemKind::ALL {
        tell_as(kind.slug(), &explain(&refused(kind, false)));
    }
    for kind in [ProblemKind::InvalidRequest, ProblemKind::UnknownAccount, ProblemKind::Conflict] {
        tell_as(&format!("{} of a transfer", kind.slug()), &explain_transfer(&refused(kind, false)));
    }
    tell_as("invalid-token at asserting-wl", &explain(&refused(ProblemKind::InvalidToken, true)));
    tell_as("login expired", &explain(&BankError::LoginExpired));
    tell_as("no answer", &explain(&BankError::NoAnswer { hop: "h".to_owned(), cause: "c".to_owned() }));
    tell_as("not understood", &explain(&BankError::NotUnderstood { hop: "h".to_owned(), status: 200 }));
    tell_as("no chain", &explain(&BankError::Chain("c".to_owned())));
    insta::assert_snapshot!(all);
}

#[test]
fn a_problem_names_the_hop_that_refused() {
    let told = explain(&refused(ProblemKind::InvalidChain, false));
    assert_eq!(told.hop, "spiffe://bank.example/middle-tier-2");
    assert_eq!(told.kind, "urn:x-dasvid:problem:invalid-chain");
}
