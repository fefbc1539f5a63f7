//! What works: every grant, every token, logging in once and out again.

use std::time::{Duration, Instant};

use axum::http::{Request, StatusCode, header};
use jsonwebtoken::{DecodingKey, Validation, decode, jwk::JwkSet};
use serde_json::{Value, json};

use super::{ISSUER, START, World, asking, exchange, form, part};
use crate::{Algorithm, Client, DevIdp, GrantError, Settings, StartError};

const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";

async fn verified(world: &World, token: &Value, audience: &str) -> Value {
    let token = token.as_str().unwrap();
    let jwks: JwkSet = serde_json::from_value(world.provider.keys.jwks().await.unwrap()).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    let key = DecodingKey::from_jwk(jwks.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.validate_exp = false;
    decode::<Value>(token, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn a_login_becomes_an_access_token_and_an_id_token() {
    for alg in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256] {
        let world = World::new(|settings| settings.alg = alg);
        let mut browser = world.browser();
        let back = browser.log_in(&asking(&[]), "alice").await;
        assert_eq!(back.status, StatusCode::SEE_OTHER);
        assert_eq!((back.sent("state").as_deref(), back.sent("iss").as_deref()), (Some("st"), Some(ISSUER)));
        let tokens = browser.post("/token", &exchange(&back.sent("code").unwrap(), &[])).await;
        assert_eq!(tokens.headers[header::CACHE_CONTROL], "no-store");
        let tokens = tokens.json();

        let header = part(&tokens["access_token"], 0);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!(alg.name())));
        let access = verified(&world, &tokens["access_token"], "asserting-wl").await;
        let id = verified(&world, &tokens["id_token"], "bank-web").await;
        assert_eq!(access["sid"], id["sid"]);
        insta::assert_json_snapshot!("access_token", access, {".jti" => "[jti]", ".sid" => "[sid]"});
        insta::assert_json_snapshot!("id_token", id, {".at_hash" => "[hash]", ".sid" => "[sid]"});
    }
}

#[tokio::test]
async fn at_hash_is_the_half_hash_of_the_access_token() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use sha2::{Digest, Sha256};
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "bob").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    let half = &Sha256::digest(tokens["access_token"].as_str().unwrap())[..16];
    assert_eq!(part(&tokens["id_token"], 1)["at_hash"], json!(URL_SAFE_NO_PAD.encode(half)));
}

#[tokio::test]
async fn a_client_may_have_an_algorithm_of_its_own() {
    let world = World::new(|settings| {
        settings.clients = vec![Client { alg: Some(Algorithm::Rs256), ..Client::bank_cli() }];
    });
    let fields = form(&[
        ("grant_type", "password"),
        ("client_id", "bank-cli"),
        ("username", "alice"),
        ("password", "alice-pw"),
        ("scope", "openid accounts.read"),
    ]);
    let tokens = world.browser().post("/token", &fields).await.json();
    assert_eq!(part(&tokens["access_token"], 0)["alg"], "RS256");
    assert_eq!(part(&tokens["access_token"], 1)["sub"], ALICE);
    let keys = world.browser().get("/jwks").await.json();
    let algorithms: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(algorithms, ["ES256", "RS256"]);
}

#[tokio::test]
async fn a_client_acts_for_itself_with_its_secret() {
    let world = World::new(|_| ());
    let request = Request::post("/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, "Basic YXNzZXJ0aW5nLXdsOmFzc2VydGluZy13bC1zZWNyZXQ=");
    let answer = world.browser().send(request, "grant_type=client_credentials&scope=accounts.read".to_owned()).await;
    let claims = part(&answer.json()["access_token"], 1);
    assert_eq!((&claims["sub"], &claims["sid"]), (&json!("asserting-wl"), &Value::Null));
}

#[tokio::test]
async fn a_second_application_needs_no_second_login() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    browser.log_in(&asking(&[]), "alice").await;
    let again = browser.get(&asking(&[("client_id", "bank-back")])).await;
    assert!(again.sent("code").is_some());
    assert_eq!(browser.get(&asking(&[("prompt", "login")])).await.status, StatusCode::OK);
    world.pass(10);
    assert_eq!(browser.get(&asking(&[("max_age", "5")])).await.status, StatusCode::OK);
    let silent = world.browser().get(&asking(&[("prompt", "none")])).await;
    assert_eq!(silent.sent("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn userinfo_tells_what_the_scope_allows() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let ask = || Request::get("/userinfo").header(header::AUTHORIZATION, &bearer);
    let told = browser.send(ask(), String::new()).await.json();
    assert_eq!(told, json!({"sub": ALICE, "name": "alice", "preferred_username": "alice"}));
    world.pass(301);
    assert_eq!(browser.send(ask(), String::new()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn logging_out_with_the_id_token_ends_the_session_and_returns() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    let code = browser.log_in(&asking(&[]), "alice").await.sent("code").unwrap();
    let tokens = browser.post("/token", &exchange(&code, &[])).await.json();
    world.pass(3600);
    let hint = tokens["id_token"].as_str().unwrap();
    let fields =
        [("id_token_hint", hint), ("post_logout_redirect_uri", "http://127.0.0.1:8080/signed-out"), ("state", "s2")];
    let back = browser.get(&format!("/end-session?{}", form(&fields))).await;
    assert_eq!(back.location().as_str(), "http://127.0.0.1:8080/signed-out?state=s2");
    assert_eq!(browser.get(&asking(&[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn logging_out_without_the_id_token_asks_first() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    browser.log_in(&asking(&[]), "alice").await;
    let page = browser.get("/end-session").await;
    assert!(page.body.contains("alice"));
    assert!(browser.get(&asking(&[])).await.sent("code").is_some());
    let fields = form(&[("logout", &page.hidden("logout")), ("csrf", &page.hidden("csrf"))]);
    assert_eq!(browser.post("/end-session/confirm", &fields).await.status, StatusCode::OK);
    assert_eq!(browser.get(&asking(&[])).await.status, StatusCode::OK);
}

#[tokio::test]
async fn discovery_names_every_endpoint() {
    let world = World::new(|_| ());
    insta::assert_json_snapshot!(world.browser().get("/.well-known/openid-configuration").await.json());
}

#[tokio::test]
async fn starts_at_once_and_grants_directly() {
    let began = Instant::now();
    let idp = DevIdp::start(Settings::default()).await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    assert_eq!(idp.issuer(), format!("http://{}", idp.addr));
    assert!(idp.direct_grant("alice", "accounts.read").await.is_ok());
    assert_eq!(idp.direct_grant("alice", "admin").await, Err(GrantError::InvalidScope));
    assert_eq!(idp.direct_grant("mallory", "").await, Err(GrantError::InvalidGrant("nobody has that name")));
    idp.shutdown().await;
}

#[tokio::test]
async fn refuses_an_address_others_can_reach() {
    let settings = Settings { listen: "0.0.0.0:0".parse().unwrap(), ..Settings::default() };
    assert!(matches!(DevIdp::start(settings).await, Err(StartError::NotLoopback(_))));
}

#[tokio::test]
async fn sessions_end_by_themselves() {
    let world = World::new(|_| ());
    let mut browser = world.browser();
    browser.log_in(&asking(&[]), "alice").await;
    world.pass(8 * 3600);
    assert!(world.provider.now() > START);
    assert_eq!(browser.get(&asking(&[])).await.status, StatusCode::OK);
}
