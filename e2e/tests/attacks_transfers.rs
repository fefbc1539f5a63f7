//! Attacks on transfers across the whole bank: broken hops, limits, and everybody at once.

use dasvid::outgoing::Outgoing;
use dasvid::teller;
use e2e::actor::{balance, bound, deposit};
use e2e::{Actor, Bank, MODES, refused};
use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use token::Mode;
use token::claims::{MaxAmount, Only};
use token::hop::Extension;
use wire::bank::{Account, AccountNumber, TRANSFERS};
use wire::problem::ProblemKind;

fn transfer(to: AccountNumber, minor: u64, key: &str) -> Outgoing {
    Outgoing::post(TRANSFERS, &json!({"to": to, "currency": "USD", "minor": minor}), key)
}

/// Somebody with so much money, and their number.
async fn with_money(teller: &Actor, token: &str, minor: u64) -> AccountNumber {
    let answer = teller.ask(Mode::Id, token, &deposit(minor, "opening")).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let account: Account = teller::read(&teller.ask(Mode::Id, token, &balance()).await).unwrap();
    account.account
}

#[tokio::test]
async fn a_middle_tier_cannot_send_the_money_elsewhere() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (alice, bob) = (bank.token("alice").await, bank.token("bob").await);
    let (alices, bobs) = (with_money(&teller, &alice, 1_000).await, with_money(&teller, &bob, 1_000).await);
    let next = bank.endpoint("middle-tier-2");
    for mode in MODES {
        let asked = transfer(bobs, 10, mode.name());
        let chain = teller.chain(mode, &alice, &asked).await;
        let elsewhere =
            [transfer(alices, 10, mode.name()), transfer(bobs, 1_000, mode.name()), transfer(bobs, 10, "k")];
        for forged in elsewhere.iter().chain([&deposit(10, mode.name())]) {
            let passed_on = hop.pass_on(&chain, forged, &next.id).await;
            let answer = refused(&hop.present(&next, forged, &passed_on).await);
            answer.is("middle-tier-2", ProblemKind::NotPermitted);
        }
    }
    assert_eq!((teller.holds(&alice).await, teller.holds(&bob).await), (1_000, 1_000));
}

#[tokio::test]
async fn a_limit_in_a_link_holds_at_the_target_whoever_asks_at_once() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let (alice, bob) = (bank.token("alice").await, bank.token("bob").await);
    with_money(&teller, &alice, 1_000).await;
    let bobs = with_money(&teller, &bob, 1).await;
    let entry = &bank.place().entry;
    for mode in [Mode::Id, Mode::Anonymous] {
        let limited = async |asked: &Outgoing, minor| {
            let next = (mode == Mode::Id).then_some(&entry.id);
            let limit = MaxAmount { currency: "USD".to_owned(), minor };
            let only = Some(Only { max_amount: Some(limit), ..Only::default() });
            let root = teller.root(mode, &alice, asked).await;
            teller.teller.extend(&root, &Extension { only, ..bound(asked, next) }).await.unwrap()
        };
        let over = transfer(bobs, 100, &format!("over-{}", mode.name()));
        let answer = refused(&teller.present(entry, &over, &limited(&over, 99).await).await);
        answer.is("target-wl", ProblemKind::NotPermitted);
        // The same limit drawn on twelve times at once with one chain is drawn on once.
        let within = transfer(bobs, 100, &format!("within-{}", mode.name()));
        let chain = limited(&within, 100).await;
        let answers = join_all((0..12).map(|_| teller.present(entry, &within, &chain))).await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED && answer.body == answers[0].body));
    }
    assert_eq!((teller.holds(&alice).await, teller.holds(&bob).await), (800, 201));
}

#[tokio::test]
async fn an_overdraft_race_in_every_mode_pays_exactly_what_fits() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let (alice, bob) = (bank.token("alice").await, bank.token("bob").await);
    with_money(&teller, &alice, 1_000).await;
    let bobs = with_money(&teller, &bob, 1).await;
    let asks = (0..30_usize).map(|number| {
        let (teller, alice) = (&teller, &alice);
        async move { teller.ask(MODES[number % 3], alice, &transfer(bobs, 70, &format!("k{number}"))).await }
    });
    let (paid, rest): (Vec<_>, Vec<_>) =
        join_all(asks).await.into_iter().partition(|answer| answer.status == StatusCode::CREATED);
    assert_eq!(paid.len(), 14);
    for answer in &rest {
        assert_eq!(refused(answer).kind, ProblemKind::Conflict);
    }
    assert_eq!((teller.holds(&alice).await, teller.holds(&bob).await), (20, 981));
}
