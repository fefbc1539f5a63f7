//! How a provider's keys are fetched, kept and fetched again.

use std::sync::Mutex as Lock;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use crypto::jose::{Algorithm, JwkMembers, SigningKey};
use crypto::provenance::Scheme;
use mesh::web::{self, WebSettings};
use serde_json::json;
use token::encoding::base64url;

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000);

/// What the provider publishes: its `kid`, or nothing while it is down.
type Published = Arc<Lock<Option<&'static str>>>;

async fn served(published: Published) -> Provider<IssuerKeys> {
    mesh::install_crypto();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let document = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/jwks")}).to_string();
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(async move || document))
        .route("/jwks", get(jwks))
        .with_state(published);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Provider::new(&issuer, web::client(WebSettings::default()).unwrap())
}

async fn jwks(State(published): State<Published>) -> Result<String, StatusCode> {
    let kid = published.lock().unwrap().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let key = SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Ed25519).unwrap()).unwrap();
    let public = key.public_key();
    let JwkMembers::Okp { crv, x } = public.members() else { panic!("another kind of key") };
    Ok(json!({"keys": [{"kty": "OKP", "crv": crv, "x": base64url(x), "kid": kid}]}).to_string())
}

/// Whether the provider's keys, asked for `kid`, hold it.
async fn knows(provider: &Provider<IssuerKeys>, kid: &str, after: u64) -> Result<bool, ProviderError> {
    let has = |keys: &IssuerKeys| keys.find(Some(kid), Scheme::Ed25519).is_ok();
    Ok(has(&*provider.keys(has, NOW.plus(after)).await?))
}

#[tokio::test]
async fn an_unknown_kid_is_fetched_once_in_three_seconds() {
    let published = Published::new(Lock::new(Some("old")));
    let provider = served(Arc::clone(&published)).await;
    assert_eq!(knows(&provider, "old", 0).await, Ok(true));
    *published.lock().unwrap() = Some("new");
    assert_eq!(knows(&provider, "new", 2).await, Ok(false));
    assert_eq!(knows(&provider, "new", 3).await, Ok(true));
    assert_eq!(knows(&provider, "old", 4).await, Ok(false));
}

#[tokio::test]
async fn keys_are_renewed_after_five_minutes() {
    let published = Published::new(Lock::new(Some("old")));
    let provider = served(Arc::clone(&published)).await;
    assert_eq!(knows(&provider, "old", 0).await, Ok(true));
    *published.lock().unwrap() = Some("new");
    assert_eq!(knows(&provider, "old", 300).await, Ok(true));
    assert_eq!(knows(&provider, "old", 301).await, Ok(false));
}

#[tokio::test]
async fn keys_outlive_their_provider_by_an_hour() {
    let published = Published::new(Lock::new(Some("k")));
    let provider = served(Arc::clone(&published)).await;
    assert_eq!(knows(&provider, "k", 0).await, Ok(true));
    *published.lock().unwrap() = None;
    assert_eq!(knows(&provider, "k", 3600).await, Ok(true));
    assert_eq!(knows(&provider, "k", 3604).await, Err(ProviderError::Unreachable));
    *published.lock().unwrap() = Some("k");
    assert_eq!(knows(&provider, "k", 3605).await, Err(ProviderError::Unreachable));
    assert_eq!(knows(&provider, "k", 3607).await, Ok(true));
}

#[tokio::test]
async fn many_requests_share_one_fetch() {
    let provider = Arc::new(served(Published::new(Lock::new(Some("k")))).await);
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { knows(&provider, "k", 0).await })
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap(), Ok(true));
    }
}

#[test]
fn allows_https_and_http_on_loopback_only() {
    for address in ["https://idp.example/realms/bank", "http://127.0.0.1:8090", "http://[::1]:1/x", "http://localhost"]
    {
        assert!(allowed(address).is_some(), "{address}");
    }
    for address in
        ["http://idp.example", "http://169.254.169.254/", "file:///etc/passwd", "https://u:p@idp.example", "x"]
    {
        assert!(allowed(address).is_none(), "{address}");
    }
}
