//! Certificates by reference, through the whole bank: what travels, who asks for what, and what nobody can make anyone do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dasvid::input::ChainFile;
use dasvid::journey;
use e2e::actor::{balance, bound, deposit};
use e2e::{Actor, Bank, MODES, refused};
use futures::future::join_all;
use token::encoding::Digest;
use token::{Certificates, Mode};
use wire::problem::ProblemKind;

/// How often a workload asked for a certificate, by what came of it.
fn asked(bank: &Bank, workload: &str, outcome: &str) -> u64 {
    let metrics = bank.demo.metrics();
    let (_, metrics) = metrics.iter().find(|(name, _)| *name == workload).unwrap();
    let wanted = format!("dasvid_certificate_fetches_total{{outcome=\"{outcome}\"}} ");
    metrics.encode().lines().find_map(|line| line.strip_prefix(&wanted)?.parse().ok()).unwrap_or_default()
}

/// How often a workload asked at all.
fn asked_at_all(bank: &Bank, workload: &str) -> u64 {
    ["kept", "not-kept", "not-that", "unreachable", "too-often"].iter().map(|one| asked(bank, workload, one)).sum()
}

/// A chain for a balance enquiry that names the certificate of `actor` and does not carry it.
async fn by_reference(bank: &Bank, actor: &Actor, token: &str) -> ChainFile {
    let root = actor.root(Mode::Id, token, &balance()).await;
    let next = bound(&balance(), Some(&bank.place().entry.id));
    let chain = actor.teller.extend_by_reference(&root, &next).await.unwrap();
    dasvid::references::spared(&actor.teller, &chain).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_is_told_by_reference() {
    let bank = Bank::by_reference(2).await;
    let told = journey::run(bank.place(), |_, _| {}).await.unwrap();
    assert!(told.ok, "{told:#?}");
    // The certificates of subject-wl and both middle tiers reached the target by their hashes.
    assert!(asked(&bank, "target-wl", "kept") >= 2, "{}", asked(&bank, "target-wl", "kept"));
    for workload in ["middle-tier-1", "middle-tier-2", "target-wl"] {
        assert_eq!(asked_at_all(&bank, workload), asked(&bank, workload, "kept"), "{workload}");
    }
    bank.close().await;
}

#[tokio::test]
async fn a_chain_without_any_certificate_beside_it_reaches_the_target() {
    let bank = Bank::by_reference(2).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    assert!(teller.ask(Mode::Id, &token, &deposit(5, "first")).await.status.is_success());
    let chain = by_reference(&bank, &teller, &token).await;
    assert_eq!(chain.certificates, None);
    let answer = teller.present(&bank.place().entry, &balance(), &chain).await;
    assert!(answer.status.is_success(), "{:?}", dasvid::teller::problem(&answer));
    bank.close().await;
}

#[tokio::test]
async fn a_hop_that_takes_certificates_inline_only_refuses_one_it_does_not_get() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let chain = by_reference(&bank, &teller, &token).await;
    let answer = teller.present(&bank.place().entry, &balance(), &chain).await;
    refused(&answer).is("middle-tier-1", ProblemKind::InvalidChain);
    bank.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_by_reference_under_load_fails_no_request() {
    let bank = Bank::by_reference(2).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    assert!(teller.ask(Mode::Id, &token, &deposit(1, "first")).await.status.is_success());
    let stop = AtomicBool::new(false);
    let worker = async |worker: usize| {
        let mut asked = 0;
        while !stop.load(Ordering::Relaxed) {
            let mode = MODES[asked % 3];
            let chain = teller.chain(mode, &token, &balance()).await;
            // Every call opens a connection; a handshake that a rotation disturbs is no refusal.
            let Ok(answer) = teller.teller.call(&bank.place().entry, &balance(), Some(&chain)).await else { continue };
            let problem = dasvid::teller::problem(&answer);
            assert!(answer.status.is_success(), "{worker} {mode}: {} {problem:?}", answer.status);
            asked += 1;
        }
    };
    let rotating = async {
        // What is new is left by its owners and fetched by the target.
        for _ in 0..3 {
            let before = asked(&bank, "target-wl", "kept");
            bank.demo.spire.rotate().unwrap();
            while asked(&bank, "target-wl", "kept") == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        // And when there are more than are kept of one ID, the last ones travel inline. Each rotation makes the target ask for
        // four certificates, and it asks ten times a second for one peer.
        for _ in 0..8 {
            bank.demo.spire.rotate().unwrap();
            tokio::time::sleep(Duration::from_millis(600)).await;
        }
        stop.store(true, Ordering::Relaxed);
    };
    let all = async { tokio::join!(join_all((0..4).map(worker)), rotating) };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("every rotation shows");
    bank.close().await;
}

#[tokio::test]
async fn a_certificate_nobody_left_is_refused_at_the_first_hop_and_asked_for_once() {
    let bank = Bank::by_reference(2).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let mut chain = teller.chain(Mode::Id, &token, &balance()).await;
    chain = dasvid::references::spared(&teller.teller, &chain).await.unwrap();
    let inline = Certificates::parse(chain.certificates.as_ref().unwrap().as_bytes()).unwrap();
    assert_eq!(inline.der().len(), 1, "the root's is kept, cli's is not");
    chain.certificates = None;
    for _ in 0..5 {
        let answer = teller.present(&bank.place().entry, &balance(), &chain).await;
        refused(&answer).is("middle-tier-1", ProblemKind::InvalidChain);
    }
    assert_eq!(asked(&bank, "middle-tier-1", "not-kept"), 1);
    assert_eq!(asked_at_all(&bank, "middle-tier-2"), 0);
    bank.close().await;
}

#[tokio::test]
async fn a_stranger_makes_nobody_ask_for_certificates() {
    let bank = Bank::by_reference(2).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let stranger = bank.actor("mallory").await;
    let mut chain = teller.chain(Mode::Id, &token, &balance()).await;
    chain.certificates = None;
    // A chain that was stolen, and one whose root nobody signed.
    let (root, links) = chain.da_svid.split_once('~').unwrap();
    let (signed, _) = root.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}~{links}", token::encoding::base64url(&[1; 64]));
    for (actor, da_svid) in [(&stranger, chain.da_svid.clone()), (&teller, forged)] {
        let shown = ChainFile { da_svid, ..chain.clone() };
        let before = asked_at_all(&bank, "middle-tier-1");
        let answer = actor.present(&bank.place().entry, &balance(), &shown).await;
        refused(&answer).is("middle-tier-1", ProblemKind::InvalidChain);
        // The root's own certificate is asserting-wl's, and may be asked for.
        assert!(asked_at_all(&bank, "middle-tier-1") - before <= 1);
        assert_eq!(asked(&bank, "middle-tier-1", "not-kept"), 0);
    }
    bank.close().await;
}

#[tokio::test]
async fn a_certificate_that_was_left_is_not_repeated_inline() {
    let bank = Bank::by_reference(2).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let chain = by_reference(&bank, &teller, &token).await;
    let mut unneeded = Certificates::default();
    let middle = dasvid::teller::identity(Some(&bank.socket("middle-tier-2"))).await.unwrap();
    middle.svid().unwrap().chain.iter().for_each(|der| unneeded.push(der));
    let shown = ChainFile { certificates: Some(unneeded.to_header()), ..chain };
    let answer = teller.present(&bank.place().entry, &balance(), &shown).await;
    refused(&answer).is("middle-tier-1", ProblemKind::InvalidChain);
    bank.close().await;
}

#[tokio::test]
async fn the_tool_shows_a_chain_by_what_is_kept() {
    let bank = Bank::by_reference(2).await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let chain = by_reference(&bank, &teller, &token).await;
    let parsed = token::Chain::parse(&chain.da_svid).unwrap();
    let fetched = dasvid::references::fetch(&teller.teller, &parsed, &Certificates::default()).await.unwrap();
    for reference in parsed.references() {
        assert!(fetched.holds(reference.x5t), "{reference:?}");
    }
    assert!(teller.teller.certificate(Digest::of("nobody's")).await.unwrap().is_none());
    bank.close().await;
}
