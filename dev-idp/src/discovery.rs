//! What a client must know to use the provider (OpenID Connect Discovery §3) and its public keys.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};

use crate::provider::Provider;

pub(crate) async fn metadata(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer.trim_end_matches('/'));
    let algorithms: Vec<_> = provider.keys.names().iter().map(|algorithm| algorithm.name()).collect();
    Json(json!({
        "issuer": provider.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"),
        "jwks_uri": at("/jwks"),
        "end_session_endpoint": at("/end-session"),
        "scopes_supported": ["openid", "profile", "email", "accounts.read", "payments.write"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "password"],
        "subject_types_supported": ["public"],
        "acr_values_supported": ["1"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "sid", "at_hash", "name",
            "preferred_username", "email", "email_verified",
        ],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    }))
}

pub(crate) async fn jwks(State(provider): State<Arc<Provider>>) -> Result<impl IntoResponse, StatusCode> {
    let jwks = provider.keys.jwks().await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([("cache-control", "public, max-age=60")], Json(jwks)))
}
