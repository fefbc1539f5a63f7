//! A server that trusts its callers to behave.

use bytes::Bytes;
use e2e::actor::balance;
use e2e::museum::bank::Chain;
use e2e::museum::services::Server;
use e2e::{Actor, Bank, refused};
use http::Request;
use mesh::Answer;
use token::Mode;
use wire::problem::ProblemKind;

use super::stopped;

fn server() -> Server {
    let mut server = Server::default();
    server.accounts.deposit(&Chain { dpr: "alice".to_owned() }, "100").unwrap();
    server
}

fn said(answer: &Answer) -> String {
    let refused = refused(answer);
    format!("{}: {}", refused.kind, refused.detail)
}

async fn get(actor: &Actor, bank: &Bank, target: &str) -> Answer {
    let request = Request::builder().method("GET").uri(target).body(Bytes::new()).unwrap();
    actor.send(&bank.place().asserting, request).await.unwrap()
}

#[tokio::test]
async fn a_token_in_the_url() {
    let mut server = server();
    assert!(server.serve("GET /balance?DASVIDToken=token-of-alice").unwrap().contains("100"));
    // Whoever reads the log has alice's token.
    let found = server.log[0].clone();
    assert!(server.serve(&found).unwrap().contains("100"));

    let bank = Bank::open().await;
    let token = bank.token("alice").await;
    let answer = get(&bank.actor("cli").await, &bank, &format!("/mint?AccessToken={token}")).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains(&token));
    stopped("a_token_in_the_url", refused(&answer).kind);
}

#[tokio::test]
async fn one_bad_token_for_everybody() {
    let mut server = server();
    assert_eq!(server.serve("GET /balance?DASVIDToken=garbage"), None);
    assert_eq!(server.serve("GET /balance?DASVIDToken=token-of-alice"), None);

    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let good = teller.chain(Mode::Id, &token, &balance()).await;
    let bad = dasvid::input::ChainFile { da_svid: "garbage".to_owned(), ..good.clone() };
    let answer = teller.present(&bank.place().entry, &balance(), &bad).await;
    // And the next one is served.
    let next = refused(&teller.present(&bank.place().entry, &balance(), &good).await);
    assert_eq!(next.kind, ProblemKind::UnknownAccount);
    stopped("one_bad_token_for_everybody", said(&answer));
}

#[tokio::test]
async fn a_problem_and_an_account_in_one_answer() {
    let answer = server().serve("GET /balance?DASVIDToken=token-of-mallory").unwrap();
    assert!(answer.contains("user not found") && answer.contains("\"balance\":0"));

    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let answer = teller.ask(Mode::Id, &token, &balance()).await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("balances"));
    stopped("a_problem_and_an_account_in_one_answer", said(&answer));
}
