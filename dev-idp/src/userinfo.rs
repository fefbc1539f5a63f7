//! The userinfo endpoint (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::{issue::person_claims, provider::Provider};

/// Why nothing is told (RFC 6750 §3.1).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UserinfoError {
    #[error("an access token is needed")]
    Missing,
    #[error("the access token is not valid here, expired or revoked")]
    InvalidToken,
    #[error("the access token does not hold the scope openid")]
    InsufficientScope,
}

impl IntoResponse for UserinfoError {
    fn into_response(self) -> Response {
        let (status, challenge) = match self {
            Self::Missing => (StatusCode::UNAUTHORIZED, "Bearer realm=\"dev-idp\""),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
            Self::InsufficientScope => (StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\", scope=\"openid\""),
        };
        let headers = [(header::WWW_AUTHENTICATE, challenge), (header::CACHE_CONTROL, "no-store")];
        (status, headers, Json(json!({"error_description": self.to_string()}))).into_response()
    }
}

pub(crate) async fn answer(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
) -> Result<Response, UserinfoError> {
    let claims = told(&provider, &headers).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(claims)).into_response())
}

async fn told(provider: &Provider, headers: &HeaderMap) -> Result<Map<String, Value>, UserinfoError> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).ok_or(UserinfoError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(UserinfoError::Missing);
    }
    let (token, typ) = (token.trim(), provider.settings.shape.access_typ());
    let claims = provider.keys.verify(typ, token).await.ok_or(UserinfoError::InvalidToken)?;
    let issued = provider.issued_token(token).ok_or(UserinfoError::InvalidToken)?;
    let alive = claims.get("exp").and_then(Value::as_u64).is_some_and(|exp| provider.now() < exp);
    if !alive || provider.is_revoked(&issued.jti) {
        return Err(UserinfoError::InvalidToken);
    }
    let scope = &issued.scope;
    if !scope.split(' ').any(|one| one == "openid") {
        return Err(UserinfoError::InsufficientScope);
    }
    let session = issued.sid.as_deref().and_then(|sid| provider.session(sid)).ok_or(UserinfoError::InvalidToken)?;
    Ok(person_claims(&session.person, scope))
}
