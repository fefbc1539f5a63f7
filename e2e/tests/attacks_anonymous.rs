//! Anonymous mode between real processes: the bearer key on the road, and the seal at its end.

use std::sync::Arc;
use std::time::Duration;

use asserting_wl::AssertingWl;
use chassis::{Clock as _, MockClock, SystemClock};
use dasvid::input::ChainFile;
use e2e::actor::{balance, deposit};
use e2e::street::endpoint;
use e2e::{Actor, Bank, refused};
use http::StatusCode;
use target_wl::TargetWl;
use token::Mode;
use wire::problem::ProblemKind;

/// A chain as the last middle tier holds it, sealed for the target, and the last middle tier itself.
async fn sealed(bank: &Bank, outgoing: &dasvid::outgoing::Outgoing) -> (Actor, ChainFile) {
    let (teller, first) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let last = bank.actor("middle-tier-2").await;
    let chain = teller.chain(Mode::Anonymous, &bank.token("alice").await, outgoing).await;
    let chain = first.pass_on(&chain, outgoing, &bank.endpoint("middle-tier-2").id).await;
    let chain = last.seal(&chain, outgoing, &bank.place().target.id).await;
    (last, chain)
}

#[tokio::test]
async fn a_sealed_chain_replayed_with_another_request_is_refused() {
    let bank = Bank::open().await;
    let (asked, target) = (deposit(100, "k"), &bank.place().target);
    let (last, chain) = sealed(&bank, &asked).await;
    assert_eq!(last.present(target, &asked, &chain).await.status, StatusCode::CREATED);
    for other in [balance(), deposit(100, "k2"), deposit(101, "k")] {
        refused(&last.present(target, &other, &chain).await).is("target-wl", ProblemKind::NotPermitted);
    }
    // The same once more is answered as before, and nothing is booked.
    assert_eq!(last.present(target, &asked, &chain).await.status, StatusCode::CREATED);
    assert_eq!(bank.actor("cli").await.holds(&bank.token("alice").await).await, 100);
}

#[tokio::test]
async fn a_sealed_chain_replayed_to_another_target_is_refused() {
    let bank = Bank::open().await;
    bank.issue("target-two").await;
    let settings = bank.config("target-wl").replace("target-wl.", "target-two.");
    let other = bank.spawn::<TargetWl>(&settings).await;
    let (last, chain) = sealed(&bank, &balance()).await;
    let answer = last.present(&endpoint("target-two", &other), &balance(), &chain).await;
    refused(&answer).is("target-two", ProblemKind::InvalidChain);
    // A seal for that target does not help: the root does not let the chain end there.
    let (teller, first) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let chain = teller.chain(Mode::Anonymous, &bank.token("alice").await, &balance()).await;
    let chain = first.pass_on(&chain, &balance(), &bank.endpoint("middle-tier-2").id).await;
    let chain = last.seal(&chain, &balance(), &e2e::bank::id("target-two")).await;
    for (name, service) in [("target-two", endpoint("target-two", &other)), ("target-wl", bank.endpoint("target-wl"))] {
        refused(&last.present(&service, &balance(), &chain).await).is(name, ProblemKind::InvalidChain);
    }
}

#[tokio::test]
async fn a_sealed_chain_replayed_later_is_refused() {
    let bank = Bank::open().await;
    let clock = Arc::new(MockClock::new(SystemClock.now()));
    let settings = bank.config("target-wl").replace("target-wl.sqlite", "target-later.sqlite");
    let later = bank.spawn_at::<TargetWl>(&settings, clock.clone()).await;
    later.ready.ready().await;
    let later = endpoint("target-wl", &later);
    let (last, chain) = sealed(&bank, &balance()).await;
    assert_eq!(refused(&last.present(&later, &balance(), &chain).await).kind, ProblemKind::UnknownAccount);
    // 30 seconds of life and 5 of leeway.
    clock.advance(Duration::from_secs(36));
    let answer = refused(&last.present(&later, &balance(), &chain).await);
    answer.is("target-wl", ProblemKind::InvalidChain);
    assert!(answer.detail.contains("exp"), "{}", answer.detail);
}

#[tokio::test]
async fn a_chain_forwarded_unextended_is_refused_by_the_next_hop() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let chain = teller.chain(Mode::Anonymous, &bank.token("alice").await, &balance()).await;
    let answer = refused(&hop.present(&bank.endpoint("middle-tier-2"), &balance(), &chain).await);
    answer.is("middle-tier-2", ProblemKind::InvalidChain);
}

#[tokio::test]
async fn a_bearer_key_is_worth_nothing_to_who_is_no_neighbour() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (thief, last) = (bank.actor("thief").await, bank.endpoint("middle-tier-2"));
    let chain = teller.chain(Mode::Anonymous, &bank.token("alice").await, &balance()).await;
    // The thief holds the live key, extends the chain and seals it himself.
    for chain in [chain.clone(), hop.pass_on(&chain, &balance(), &last.id).await] {
        let extended = thief.pass_on(&chain, &balance(), &last.id).await;
        let sealed = thief.seal(&chain, &balance(), &bank.place().target.id).await;
        for (service, chain) in [("middle-tier-1", &extended), ("middle-tier-2", &extended), ("target-wl", &sealed)] {
            let answer = refused(&thief.present(&bank.endpoint(service), &balance(), chain).await);
            answer.is(service, ProblemKind::InvalidChain);
        }
    }
}

#[tokio::test]
async fn a_chain_under_a_key_asserting_wl_does_not_publish_is_refused() {
    let bank = Bank::open().await;
    // The right name and the right SVID, but minting keys of its own. (An ID root is signed by the SVID alone.)
    let settings = bank.config("asserting-wl").replace("asserting-wl.sqlite", "other-keys.sqlite");
    let settings = format!("{settings}\n[seal]\nkey_file = \"{}\"\n", bank.folder().join("other.key").display());
    std::fs::write(bank.folder().join("other.key"), [7; 32]).unwrap();
    let other = bank.spawn::<AssertingWl>(&settings).await;
    let mut place = bank.place().clone();
    place.asserting = endpoint("asserting-wl", &other);
    let teller = Actor::connect(&bank.socket("cli"), &place).await;
    for mode in [Mode::Plain, Mode::Anonymous] {
        let chain = teller.chain(mode, &bank.token("alice").await, &balance()).await;
        let answer = refused(&teller.present(&place.entry, &balance(), &chain).await);
        let seen = (answer.culprit.as_str(), answer.kind.status());
        assert_eq!(seen, ("middle-tier-1", StatusCode::UNAUTHORIZED), "{mode}");
    }
}
