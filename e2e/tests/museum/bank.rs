//! Accounts in one file.

use dasvid::outgoing::Outgoing;
use e2e::actor::{balance, deposit};
use e2e::museum::bank::{Accounts, Chain, File};
use e2e::{Bank, refused};
use futures::future::join_all;
use serde_json::json;
use store::{Entry, Moment, Person};
use token::Mode;
use wire::bank::DEPOSITS;

use super::stopped;

fn alice() -> Chain {
    Chain { dpr: "alice".to_owned() }
}

#[tokio::test]
async fn a_file_written_from_a_stale_copy() {
    let mut file = File::default();
    let (mut one, mut two) = (file.read(), file.read());
    one.deposit(&alice(), "100").unwrap();
    two.deposit(&alice(), "25").unwrap();
    file.write(one);
    file.write(two);
    assert_eq!(file.read().holds("alice"), Some(25));

    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let asks = (1..=8_u64).map(|number| {
        let (teller, token) = (&teller, &token);
        async move { teller.ask(Mode::Id, token, &deposit(number, &format!("k{number}"))).await.status }
    });
    assert!(join_all(asks).await.iter().all(http::StatusCode::is_success));
    let booked = teller.holds(&token).await;
    stopped("a_file_written_from_a_stale_copy", format!("8 deposits at once, 8 booked: {booked} of 36 cents"));
}

#[tokio::test]
async fn a_name_at_two_providers() {
    let mut accounts = Accounts::default();
    accounts.deposit(&alice(), "100").unwrap();
    // Somebody else's alice, from another provider.
    let namesake = Chain { dpr: "alice".to_owned() };
    assert_eq!(accounts.holds(&namesake.dpr), Some(100));

    let store = store::open("memory:").await.unwrap();
    let (ours, theirs) = (Person::new("https://idp.example", "alice"), Person::new("https://evil.example", "alice"));
    let mut tx = store.begin().await.unwrap();
    tx.accounts().deposit(&ours, "USD", 100, &Entry::new("deposit", None, Moment(0))).await.unwrap();
    let held = tx.accounts().balance(&theirs, "USD").await.unwrap();
    stopped("a_name_at_two_providers", format!("the other alice's balance: {held:?}"));
}

#[tokio::test]
async fn a_negative_deposit() {
    let mut accounts = Accounts::default();
    accounts.deposit(&alice(), "-100").unwrap();
    assert_eq!(accounts.holds("alice"), Some(-100));

    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let asked = Outgoing::post(DEPOSITS, &json!({"currency": "USD", "minor": -100}), "k");
    let answer = refused(&teller.ask(Mode::Id, &token, &asked).await);
    stopped("a_negative_deposit", format!("{}: {}", answer.kind, answer.detail));
}

#[tokio::test]
async fn an_enquiry_turned_into_a_deposit() {
    // The hop holds a chain that came with a balance enquiry.
    let mut accounts = Accounts::default();
    accounts.deposit(&alice(), "100").unwrap();
    assert_eq!(accounts.holds("alice"), Some(100));

    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (token, next) = (bank.token("alice").await, bank.endpoint("middle-tier-2"));
    let chain = teller.chain(Mode::Id, &token, &balance()).await;
    let asked = deposit(100, "k");
    let forged = hop.pass_on(&chain, &asked, &next.id).await;
    let answer = refused(&hop.present(&next, &asked, &forged).await);
    stopped("an_enquiry_turned_into_a_deposit", format!("{}: {}", answer.kind, answer.detail));
}
