//! What must fail: one named test for each attack.

use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};

use super::{VERIFIER, World, asking, challenge, exchange, form, part};
use crate::Algorithm;

async fn refused(changes: &[(&str, &str)]) -> (Option<String>, Option<String>) {
    let answer = World::new(|_| ()).browser().get(&asking(changes)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.sent("state").as_deref(), Some("st"));
    (answer.sent("error"), answer.sent("error_description"))
}

fn error(code: &str, description: &str) -> (Option<String>, Option<String>) {
    (Some(code.to_owned()), Some(description.to_owned()))
}

/// Logs alice in, then sends `fields` (made from the code) to the token endpoint.
async fn exchanged(world: &World, asked: &str, fields: impl FnOnce(&str) -> String) -> Value {
    let mut browser = world.browser();
    let code = browser.log_in(asked, "alice").await.sent("code").unwrap();
    let answer = browser.post("/token", &fields(&code)).await;
    if answer.status.is_success() { json!({"error": null}) } else { answer.json() }
}

#[tokio::test]
async fn refuses_a_request_without_pkce() {
    let told = error("invalid_request", "a public client must send a code_challenge (PKCE)");
    assert_eq!(refused(&[("code_challenge", "")]).await, told);
}

#[tokio::test]
async fn refuses_a_plain_challenge() {
    let told = error("invalid_request", "code_challenge_method must be S256");
    assert_eq!(refused(&[("code_challenge_method", "plain"), ("code_challenge", VERIFIER)]).await, told);
    assert_eq!(refused(&[("code_challenge_method", "")]).await, told);
}

#[tokio::test]
async fn refuses_a_challenge_that_is_no_hash() {
    let told = error("invalid_request", "code_challenge must be the base64url of a SHA-256");
    assert_eq!(refused(&[("code_challenge", "short")]).await, told);
}

#[tokio::test]
async fn refuses_other_flows_and_scopes() {
    let told = error("unsupported_response_type", "response_type must be code");
    assert_eq!(refused(&[("response_type", "token")]).await, told);
    let told = error("invalid_scope", "this client may not ask for that scope");
    assert_eq!(refused(&[("scope", "openid admin")]).await, told);
    let told = error("request_not_supported", "request objects are not supported");
    assert_eq!(refused(&[("request", "eyJ")]).await, told);
}

#[tokio::test]
async fn never_redirects_to_an_address_that_is_not_registered() {
    for uri in ["http://evil.example/callback", "http://127.0.0.1:8080/other", "http://127.0.0.1:1@evil/callback"] {
        let answer = World::new(|_| ()).browser().get(&asking(&[("redirect_uri", uri)])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.headers.contains_key(header::LOCATION));
    }
    let answer = World::new(|_| ()).browser().get(&asking(&[("client_id", "nobody")])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn refuses_a_repeated_parameter() {
    let answer = World::new(|_| ()).browser().get(&format!("{}&state=other", asking(&[]))).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_replayed_code_is_refused_and_revokes_what_it_gave() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let first = browser.post("/token", &exchange(&code, &[])).await.json();
    let bearer = format!("Bearer {}", first["access_token"].as_str().unwrap());
    let ask = || Request::get("/userinfo").header(header::AUTHORIZATION, &bearer);
    assert_eq!(browser.send(ask(), String::new()).await.status, StatusCode::OK);
    let again = browser.post("/token", &exchange(&code, &[])).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(again.json()["error"], "invalid_grant");
    assert_eq!(browser.send(ask(), String::new()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refuses_a_code_of_another_client_address_or_verifier() {
    let wrong = "another-verifier-another-verifier-another-verifier";
    for (change, description) in [
        (("code_verifier", ""), "the code_verifier does not fit the code_challenge"),
        (("code_verifier", wrong), "the code_verifier does not fit the code_challenge"),
        (("code_verifier", "short"), "the code_verifier does not fit the code_challenge"),
        (("redirect_uri", ""), "the redirect_uri is not the one the code was sent to"),
        (("redirect_uri", "http://127.0.0.1:9999/callback"), "the redirect_uri is not the one the code was sent to"),
        (("code", "guess"), "the code is unknown, expired or used"),
    ] {
        let told = exchanged(&World::new(|_| ()), &asking(&[]), |code| exchange(code, &[change])).await;
        assert_eq!((&told["error"], &told["error_description"]), (&json!("invalid_grant"), &json!(description)));
    }
    let theirs = [("client_id", "bank-back"), ("client_secret", "back-secret")];
    let told = exchanged(&World::new(|_| ()), &asking(&[]), |code| exchange(code, &theirs)).await;
    assert_eq!(told["error_description"], "the code was given to another client");
}

#[tokio::test]
async fn refuses_a_verifier_where_no_challenge_was_sent() {
    let world = World::new(|_| ());
    let asked = asking(&[("client_id", "bank-back"), ("code_challenge", ""), ("code_challenge_method", "")]);
    let mine = [("client_id", "bank-back"), ("client_secret", "back-secret")];
    let told = exchanged(&world, &asked, |code| exchange(code, &mine)).await;
    assert_eq!(told["error"], "invalid_grant");
    let without = [mine[0], mine[1], ("code_verifier", "")];
    assert_eq!(exchanged(&world, &asked, |code| exchange(code, &without)).await["error"], Value::Null);
}

#[tokio::test]
async fn refuses_a_code_after_a_minute() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    world.pass(60);
    assert_eq!(browser.post("/token", &exchange(&code, &[])).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn refuses_a_wrong_client_secret() {
    for fields in [
        "grant_type=client_credentials&client_id=asserting-wl",
        "grant_type=client_credentials&client_id=asserting-wl&client_secret=wrong",
        "grant_type=client_credentials&client_id=nobody&client_secret=asserting-wl-secret",
        "grant_type=password&client_id=bank-cli&client_secret=x&username=alice&password=alice-pw",
    ] {
        let answer = World::new(|_| ()).browser().post("/token", fields).await;
        assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
        assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
    }
}

#[tokio::test]
async fn refuses_a_wrong_password_grant_or_form() {
    let world = World::new(|_| ());
    for (fields, code) in [
        ("grant_type=password&client_id=bank-cli&username=alice&password=bob-pw", "invalid_grant"),
        ("grant_type=password&client_id=bank-cli&username=alice&password=alice-pw&scope=admin", "invalid_scope"),
        ("grant_type=password&client_id=bank-web&username=alice&password=alice-pw", "unauthorized_client"),
        ("grant_type=refresh_token&client_id=bank-cli", "unsupported_grant_type"),
        ("client_id=bank-cli", "invalid_request"),
        ("grant_type=password&grant_type=password&client_id=bank-cli", "invalid_request"),
    ] {
        let answer = world.browser().post("/token", fields).await;
        assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::BAD_REQUEST, &json!(code)), "{fields}");
    }
    let answer = world.browser().send(Request::post("/token"), "grant_type=password".to_owned()).await;
    assert_eq!(answer.json()["error"], "invalid_request");
}

#[tokio::test]
async fn end_session_is_no_open_redirect() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    let at = "post_logout_redirect_uri";
    for fields in [
        vec![(at, "http://evil.example/")],
        vec![(at, "http://evil.example/"), ("id_token_hint", hint)],
        vec![(at, "http://127.0.0.1:8080/callback"), ("id_token_hint", hint)],
        vec![(at, "http://127.0.0.1:8080/signed-out"), ("id_token_hint", "e30.e30.e30")],
        vec![(at, "http://127.0.0.1:8080/signed-out"), ("id_token_hint", hint), ("client_id", "bank-back")],
    ] {
        let answer = browser.get(&format!("/end-session?{}", form(&fields))).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.headers.contains_key(header::LOCATION));
    }
    assert!(browser.get(&asking(&[])).await.sent("code").is_some(), "still logged in");
}

#[tokio::test]
async fn an_id_token_of_one_person_does_not_log_another_out() {
    let world = World::new(|_| ());
    let (mut alice, mut bob) = (world.browser(), world.browser());
    let code = alice.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = alice.post("/token", &exchange(&code, &[])).await.json();
    bob.log_in(&asking(&[]), "bob").await;
    let page = bob.get(&format!("/end-session?id_token_hint={}", tokens["id_token"].as_str().unwrap())).await;
    assert!(page.body.contains("Sign out?"));
    assert!(bob.get(&asking(&[])).await.sent("code").is_some());
}

#[tokio::test]
async fn shows_a_script_in_the_login_hint_as_text() {
    let hint = "\"><script>alert(1)</script>";
    let page = World::new(|_| ()).browser().get(&asking(&[("login_hint", hint)])).await;
    assert!(!page.body.contains("<script"), "{}", page.body);
    let policy = page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    insta::assert_snapshot!(policy);
}

#[tokio::test]
async fn refuses_a_login_form_from_another_page_or_browser() {
    let world = World::new(|_| ());
    let (mut mine, mut other) = (world.browser(), world.browser());
    let (page, foreign) = (mine.get(&asking(&[])).await, other.get(&asking(&[])).await);
    let (login, csrf) = (page.hidden("login"), page.hidden("csrf"));
    let person = [("username", "alice"), ("password", "alice-pw")];
    let fields = |csrf: &str| form(&[("login", &*login), ("csrf", csrf), person[0], person[1]]);
    assert_eq!(other.post("/login", &fields(&csrf)).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(mine.post("/login", &fields(&foreign.hidden("csrf"))).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(mine.post("/login", &fields(&csrf)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(mine.post("/login", &fields(&csrf)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_wrong_password_is_told_on_the_page() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let page = browser.get(&asking(&[])).await;
    let (login, csrf) = (page.hidden("login"), page.hidden("csrf"));
    let fields = [("login", &*login), ("csrf", &csrf), ("username", "alice"), ("password", "guess")];
    let answer = browser.post("/login", &form(&fields)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("role=\"alert\""));
}

#[tokio::test]
async fn the_session_cookie_is_no_token_and_no_script_reads_it() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let back = browser.log_in(&asking(&[]), "alice").await;
    let cookies: Vec<_> = back.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
    let session = cookies.iter().find(|line| line.starts_with("dev_idp_session_8090=")).unwrap();
    assert!(session.ends_with("; HttpOnly; SameSite=Lax; Path=/"), "{session}");
    let tokens = browser.post("/token", &exchange(&back.sent("code").unwrap(), &[])).await.json();
    let sid = part(&tokens["access_token"], 1)["sid"].as_str().unwrap().to_owned();
    assert!(!session.contains(&sid));
}

#[tokio::test]
async fn userinfo_refuses_an_id_token_a_forgery_and_nothing() {
    let world = World::new(|settings| settings.alg = Algorithm::Es256);
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", challenge());
    for bearer in [tokens["id_token"].as_str().unwrap(), &unsigned, "x", ""] {
        let request = Request::get("/userinfo").header(header::AUTHORIZATION, format!("Bearer {bearer}"));
        let answer = browser.send(request, String::new()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{bearer}");
    }
    assert_eq!(browser.get("/userinfo").await.status, StatusCode::UNAUTHORIZED);
}
