//! A person logs out at the identity provider, and the whole bank knows within moments.

use std::time::{Duration, Instant};

use dasvid::input::ChainFile;
use dasvid::place::Endpoint;
use e2e::actor::{balance, deposit};
use e2e::{Actor, Bank, MODES, refused};
use http::StatusCode;
use serde_json::json;
use token::Mode;
use wire::problem::ProblemKind;

/// Lists are fetched every second.
const SOON: Duration = Duration::from_secs(4);

/// The session a token of the provider belongs to.
fn sid(access_token: &str) -> String {
    let payload = access_token.split('.').nth(1).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&token::encoding::from_base64url(payload).unwrap()).unwrap();
    claims["sid"].as_str().unwrap().to_owned()
}

/// Presents a chain until this very service says that it is revoked, soon; another behind it may know earlier.
async fn dies_at(actor: &Actor, service: &Endpoint, chain: &ChainFile, culprit: &str) {
    let begun = Instant::now();
    loop {
        let answer = actor.present(service, &balance(), chain).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            let refusal = refused(&answer);
            assert_eq!(refusal.kind, ProblemKind::Revoked, "{refusal:?}");
            if refusal.culprit == culprit {
                return;
            }
        }
        assert!(begun.elapsed() < SOON, "{culprit} lets a dead chain pass: {}", answer.status);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The chain as it arrives at the target, by way of the two middle tiers.
async fn at_target(hops: &[Actor; 2], bank: &Bank, chain: &ChainFile) -> ChainFile {
    let (second, target) = (bank.endpoint("middle-tier-2"), bank.endpoint("target-wl"));
    let chain = hops[0].pass_on(chain, &balance(), &second.id).await;
    match token::Chain::parse(&chain.da_svid).unwrap().mode() {
        Mode::Anonymous => hops[1].seal(&chain, &balance(), &target.id).await,
        _ => hops[1].pass_on(&chain, &balance(), &target.id).await,
    }
}

#[tokio::test]
async fn a_logout_is_felt_at_every_hop_in_every_mode_and_a_later_login_lives() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let hops = [bank.actor("middle-tier-1").await, bank.actor("middle-tier-2").await];
    let (gone, sibling) = (bank.token("alice").await, bank.token("alice").await);
    let mut before = Vec::new();
    for mode in MODES {
        let entry = teller.chain(mode, &gone, &balance()).await;
        let second = hops[0].pass_on(&entry, &balance(), &bank.endpoint("middle-tier-2").id).await;
        before.push((entry.clone(), second, at_target(&hops, &bank, &entry).await));
    }
    assert!(bank.demo.idp.end_session(&sid(&gone)).await);
    for (entry, second, last) in &before {
        dies_at(&teller, &bank.endpoint("middle-tier-1"), entry, "middle-tier-1").await;
        dies_at(&hops[0], &bank.endpoint("middle-tier-2"), second, "middle-tier-2").await;
        dies_at(&hops[1], &bank.endpoint("target-wl"), last, "target-wl").await;
    }
    let later = bank.token("alice").await;
    for mode in MODES {
        let wanted = dasvid::teller::Wanted::default();
        assert!(teller.teller.mint(mode, &gone, &wanted).await.is_err(), "{mode:?} was minted from a dead session");
        for token in [&sibling, &later] {
            let answer = teller.ask(mode, token, &deposit(1, &format!("{mode:?}-{}", sid(token)))).await;
            assert_eq!(answer.status, StatusCode::CREATED, "a session that lives");
        }
    }
}

#[tokio::test]
async fn only_the_provider_can_log_anyone_out() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    let bare = json!({"iss": bank.demo.idp.issuer(), "sub": "alice", "sid": sid(&token)});
    let access = bank.demo.idp.danger_sign(dev_idp::Algorithm::Es256, "at+jwt", &bare).await.unwrap();
    let http = mesh::web::client(mesh::web::WebSettings::default()).unwrap();
    let listener = bank.demo.logouts.clone();
    for forged in [access.as_str(), token.as_str(), "a.b.c", ""] {
        let body = format!("logout_token={forged}");
        let request = http.post(listener.clone()).header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(request.body(body).send().await.unwrap().status(), 400);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for mode in MODES {
        let asked = deposit(1, &format!("{mode:?}"));
        assert_eq!(teller.ask(mode, &token, &asked).await.status, StatusCode::CREATED);
    }
}
