//! The token endpoint (RFC 6749 §3.2): a code, a secret or a password becomes tokens.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use crate::{
    Client, Grant, KeyError, cookie,
    issue::Access,
    params::{Params, Repeated},
    provider::{Provider, Redeemed, Session},
};

/// Why no token is given (RFC 6749 §5.2).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The request is not one this endpoint understands.
    #[error("{0}")]
    InvalidRequest(String),
    /// The client is unknown or its secret is wrong.
    #[error("the client is unknown, or did not authenticate as it must")]
    InvalidClient,
    /// The code, verifier, address or password is not right.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// The client may not use this grant.
    #[error("this client may not use this grant")]
    UnauthorizedClient,
    /// There is no such grant here.
    #[error("grant_type must be authorization_code, client_credentials or password")]
    UnsupportedGrantType,
    /// The client may not ask for that scope.
    #[error("this client may not ask for that scope")]
    InvalidScope,
    /// The provider could not sign.
    #[error("the provider has no key to sign with")]
    Key(#[from] KeyError),
}

impl From<Repeated> for GrantError {
    fn from(repeated: Repeated) -> Self {
        Self::InvalidRequest(repeated.to_string())
    }
}

impl GrantError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant(_) => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::Key(_) => "server_error",
        }
    }
}

impl IntoResponse for GrantError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::InvalidClient => StatusCode::UNAUTHORIZED,
            Self::Key(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let body = Json(json!({"error": self.code(), "error_description": self.to_string()}));
        let mut response = (status, [(header::CACHE_CONTROL, "no-store")], body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = axum::http::HeaderValue::from_static("Basic realm=\"dev-idp\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

pub(crate) async fn post(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, GrantError> {
    let form = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if form.and_then(|form| form.split(';').next()).map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(GrantError::InvalidRequest("the body must be application/x-www-form-urlencoded".to_owned()));
    }
    let params = Params::parse(&body)?;
    let client = authenticate(&provider, &headers, &params)?;
    let answer = match params.find("grant_type") {
        Some("authorization_code") => by_code(&provider, client, &params).await,
        Some("client_credentials") => by_secret(&provider, client, &params).await,
        Some("password") => by_password(&provider, client, &params).await,
        Some(_) => Err(GrantError::UnsupportedGrantType),
        None => Err(GrantError::InvalidRequest("grant_type is missing".to_owned())),
    }?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// RFC 6749 §2.3: Basic, or the form, never both; a public client only says its name.
fn authenticate<'a>(provider: &'a Provider, headers: &HeaderMap, params: &Params) -> Result<&'a Client, GrantError> {
    let basic = match headers.get(header::AUTHORIZATION) {
        Some(value) => Some(value.to_str().ok().and_then(basic).ok_or(GrantError::InvalidClient)?),
        None => None,
    };
    let (id, secret) = match basic {
        Some(_) if params.find("client_secret").is_some() => return Err(GrantError::InvalidClient),
        Some((id, secret)) => (id, Some(secret)),
        None => (params.find_owned("client_id").ok_or(GrantError::InvalidClient)?, params.find_owned("client_secret")),
    };
    if params.find("client_id").is_some_and(|named| named != id) {
        return Err(GrantError::InvalidClient);
    }
    let client = provider.client(&id).ok_or(GrantError::InvalidClient)?;
    match (&client.secret, secret) {
        (None, None) => Ok(client),
        (Some(known), Some(given)) if cookie::same(known, &given) => Ok(client),
        _ => Err(GrantError::InvalidClient),
    }
}

fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

/// Name and secret are form-encoded before they are joined (RFC 6749 §2.3.1).
fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes()).map(|(name, _)| name.into_owned()).next().unwrap_or_default()
}

async fn by_code(provider: &Provider, client: &Client, params: &Params) -> Result<Value, GrantError> {
    allowed(client, Grant::AuthorizationCode)?;
    let code = params.find("code").ok_or_else(|| GrantError::InvalidRequest("code is missing".to_owned()))?;
    let code = match provider.redeem(code) {
        Redeemed::Fresh(code) => code,
        Redeemed::Replayed(code) => {
            provider.log_out(&code.session.sid).await;
            return Err(GrantError::InvalidGrant("the code is unknown, expired or used"));
        }
        Redeemed::Unknown => return Err(GrantError::InvalidGrant("the code is unknown, expired or used")),
    };
    let asked = &code.asked;
    if asked.client.id != client.id {
        return Err(GrantError::InvalidGrant("the code was given to another client"));
    }
    if params.find("redirect_uri") != Some(&asked.redirect_uri) {
        return Err(GrantError::InvalidGrant("the redirect_uri is not the one the code was sent to"));
    }
    check_verifier(asked.challenge.as_deref(), params.find("code_verifier"))?;
    if provider.session(&code.session.sid).is_none() {
        return Err(GrantError::InvalidGrant("the person has logged out"));
    }
    let access = Access { client, scope: &asked.scope, jti: code.jti.clone(), session: Some(&code.session) };
    answer(provider, access, asked.nonce.as_deref()).await
}

/// RFC 7636 §4.6; a verifier without a challenge is an attempt to go without one (RFC 9700 §2.1.1).
fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), GrantError> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge_of(verifier).as_deref() == Some(challenge) => Ok(()),
        _ => Err(GrantError::InvalidGrant("the code_verifier does not fit the code_challenge")),
    }
}

fn challenge_of(verifier: &str) -> Option<String> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let valid = (43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved);
    valid.then(|| BASE64.encode(Sha256::digest(verifier)))
}

async fn by_secret(provider: &Provider, client: &Client, params: &Params) -> Result<Value, GrantError> {
    allowed(client, Grant::ClientCredentials)?;
    if client.secret.is_none() {
        return Err(GrantError::UnauthorizedClient);
    }
    let scope = scope_of(client, params.find("scope").unwrap_or_default())?;
    answer(provider, Access { client, scope, jti: cookie::random::<16>(), session: None }, None).await
}

async fn by_password(provider: &Provider, client: &Client, params: &Params) -> Result<Value, GrantError> {
    allowed(client, Grant::Password)?;
    let field = |name| params.find(name).unwrap_or_default();
    let person = provider.authenticate(field("username"), field("password"));
    let person = person.ok_or(GrantError::InvalidGrant("the name or the password is wrong"))?;
    let scope = scope_of(client, field("scope"))?;
    let session = provider.begin_session(person);
    let access = Access { client, scope, jti: cookie::random::<16>(), session: Some(&session) };
    answer(provider, access, None).await
}

fn allowed(client: &Client, grant: Grant) -> Result<(), GrantError> {
    if client.may_use(grant) { Ok(()) } else { Err(GrantError::UnauthorizedClient) }
}

fn scope_of<'a>(client: &Client, scope: &'a str) -> Result<&'a str, GrantError> {
    if client.may_ask(scope) { Ok(scope) } else { Err(GrantError::InvalidScope) }
}

/// RFC 6749 §5.1, with an ID token where the scope holds `openid`.
async fn answer(provider: &Provider, access: Access<'_>, nonce: Option<&str>) -> Result<Value, GrantError> {
    let (client, scope, session): (&Client, &str, Option<&Session>) = (access.client, access.scope, access.session);
    let access_token = provider.access_token(access).await?;
    let mut answer = json!({
        "token_type": "Bearer",
        "expires_in": provider.settings.token_life.as_secs(),
        "scope": scope,
    });
    let session = session.filter(|_| scope.split(' ').any(|one| one == "openid"));
    if let (Some(members), Some(session)) = (answer.as_object_mut(), session) {
        let id_token = provider.id_token(client, session, scope, nonce, &access_token).await?;
        members.insert("id_token".to_owned(), json!(id_token));
    }
    if let Some(members) = answer.as_object_mut() {
        members.insert("access_token".to_owned(), json!(access_token));
    }
    Ok(answer)
}

impl Provider {
    /// An access token for `name` as the client `bank-cli` would get it, without asking for the password.
    pub(crate) async fn direct_grant(&self, name: &str, scope: &str) -> Result<String, GrantError> {
        let client = self.settings.clients.iter().find(|client| client.may_use(Grant::Password));
        let client = client.ok_or(GrantError::UnauthorizedClient)?;
        let person = self.person(name).ok_or(GrantError::InvalidGrant("nobody has that name"))?;
        let scope = scope_of(client, scope)?;
        let session = self.begin_session(person);
        let access = Access { client, scope, jti: cookie::random::<16>(), session: Some(&session) };
        Ok(self.access_token(access).await?)
    }
}
