//! Back-channel logout as the client that is told sees it.

use std::sync::{Arc, Mutex};

use axum::{Form, Router, extract::State, routing::post};
use serde_json::{Value, json};

use super::{ISSUER, START, World, asking, exchange, form, part};

type Told = Arc<Mutex<Vec<Value>>>;

/// Takes logout tokens.
async fn receiver() -> (String, Told) {
    async fn take(State(told): State<Told>, Form(fields): Form<Vec<(String, String)>>) {
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0].0, "logout_token");
        told.lock().unwrap().push(json!(fields[0].1));
    }
    let told = Told::default();
    let router = Router::new().route("/backchannel-logout", post(take)).with_state(told.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/backchannel-logout", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (uri, told)
}

/// A provider whose bank-web is told of logouts.
async fn world() -> (World, Told) {
    let (uri, told) = receiver().await;
    let world = World::new(|settings| {
        let bank = settings.clients.iter_mut().find(|client| client.id == "bank-web").unwrap();
        bank.backchannel_logout_uris = vec![uri];
    });
    (world, told)
}

/// What was told last, header and claims.
fn last(told: &Told) -> (Value, Value) {
    let told = told.lock().unwrap();
    let token = told.last().unwrap();
    (part(token, 0), part(token, 1))
}

#[tokio::test]
async fn a_logout_is_told_before_the_browser_goes_on() {
    let (world, told) = world().await;
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    browser.get(&format!("/end-session?{}", form(&[("id_token_hint", hint)]))).await;
    let (header, claims) = last(&told);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("ES256")));
    let access = part(&tokens["access_token"], 1);
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!("bank-web")),
        ("sub", access["sub"].clone()),
        ("sid", access["sid"].clone()),
        ("iat", json!(START)),
        ("exp", json!(START + 120)),
        ("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
        ("nonce", Value::Null),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(told.lock().unwrap().len(), 1, "once");
}

#[tokio::test]
async fn a_replayed_code_logs_the_person_out_everywhere() {
    let (world, told) = world().await;
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    browser.post("/token", &exchange(&code, &[])).await;
    assert_eq!(last(&told).1["sid"], part(&tokens["access_token"], 1)["sid"]);
    let again = browser.get(&asking(&[])).await;
    assert!(again.body.contains("password"), "the login has ended: {}", again.body);
}

#[tokio::test]
async fn a_client_that_cannot_be_told_keeps_nobody_logged_in() {
    let world = World::new(|_| ());
    world.provider.register("bank-web", "http://127.0.0.1:9/backchannel-logout");
    let session = world.provider.begin_session(world.provider.person("alice").unwrap());
    assert!(world.provider.log_out(&session.sid).await);
    assert!(world.provider.session(&session.sid).is_none());
    assert!(!world.provider.log_out(&session.sid).await);
}
