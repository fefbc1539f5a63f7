//! What people do: log in, look, deposit, switch modes, sign out.

use token::Mode;
use wire::problem::ProblemKind;

use super::{World, deposit_fields, stub::refused};
use crate::{
    bank::BankError,
    config::LoginSettings,
    oidc::Oidc,
    tests::visitor::{VisitError, Visitor},
};

#[tokio::test]
async fn a_person_logs_in_deposits_and_signs_out() {
    let world = World::new().await;
    let mut alice = world.browser();
    let page = alice.log_in("alice", "alice-pw").await.unwrap();
    assert_eq!(page.attribute("data-account").as_deref(), Some("none"));
    assert_eq!(alice.balance("USD").await.unwrap(), None);
    let page = alice.deposit("25.50", "USD", 1).await.unwrap();
    assert!(page.html.contains("USD 25.50 deposited."), "{}", page.html);
    assert_eq!(alice.balance("USD").await.unwrap(), Some(2550));
    assert!(alice.get("/profile").await.unwrap().html.contains("a11ce000-0000-4000-8000-000000000001"));
    assert_eq!(alice.sign_out().await.unwrap().status, 200);
    let page = alice.get("/account").await.unwrap();
    assert_eq!(page.url.port(), Some(world.idp.addr.port()), "signed out at the provider too");
}

#[tokio::test]
async fn a_wrong_password_logs_nobody_in() {
    let world = World::new().await;
    let failed = world.browser().log_in("alice", "bob-pw").await;
    assert!(matches!(failed, Err(VisitError::Unexpected { status: 403, .. })), "{failed:?}");
}

#[tokio::test]
async fn the_mode_is_chosen_for_a_session() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    for mode in ["plain", "anonymous", "id"] {
        let page = alice.choose_mode(mode).await.unwrap();
        assert_eq!(page.url.path(), "/profile");
        alice.deposit("1", "USD", 1).await.unwrap();
        assert_eq!(alice.get("/token").await.unwrap().attribute("data-mode").as_deref(), Some(mode));
    }
    let modes: Vec<_> = world.bank.deposits.lock().unwrap().iter().map(|(mode, _)| *mode).collect();
    assert_eq!(modes, [Mode::Plain, Mode::Anonymous, Mode::Id]);
}

#[tokio::test]
async fn an_expired_token_is_renewed_by_a_new_login_without_a_word() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    alice.choose_mode("anonymous").await.unwrap();
    let session = alice.cookies[&world.cookie("bank_session")].clone();
    world.pass(301);
    let page = alice.get("/token").await.unwrap();
    assert_eq!((page.url.path(), page.attribute("data-mode").as_deref()), ("/token", Some("anonymous")));
    assert_ne!(alice.cookies[&world.cookie("bank_session")], session);
}

#[tokio::test]
async fn a_revoked_login_leads_to_a_new_login_once() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    world.bank.fail(refused(ProblemKind::Revoked, false));
    let young = alice.balance("USD").await;
    assert!(matches!(young, Err(VisitError::Problem { .. })), "a young login does not go round in circles: {young:?}");
    world.pass(20);
    let session = alice.cookies[&world.cookie("bank_session")].clone();
    world.bank.fail(refused(ProblemKind::Revoked, false));
    assert_eq!(alice.balance("USD").await.unwrap(), None);
    assert_ne!(alice.cookies[&world.cookie("bank_session")], session);
}

#[tokio::test]
async fn a_session_idles_out_and_ends_after_a_day_of_work() {
    let world = World::with(|settings| settings.token_life = std::time::Duration::from_hours(9)).await;
    let has_session = async |browser: &mut Visitor| {
        let answer = browser.send(&world.at("/profile"), None).await.unwrap();
        answer.status() == 200
    };
    let mut alice = world.logged_in("alice").await;
    for _ in 0..34 {
        world.pass(14 * 60);
        assert!(has_session(&mut alice).await);
    }
    world.pass(14 * 60);
    assert!(!has_session(&mut alice).await, "8 hours are over");
    let mut bob = world.logged_in("bob").await;
    world.pass(15 * 60);
    assert!(!has_session(&mut bob).await, "15 minutes without a request");
}

#[tokio::test]
async fn a_double_clicked_deposit_is_one_deposit() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let fields = deposit_fields(&mut alice, "25").await;
    let (mut first, mut second) = (alice.clone(), alice.clone());
    let (first, second) = tokio::join!(first.post("/deposit", &fields), second.post("/deposit", &fields));
    assert_eq!((first.unwrap().status.as_u16(), second.unwrap().status.as_u16()), (200, 200));
    assert_eq!(world.bank.deposits.lock().unwrap().len(), 1);
    assert_eq!(alice.balance("USD").await.unwrap(), Some(2500));
    alice.deposit("25", "USD", 3).await.unwrap();
    assert_eq!(alice.balance("USD").await.unwrap(), Some(5000));
}

#[tokio::test]
async fn a_form_sent_again_with_another_amount_is_refused() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let mut fields = deposit_fields(&mut alice, "25").await;
    alice.post("/deposit", &fields).await.unwrap();
    fields[2].1 = "2500".to_owned();
    let page = alice.post("/deposit", &fields).await.unwrap();
    assert_eq!(page.status, 422);
    assert!(page.html.contains("already sent with another amount"));
    assert_eq!(alice.balance("USD").await.unwrap(), Some(2500));
}

#[tokio::test]
async fn a_deposit_without_an_answer_can_be_sent_again_under_its_name() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let fields = deposit_fields(&mut alice, "25").await;
    let lost = BankError::NoAnswer { hop: "spiffe://bank.example/middle-tier-1".to_owned(), cause: "reset".to_owned() };
    world.bank.fail(lost);
    let page = alice.post("/deposit", &fields).await.unwrap();
    assert_eq!(page.status, 502);
    assert_eq!(page.attribute("data-problem").as_deref(), Some("urn:x-dasvid:problem:upstream-failed"));
    assert!(page.html.contains(&format!("name=\"key\" value=\"{}\"", fields[1].1)));
    alice.post("/deposit", &fields).await.unwrap();
    let keys: Vec<_> = world.bank.deposits.lock().unwrap().iter().map(|(_, key)| key.clone()).collect();
    assert_eq!(keys, [fields[1].1.clone(), fields[1].1.clone()]);
    assert_eq!(alice.balance("USD").await.unwrap(), Some(2500));
}

#[tokio::test]
async fn refuses_amounts_that_are_none_and_keeps_the_form() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    for amount in ["", "-1", "0", "1e9", "1.234", "99999999999999999999"] {
        let fields = deposit_fields(&mut alice, amount).await;
        let page = alice.post("/deposit", &fields).await.unwrap();
        assert_eq!(page.status, 422, "{amount}");
        assert!(page.html.contains("role=\"alert\"") && page.html.contains(&fields[1].1));
    }
    assert!(world.bank.deposits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_provider_that_wants_to_know_the_api_is_told() {
    let world = World::new().await;
    for audience in [None, Some("https://bank.example/api?v=1")] {
        let settings =
            LoginSettings { audience: audience.map(str::to_owned), ..LoginSettings::new(world.idp.issuer()) };
        let (callback, end) = (world.at("/callback").into(), world.at("/signed-out").into());
        let oidc = Oidc::new(settings, world.client.clone(), world.clock.clone(), callback, end);
        let told = oidc.depart().await.unwrap().url;
        let asked = told.query_pairs().find(|(name, _)| name == "audience").map(|(_, value)| value.into_owned());
        assert_eq!(asked.as_deref(), audience);
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_said_so() {
    let world = World::new().await;
    world.idp.shutdown().await;
    let page = Visitor::new(world.client, world.base).get("/login").await.unwrap();
    assert_eq!(page.status, 503);
}
