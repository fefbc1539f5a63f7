//! What identities do while requests run: rotation, a new CA, an outage, a withdrawal.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::actor::{balance, deposit};
use e2e::{Actor, Bank, MODES, refused};
use futures::future::join_all;
use http::StatusCode;
use tokio::time::timeout;

/// How long something may take that takes milliseconds.
const SOON: Duration = Duration::from_secs(10);

/// Asks in every mode, many at once, until told to stop; every answer must be good.
async fn load(teller: &Actor, token: &str, stop: &AtomicBool) -> usize {
    let workers = (0..6).map(async |worker| {
        let mut asked = 0;
        while !stop.load(Ordering::Relaxed) {
            let mode = MODES[asked % 3];
            let request = match asked % 2 {
                0 => balance(),
                _ => deposit(1, &format!("{worker}-{asked}")),
            };
            let answer = teller.ask(mode, token, &request).await;
            assert!(answer.status.is_success(), "{mode}: {} {:?}", answer.status, dasvid::teller::problem(&answer));
            asked += 1;
        }
        asked
    });
    join_all(workers).await.into_iter().sum()
}

/// A bank where alice has an account.
async fn bank() -> (Bank, Actor, String) {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    assert!(teller.ask(token::Mode::Id, &token, &deposit(1, "first")).await.status.is_success());
    (bank, teller, token)
}

/// Runs `fault` while requests run.
async fn under_load(bank: &Bank, teller: &Actor, token: &str, fault: impl AsyncFnOnce()) {
    let stop = AtomicBool::new(false);
    let fault = async {
        fault().await;
        stop.store(true, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(load(teller, token, &stop), fault);
    assert!(asked > 20, "only {asked} requests ran");
    assert!(teller.holds(token).await > 1, "{}", bank.place().front);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_fails_no_request() {
    let (bank, teller, token) = bank().await;
    under_load(&bank, &teller, &token, async || {
        for _ in 0..8 {
            bank.demo.spire.rotate().unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_ca_under_load_fails_no_request() {
    let (bank, teller, token) = bank().await;
    under_load(&bank, &teller, &token, async || {
        for _ in 0..2 {
            bank.demo.spire.rotate_ca().await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_on_while_the_workload_api_is_away() {
    let (bank, teller, token) = bank().await;
    under_load(&bank, &teller, &token, async || {
        bank.demo.spire.set_available(false);
        tokio::time::sleep(Duration::from_millis(500)).await;
        bank.demo.spire.set_available(true);
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
}

#[tokio::test]
async fn a_chain_minted_before_a_rotation_still_works_after_it() {
    let (bank, teller, token) = bank().await;
    let mut chains = Vec::new();
    for mode in MODES {
        chains.push(teller.chain(mode, &token, &balance()).await);
    }
    let mut updates = teller.identity.updates();
    bank.demo.spire.rotate().unwrap();
    timeout(SOON, updates.changed()).await.unwrap().unwrap();
    for chain in &chains {
        let answer = teller.present(&bank.place().entry, &balance(), chain).await;
        assert!(answer.status.is_success(), "{:?}", dasvid::teller::problem(&answer));
    }
    bank.demo.spire.rotate_ca().await.unwrap();
    timeout(SOON, updates.changed()).await.unwrap().unwrap();
    for chain in &chains {
        let answer = teller.present(&bank.place().entry, &balance(), chain).await;
        assert!(answer.status.is_success(), "{:?}", dasvid::teller::problem(&answer));
    }
}

#[tokio::test]
async fn a_chain_signed_under_a_ca_that_was_tainted_is_refused() {
    let (bank, teller, token) = bank().await;
    let chain = teller.chain(token::Mode::Id, &token, &balance()).await;
    bank.demo.spire.rotate_ca().await.unwrap();
    bank.demo.spire.forget_old_cas();
    let refusal = timeout(SOON, async {
        loop {
            // The bundle reaches the first hop a moment later; until then the chain is as good as before.
            let answer = teller.teller.call(&bank.place().entry, &balance(), Some(&chain)).await;
            match answer {
                Ok(answer) if !answer.status.is_success() => return refused(&answer),
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    });
    let refusal = refusal.await.unwrap();
    assert_eq!((refusal.culprit.as_str(), refusal.kind.status()), ("middle-tier-1", StatusCode::UNAUTHORIZED));
    // What is signed now is believed.
    let answer = teller.ask(token::Mode::Id, &token, &balance()).await;
    assert!(answer.status.is_success(), "{:?}", dasvid::teller::problem(&answer));
}

#[tokio::test]
async fn a_hop_whose_identity_is_withdrawn_serves_nobody_until_it_is_back() {
    let (bank, teller, token) = bank().await;
    let gone = e2e::bank::id("middle-tier-2");
    bank.demo.spire.withdraw(&gone);
    let refusal = timeout(SOON, async {
        loop {
            let answer = teller.ask(token::Mode::Id, &token, &balance()).await;
            if !answer.status.is_success() {
                return refused(&answer);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let refusal = refusal.await.unwrap();
    assert!(refusal.kind.status().is_server_error(), "{refusal:?}");
    bank.demo.spire.restore(&gone);
    let returned = async {
        while !teller.ask(token::Mode::Id, &token, &balance()).await.status.is_success() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, returned).await.expect("the hop comes back");
}

#[tokio::test]
async fn a_caller_whose_identity_is_withdrawn_asks_no_more() {
    let (bank, teller, token) = bank().await;
    let chain = teller.chain(token::Mode::Id, &token, &balance()).await;
    bank.demo.spire.withdraw(&e2e::bank::id("cli"));
    let ended = async {
        while teller.teller.call(&bank.place().entry, &balance(), Some(&chain)).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, ended).await.expect("the identity is gone");
    // Everybody else goes on.
    let page = e2e::browser::Browser::new(bank.place()).log_in("alice").await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.holds().is_some(), "{}", page.text);
}
