//! The real calls over real mTLS: an asserter that mints, and a target that verifies every chain by the rules.

mod world;

use std::sync::atomic::Ordering;

use secrecy::SecretString;
use token::{Mode, Timestamp};
use wire::{
    bank::{AccountNumber, DepositRequest, TransferRequest},
    problem::ProblemKind,
};

use super::{Bank, BankError, Errand, Holder};
use chassis::trace::TraceParent;
use world::World;

const KEY: &str = "q83vEjRWeJq83vEjRWeJqw";

fn holder(world: &World) -> Holder {
    Holder::new(SecretString::from("an access token"), world.now().plus(300))
}

fn usd(minor: u64) -> DepositRequest {
    DepositRequest { currency: "USD".to_owned(), minor }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_believes_every_request_in_every_mode() {
    let world = World::new("target-wl").await;
    let trace = TraceParent::start();
    for mode in Mode::ALL {
        let holder = holder(&world);
        let errand = Errand { holder: &holder, mode, trace: &trace };
        assert_eq!(world.bank.account(&errand).await.unwrap().dpr, "alice");
        let receipt = world.bank.deposit(&errand, KEY, &usd(2500)).await.unwrap();
        assert_eq!(receipt.minor, 2500);
        let trail = world.bank.token(&errand).await.unwrap();
        assert_eq!((trail.mode, trail.segments.len()), (mode, if mode == Mode::Plain { 1 } else { 2 }));
        if mode != Mode::Plain {
            let only = &trail.segments[1].claims["only"];
            assert_eq!(only["paths"][0], "/v1/deposits");
            assert_eq!(only["aud"][0], "spiffe://bank.example/target-wl");
        }
    }
    let seen = world.seen.lock().unwrap();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|seen| seen.trace == trace.as_str()), "one trace from the browser to the bank");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_believes_transfers_and_pages_of_transactions_in_every_mode() {
    let world = World::new("target-wl").await;
    let trace = TraceParent::start();
    let order = TransferRequest { to: AccountNumber::of(5), currency: "USD".to_owned(), minor: 2500, note: None };
    for mode in Mode::ALL {
        let holder = holder(&world);
        let errand = Errand { holder: &holder, mode, trace: &trace };
        assert_eq!(world.bank.transactions(&errand, None).await.unwrap().next, None);
        assert_eq!(world.bank.transactions(&errand, Some("x")).await.unwrap().next.as_deref(), Some("after=x"));
        assert_eq!(world.bank.transfer(&errand, KEY, &order).await.unwrap().to, order.to);
        if mode != Mode::Plain {
            let only = &world.bank.token(&errand).await.unwrap().segments[1].claims["only"];
            assert_eq!(only["paths"][0], "/v1/transfers");
            assert_eq!(only["max_amount"], serde_json::json!({"currency": "USD", "minor": 2500}));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_is_kept_for_a_session_and_mode_until_shortly_before_its_end() {
    let world = World::new("target-wl").await;
    let (alice, bob, trace) = (holder(&world), holder(&world), TraceParent::start());
    for mode in [Mode::Id, Mode::Anonymous] {
        let before = world.minted.load(Ordering::SeqCst);
        for _ in 0..3 {
            world.bank.account(&Errand { holder: &alice, mode, trace: &trace }).await.unwrap();
        }
        assert_eq!(world.minted.load(Ordering::SeqCst) - before, 1, "{mode}");
        world.bank.account(&Errand { holder: &bob, mode, trace: &trace }).await.unwrap();
        assert_eq!(world.minted.load(Ordering::SeqCst) - before, 2, "another session has its own");
    }
    let ids: Vec<_> = world.seen.lock().unwrap().iter().map(|seen| seen.first_id.clone()).collect();
    let distinct: std::collections::HashSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "each request has a first link of its own");
    world.clock.advance(std::time::Duration::from_secs(89));
    world.bank.account(&Errand { holder: &alice, mode: Mode::Id, trace: &trace }).await.unwrap();
    assert_eq!(world.minted.load(Ordering::SeqCst), 4, "31 s are left");
    world.clock.advance(std::time::Duration::from_secs(1));
    world.bank.account(&Errand { holder: &alice, mode: Mode::Id, trace: &trace }).await.unwrap();
    assert_eq!(world.minted.load(Ordering::SeqCst), 5, "30 s are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_mode_mints_a_bound_root_for_every_request() {
    let world = World::new("target-wl").await;
    let (holder, trace) = (holder(&world), TraceParent::start());
    let errand = Errand { holder: &holder, mode: Mode::Plain, trace: &trace };
    for _ in 0..3 {
        world.bank.account(&errand).await.unwrap();
    }
    assert_eq!(world.minted.load(Ordering::SeqCst), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_without_an_answer_is_repeated_with_the_same_chain() {
    let world = World::new("target-wl").await;
    let trace = TraceParent::start();
    for mode in Mode::ALL {
        let holder = holder(&world);
        let errand = Errand { holder: &holder, mode, trace: &trace };
        world.fail.store(true, Ordering::SeqCst);
        let lost = world.bank.deposit(&errand, KEY, &usd(2500)).await.unwrap_err();
        assert_eq!(lost.kind(), Some(ProblemKind::UpstreamTimeout));
        world.bank.deposit(&errand, KEY, &usd(2500)).await.unwrap();
        world.bank.deposit(&errand, "AAECAwQFBgcICQoLDA0ODw", &usd(2500)).await.unwrap();
        let seen: Vec<_> = world.seen.lock().unwrap().drain(..).map(|seen| seen.first_id).collect();
        assert_eq!(seen[0], seen[1], "the target recognises it");
        assert_ne!(seen[1], seen[2], "another deposit is another");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anonymous_chain_is_sealed_only_for_the_target() {
    let world = World::new("middle-tier-1").await;
    let (holder, trace) = (holder(&world), TraceParent::start());
    let errand = Errand { holder: &holder, mode: Mode::Anonymous, trace: &trace };
    world.bank.account(&errand).await.unwrap();
    let trail = world.bank.token(&errand).await.unwrap();
    assert!(!trail.segments[1].claims.contains_key("fin"));
    let errand = Errand { mode: Mode::Id, ..errand };
    world.bank.account(&errand).await.unwrap();
    let trail = world.bank.token(&errand).await.unwrap();
    assert_eq!(trail.segments[1].claims["aud"], "spiffe://bank.example/middle-tier-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_is_told_as_such_and_nothing_is_kept() {
    let world = World::new("target-wl").await;
    let (holder, trace) = (holder(&world), TraceParent::start());
    let errand = Errand { holder: &holder, mode: Mode::Id, trace: &trace };
    world.refuse.store(true, Ordering::SeqCst);
    let refused = world.bank.account(&errand).await.unwrap_err();
    assert!(refused.wants_login(), "{refused}");
    world.refuse.store(false, Ordering::SeqCst);
    world.bank.account(&errand).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_chain_is_thrown_away() {
    let world = World::new("target-wl").await;
    let (holder, trace) = (holder(&world), TraceParent::start());
    let errand = Errand { holder: &holder, mode: Mode::Id, trace: &trace };
    world.bank.account(&errand).await.unwrap();
    world.distrust.store(true, Ordering::SeqCst);
    let refused = world.bank.account(&errand).await.unwrap_err();
    assert_eq!((refused.kind(), refused.wants_login()), (Some(ProblemKind::InvalidChain), false));
    world.distrust.store(false, Ordering::SeqCst);
    world.bank.account(&errand).await.unwrap();
    assert_eq!(world.minted.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_access_token_goes_nowhere() {
    let world = World::new("target-wl").await;
    let trace = TraceParent::start();
    let holder = Holder::new(SecretString::from("an access token"), Timestamp(world.now().0 + 5));
    let errand = Errand { holder: &holder, mode: Mode::Id, trace: &trace };
    assert!(matches!(world.bank.account(&errand).await, Err(BankError::LoginExpired)));
    assert_eq!(world.minted.load(Ordering::SeqCst), 0);
}
