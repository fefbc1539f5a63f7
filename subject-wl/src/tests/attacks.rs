//! What must fail at the front door: one named test for each attack.

use reqwest::{StatusCode, header};
use url::Url;

use super::{World, about_to_return, deposit_fields, location, mallory};
use crate::tests::visitor::VisitError;

fn changed(url: &Url, name: &str, value: &str) -> Url {
    let mut changed = url.clone();
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    changed.query_pairs_mut().clear().extend_pairs(pairs);
    if !value.is_empty() {
        changed.query_pairs_mut().append_pair(name, value);
    }
    changed
}

#[tokio::test]
async fn refuses_a_forged_state() {
    let world = World::new().await;
    let mut alice = world.browser();
    let back = about_to_return(&world, &mut alice).await;
    for state in ["", "guess"] {
        let answer = alice.send(&changed(&back, "state", state), None).await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
    let twice = format!("{back}&state=guess").parse().unwrap();
    assert_eq!(alice.send(&twice, None).await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert!(!alice.cookies.contains_key(&world.cookie("bank_session")));
}

#[tokio::test]
async fn refuses_a_return_in_another_browser() {
    let world = World::new().await;
    let (mut mallory, mut alice) = (world.browser(), world.browser());
    let back = about_to_return(&world, &mut mallory).await;
    assert_eq!(alice.send(&back, None).await.unwrap().status(), StatusCode::BAD_REQUEST);
    alice.get("/login").await.unwrap();
    assert_eq!(alice.send(&back, None).await.unwrap().status(), StatusCode::BAD_REQUEST, "with a login of her own");
    assert!(!alice.cookies.contains_key(&world.cookie("bank_session")));
}

#[tokio::test]
async fn refuses_a_replayed_code() {
    let world = World::new().await;
    let mut alice = world.browser();
    let back = about_to_return(&world, &mut alice).await;
    assert_eq!(alice.send(&back, None).await.unwrap().status(), StatusCode::SEE_OTHER);
    let session = alice.cookies[&world.cookie("bank_session")].clone();
    assert_eq!(alice.send(&back, None).await.unwrap().status(), StatusCode::BAD_REQUEST, "the state is used");
    let mut other = world.browser();
    let fresh = about_to_return(&world, &mut other).await;
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let answer = other.send(&changed(&fresh, "code", &code), None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "the code is used");
    assert_eq!(alice.cookies[&world.cookie("bank_session")], session);
    assert!(!other.cookies.contains_key(&world.cookie("bank_session")));
}

#[tokio::test]
async fn a_stolen_code_is_worth_nothing_without_its_verifier() {
    let world = World::new().await;
    let mut alice = world.browser();
    let authorize = location(&alice.send(&world.at("/login"), None).await.unwrap());
    let asked = |name: &str| authorize.query_pairs().find(|(known, _)| known == name).unwrap().1.into_owned();
    assert_eq!((asked("code_challenge_method"), asked("code_challenge").len()), ("S256".to_owned(), 43));
    assert!(asked("state").len() >= 43 && asked("nonce").len() >= 43);
    let back = about_to_return(&world, &mut alice).await;
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let (token, callback) = (format!("{}/token", world.idp.issuer()), world.at("/callback"));
    for verifier in ["", "guess-guess-guess-guess-guess-guess-guess-guess"] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "bank-web"),
            ("code", &code),
            ("redirect_uri", callback.as_str()),
            ("code_verifier", verifier),
        ];
        let answer = world.client.post(&token).form(&fields).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn refuses_an_answer_of_another_provider() {
    let world = World::new().await;
    let mut alice = world.browser();
    let back = about_to_return(&world, &mut alice).await;
    let answer = alice.send(&changed(&back, "iss", "http://evil.example"), None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let denied = about_to_return(&world, &mut world.browser()).await;
    let answer = alice.send(&changed(&denied, "error", "access_denied"), None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "a state of another browser");
}

#[tokio::test]
async fn refuses_a_form_from_another_site() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let fields = deposit_fields(&mut alice, "25").await;
    let cookie = alice.cookies[&world.cookie("bank_session")].clone();
    let cookie = format!("{}={cookie}", world.cookie("bank_session").1);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = world.client.post(world.at("/deposit")).header(header::COOKIE, &cookie).form(&fields);
        let answer = request.header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
    }
    assert!(world.bank.deposits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn refuses_a_form_without_the_sessions_secret() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.logged_in("alice").await, world.logged_in("bob").await);
    let (mut fields, theirs) = (deposit_fields(&mut alice, "25").await, deposit_fields(&mut bob, "25").await);
    for csrf in ["", "guess", &theirs[0].1] {
        fields[0].1 = csrf.to_owned();
        assert_eq!(alice.post("/deposit", &fields).await.unwrap().status, StatusCode::FORBIDDEN);
        for path in ["/mode", "/logout"] {
            assert_eq!(alice.post(path, &fields[..1]).await.unwrap().status, StatusCode::FORBIDDEN);
        }
    }
    assert!(world.bank.deposits.lock().unwrap().is_empty());
    assert_eq!(alice.get("/profile").await.unwrap().status, StatusCode::OK, "still logged in");
}

#[tokio::test]
async fn a_form_after_the_session_ended_does_nothing() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let fields = deposit_fields(&mut alice, "25").await;
    world.pass(15 * 60);
    assert_eq!(alice.post("/deposit", &fields).await.unwrap().status, StatusCode::FORBIDDEN);
    assert!(world.bank.deposits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn two_people_in_two_browsers_see_their_own() {
    let world = World::new().await;
    let (mut alice, mut bob) = (world.logged_in("alice").await, world.logged_in("bob").await);
    let (one, other) = tokio::join!(alice.deposit("10", "USD", 1), bob.deposit("20", "USD", 1));
    one.unwrap();
    other.unwrap();
    for _ in 0..3 {
        let (one, other) = tokio::join!(alice.balance("USD"), bob.balance("USD"));
        assert_eq!((one.unwrap(), other.unwrap()), (Some(1000), Some(2000)));
    }
    alice.choose_mode("plain").await.unwrap();
    assert_eq!(bob.get("/token").await.unwrap().attribute("data-mode").as_deref(), Some("id"));
    alice.sign_out().await.unwrap();
    assert_eq!(bob.balance("USD").await.unwrap(), Some(2000));
}

#[tokio::test]
async fn a_session_name_planted_before_login_lets_nobody_in() {
    let world = World::new().await;
    let name = world.cookie("bank_session");
    let planted = "planted-planted-planted-planted-planted-pla".to_owned();
    let mut alice = world.browser();
    alice.cookies.insert(name.clone(), planted.clone());
    alice.log_in("alice", "alice-pw").await.unwrap();
    assert_ne!(alice.cookies[&name], planted);
    let mut mallory = world.browser();
    mallory.cookies.insert(name, planted);
    let answer = mallory.send(&world.at("/account"), None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_new_login_ends_the_session_before_it() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let mut stolen = alice.clone();
    alice.get("/login").await.unwrap();
    let answer = stolen.send(&world.at("/profile"), None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(alice.get("/profile").await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_is_dead_after_sign_out_even_with_its_cookie() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let mut stolen = alice.clone();
    alice.sign_out().await.unwrap();
    let answer = stolen.send(&world.at("/account"), None).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_script_in_a_claim_is_shown_as_text() {
    let world = World::with(|settings| settings.people = vec![mallory()]).await;
    let mut mallory = world.browser();
    mallory.log_in(&super::mallory().name, "mallory-pw").await.unwrap();
    for path in ["/account", "/deposit", "/profile", "/token"] {
        let page = mallory.get(path).await.unwrap();
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.html.contains("alert(1)"), "{path} shows the name");
        assert!(!page.html.contains("<script"), "{path}: {}", page.html);
    }
}

#[tokio::test]
async fn a_script_in_a_field_or_query_is_shown_as_text() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    let fields = deposit_fields(&mut alice, "\"><script>alert(3)</script>").await;
    let page = alice.post("/deposit", &fields).await.unwrap();
    assert!(page.html.contains("alert(3)") && !page.html.contains("<script"));
    let page = alice.get("/callback?error=%3Cscript%3E&state=%3Cscript%3E").await.unwrap();
    assert!(!page.html.contains("<script"));
}

#[tokio::test]
async fn never_returns_to_another_site_after_login() {
    let world = World::new().await;
    for next in ["//evil.example", "http://evil.example", "/\\evil.example", "/logout"] {
        let mut alice = world.logged_in("alice").await;
        let page = alice.get(&format!("/login?next={next}")).await.unwrap();
        assert_eq!((page.url.origin(), page.url.path()), (world.base.origin(), "/account"));
    }
}

#[tokio::test]
async fn no_token_reaches_the_browser() {
    let world = World::new().await;
    let mut alice = world.logged_in("alice").await;
    alice.deposit("1", "USD", 1).await.unwrap();
    let cookies: Vec<_> = alice.cookies.values().cloned().collect();
    assert!(cookies.iter().all(|cookie| !cookie.contains('.')), "no JWT in a cookie");
    for path in ["/account", "/profile", "/token", "/deposit"] {
        let page = alice.get(path).await.unwrap();
        // `{"alg"` and `{"typ"`, in whole groups: random identifiers have `eyJ` in them now and then.
        assert!(!["eyJhbGci", "eyJ0eXAi"].iter().any(|header| page.html.contains(header)), "no JWT in {path}");
    }
}

#[tokio::test]
async fn a_login_that_never_happened_is_no_session() {
    let world = World::new().await;
    let mut nobody = world.browser();
    assert!(matches!(nobody.choose_mode("plain").await, Err(VisitError::NoForm { .. })));
    for path in ["/account", "/deposit", "/profile", "/token"] {
        let answer = nobody.send(&world.at(path), None).await.unwrap();
        assert_eq!(answer.headers()[header::LOCATION], format!("/login?next={path}"));
    }
}
