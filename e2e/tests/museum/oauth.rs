//! Tokens that decide how they are checked.

use crypto::jose::{Algorithm, SigningKey};
use dev_idp::DevIdp;
use e2e::museum::oauth::{Internet, Published, accept, hmac};
use e2e::{Bank, refused};
use serde_json::{Value, json};
use token::encoding::{base64url, base64url_json, from_base64url};

use super::ours::{ISSUER, jwk, new_key};
use super::stopped;

fn published(key: &SigningKey) -> Published {
    Published { text: jwk(key, Algorithm::Es256, "k1").to_string(), key: key.public_key() }
}

/// A token as `key` signs it.
fn signed(key: &SigningKey, claims: Value) -> String {
    let signed = format!("{}.{}", base64url_json(json!({"alg": "ES256"})), base64url_json(claims));
    let signature = key.sign(Algorithm::Es256, signed.as_bytes()).unwrap();
    format!("{signed}.{}", base64url(&signature))
}

/// The person the model sees in a token.
fn person(token: &str, internet: &Internet) -> Option<String> {
    accept(token, internet)?["sub"].as_str().map(ToOwned::to_owned)
}

/// What asserting-wl says to a token.
async fn asserting_wl_says(bank: &Bank, token: &str) -> String {
    let teller = bank.actor("cli").await;
    let answer = teller.teller.asserting().post_form(wire::mint::MINT, &[("access_token", token)]).await.unwrap();
    let refused = refused(&answer);
    format!("{}: {}", refused.kind, refused.detail)
}

/// alice's access token under another header, with the signature that `sign` makes.
async fn resigned(bank: &Bank, header: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let token = bank.token("alice").await;
    let payload = token.split('.').nth(1).unwrap();
    let signed = format!("{}.{payload}", base64url_json(header));
    format!("{signed}.{}", base64url(&sign(signed.as_bytes())))
}

#[tokio::test]
async fn a_token_without_a_signature() {
    let key = new_key(Algorithm::Es256);
    let internet = Internet::from([(ISSUER.to_owned(), published(&key))]);
    let claims = base64url_json(json!({"iss": ISSUER, "sub": "alice"}));
    let token = format!("{}.{claims}.", base64url_json(json!({"alg": "none"})));
    assert_eq!(person(&token, &internet).as_deref(), Some("alice"));

    let bank = Bank::open().await;
    let token = resigned(&bank, json!({"alg": "none", "typ": "at+jwt"}), |_| vec![0]).await;
    stopped("a_token_without_a_signature", asserting_wl_says(&bank, &token).await);
}

#[tokio::test]
async fn the_public_key_as_a_secret() {
    let key = new_key(Algorithm::Es256);
    let internet = Internet::from([(ISSUER.to_owned(), published(&key))]);
    let claims = base64url_json(json!({"iss": ISSUER, "sub": "alice"}));
    let message = format!("{}.{claims}", base64url_json(json!({"alg": "HS256"})));
    let mac = hmac(internet[ISSUER].text.as_bytes(), message.as_bytes());
    assert_eq!(person(&format!("{message}.{}", base64url(&mac)), &internet).as_deref(), Some("alice"));

    let bank = Bank::open().await;
    let http = mesh::web::client(mesh::web::WebSettings::default()).unwrap();
    let text = http.get(format!("{}/jwks", bank.place().issuer)).send().await.unwrap().text().await.unwrap();
    let header = json!({"alg": "HS256", "typ": "at+jwt"});
    let token = resigned(&bank, header, |message| hmac(text.as_bytes(), message)).await;
    stopped("the_public_key_as_a_secret", asserting_wl_says(&bank, &token).await);
}

#[tokio::test]
async fn an_id_token_for_an_access_token() {
    let key = new_key(Algorithm::Es256);
    let internet = Internet::from([(ISSUER.to_owned(), published(&key))]);
    let id_token = signed(&key, json!({"iss": ISSUER, "sub": "alice", "aud": "some-app", "nonce": "n"}));
    assert_eq!(person(&id_token, &internet).as_deref(), Some("alice"));

    let bank = Bank::open().await;
    let access = bank.token("alice").await;
    let claims = from_base64url(access.split('.').nth(1).unwrap()).unwrap();
    let mut claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["nonce"] = json!("n");
    let id_token = bank.demo.idp.danger_sign(dev_idp::Algorithm::Es256, "JWT", &claims).await.unwrap();
    stopped("an_id_token_for_an_access_token", asserting_wl_says(&bank, &id_token).await);
}

#[tokio::test]
async fn a_provider_of_the_attackers_own() {
    let own = new_key(Algorithm::Es256);
    let internet = Internet::from([
        (ISSUER.to_owned(), published(&new_key(Algorithm::Es256))),
        ("https://idp.evil.example".to_owned(), published(&own)),
    ]);
    let token = signed(&own, json!({"iss": "https://idp.evil.example", "sub": "alice"}));
    assert_eq!(person(&token, &internet).as_deref(), Some("alice"));

    let bank = Bank::open().await;
    let own = DevIdp::start(dev_idp::Settings::default()).await.unwrap();
    let token = own.direct_grant("alice", e2e::bank::SCOPE).await.unwrap();
    stopped("a_provider_of_the_attackers_own", asserting_wl_says(&bank, &token).await);
}
