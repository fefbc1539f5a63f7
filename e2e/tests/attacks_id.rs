//! ID mode between real processes: what a hop that was broken into can make of the chain it holds.

use dasvid::input::ChainFile;
use e2e::actor::{balance, bound, deposit};
use e2e::{Bank, refused};
use http::StatusCode;
use token::Mode;
use token::claims::{MaxAmount, Only};
use token::hop::Extension;
use wire::problem::ProblemKind;

/// The first `links` links of a chain.
fn cut(chain: &ChainFile, links: usize) -> ChainFile {
    let segments: Vec<_> = chain.da_svid.split('~').take(links + 1).collect();
    ChainFile { da_svid: segments.join("~"), ..chain.clone() }
}

#[tokio::test]
async fn links_stripped_by_a_middle_tier_are_missed_by_the_next() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (token, next) = (bank.token("alice").await, bank.endpoint("middle-tier-2"));
    let chain = teller.chain(Mode::Id, &token, &balance()).await;
    let passed = hop.pass_on(&chain, &balance(), &next.id).await;
    assert_eq!(cut(&passed, 2).da_svid, passed.da_svid);
    for links in [0, 1] {
        for service in ["middle-tier-2", "target-wl"] {
            let answer = hop.present(&bank.endpoint(service), &balance(), &cut(&passed, links)).await;
            let answer = refused(&answer);
            assert_eq!((answer.culprit.as_str(), answer.kind.status()), (service, StatusCode::UNAUTHORIZED));
        }
    }
}

#[tokio::test]
async fn a_chain_is_not_continued_by_a_hop_it_does_not_name() {
    let bank = Bank::open().await;
    let (teller, other) = (bank.actor("cli").await, bank.actor("middle-tier-2").await);
    let (token, place) = (bank.token("alice").await, bank.place());
    let chain = teller.chain(Mode::Id, &token, &balance()).await;
    // The honest code refuses to sign …
    let extended = other.teller.extend(&chain, &bound(&balance(), Some(&place.target.id))).await;
    assert!(format!("{:#}", extended.unwrap_err()).contains("middle-tier-1"));
    // … and presenting it as it is says who brought it.
    let answer = refused(&other.present(&place.entry, &balance(), &chain).await);
    answer.is("middle-tier-1", ProblemKind::InvalidChain);
}

#[tokio::test]
async fn a_limit_set_by_the_first_link_holds_at_the_target() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let entry = &bank.place().entry;
    for mode in [Mode::Id, Mode::Anonymous] {
        for (minor, currency, expected) in
            [(100, "USD", None), (101, "USD", Some("target-wl")), (1, "EUR", Some("target-wl"))]
        {
            let asked = deposit(minor, &format!("{minor}-{currency}-{}", mode.name()));
            let limit = MaxAmount { currency: currency.to_owned(), minor: 100 };
            let only = Only { max_amount: Some(limit), ..Only::default() };
            let next = (mode == Mode::Id).then_some(&entry.id);
            let root = teller.root(mode, &token, &asked).await;
            let link = Extension { only: Some(only), ..bound(&asked, next) };
            let chain = teller.teller.extend(&root, &link).await.unwrap();
            let answer = teller.present(entry, &asked, &chain).await;
            match expected {
                None => assert_eq!(answer.status, StatusCode::CREATED),
                Some(culprit) => refused(&answer).is(culprit, ProblemKind::NotPermitted),
            }
        }
    }
    assert_eq!(teller.holds(&token).await, 200);
}

#[tokio::test]
async fn a_scope_given_up_by_the_first_link_is_missing_at_the_first_hop() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let entry = &bank.place().entry;
    for mode in [Mode::Id, Mode::Anonymous] {
        let asked = deposit(1, "k");
        let only = Only { scope: Some(vec!["accounts.read".to_owned()]), ..Only::default() };
        let next = (mode == Mode::Id).then_some(&entry.id);
        let root = teller.root(mode, &token, &asked).await;
        let link = Extension { only: Some(only), ..bound(&asked, next) };
        let chain = teller.teller.extend(&root, &link).await.unwrap();
        refused(&teller.present(entry, &asked, &chain).await).is("middle-tier-1", ProblemKind::NotPermitted);
    }
}

#[tokio::test]
async fn the_certificates_of_another_chain_prove_nothing() {
    let bank = Bank::open().await;
    let (teller, hop) = (bank.actor("cli").await, bank.actor("middle-tier-1").await);
    let (token, next) = (bank.token("alice").await, bank.endpoint("middle-tier-2"));
    let chain = teller.chain(Mode::Id, &token, &balance()).await;
    let passed = hop.pass_on(&chain, &balance(), &next.id).await;
    for certificates in [chain.certificates.clone(), None] {
        let fewer = ChainFile { certificates, ..passed.clone() };
        refused(&hop.present(&next, &balance(), &fewer).await).is("middle-tier-2", ProblemKind::InvalidChain);
    }
    let more = ChainFile { certificates: passed.certificates.clone(), ..chain };
    refused(&teller.present(&bank.place().entry, &balance(), &more).await)
        .is("middle-tier-1", ProblemKind::InvalidChain);
    // The honest chain beside them.
    assert_eq!(refused(&hop.present(&next, &balance(), &passed).await).kind, ProblemKind::UnknownAccount);
}
