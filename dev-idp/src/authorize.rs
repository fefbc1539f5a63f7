//! The authorization endpoint (OpenID Connect Core §3.1.2): checks what a client asks, then asks the person.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use url::Url;

use crate::{
    Grant, cookie, login, pages,
    params::Params,
    provider::{Asked, Provider, Session},
    redirect,
};

/// Why an authorization request is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthorizeError {
    /// The client or its address is not known: the browser must not be sent anywhere (RFC 6749 §4.1.2.1).
    #[error("{0}")]
    Page(String),
    /// The client learns why, by the browser.
    #[error("{code}: {description}")]
    Redirect { redirect_uri: String, state: Option<String>, code: &'static str, description: &'static str },
}

pub(crate) async fn get(State(provider): State<Arc<Provider>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    answer(&provider, jar, query.unwrap_or_default().as_bytes())
}

pub(crate) async fn post(State(provider): State<Arc<Provider>>, jar: CookieJar, body: Bytes) -> Response {
    answer(&provider, jar, &body)
}

fn answer(provider: &Provider, jar: CookieJar, encoded: &[u8]) -> Response {
    match decide(provider, &jar, encoded) {
        Ok(Decision::Granted(asked, session)) => granted(provider, asked, session),
        Ok(Decision::Ask(asked)) => login::ask(provider, jar, asked),
        Err(AuthorizeError::Page(text)) => pages::refusal(&text),
        Err(AuthorizeError::Redirect { redirect_uri, state, code, description }) => {
            let pairs = [("error", code), ("error_description", description)];
            send(provider, &redirect_uri, state.as_deref(), &pairs)
        }
    }
}

enum Decision {
    Granted(Asked, Session),
    Ask(Asked),
}

fn decide(provider: &Provider, jar: &CookieJar, encoded: &[u8]) -> Result<Decision, AuthorizeError> {
    let params = Params::parse(encoded).map_err(|repeated| AuthorizeError::Page(repeated.to_string()))?;
    let asked = check(provider, &params)?;
    let prompts: Vec<_> = params.find("prompt").unwrap_or_default().split(' ').collect();
    let session = jar
        .get(&cookie::named(login::SESSION, provider.port))
        .and_then(|cookie| provider.session_of_browser(cookie.value()))
        .filter(|session| is_fresh(provider, session, &params) && !prompts.contains(&"login"));
    match session {
        Some(session) => Ok(Decision::Granted(asked, session)),
        None if prompts.contains(&"none") => {
            Err(refused(&asked.redirect_uri, asked.state, "login_required", "nobody is logged in"))
        }
        None => Ok(Decision::Ask(asked)),
    }
}

fn is_fresh(provider: &Provider, session: &Session, params: &Params) -> bool {
    let Some(age) = params.find("max_age") else { return true };
    age.parse::<u64>().is_ok_and(|age| provider.now() <= session.auth_time.saturating_add(age))
}

fn check(provider: &Provider, params: &Params) -> Result<Asked, AuthorizeError> {
    let page = |text: &str| AuthorizeError::Page(text.to_owned());
    let client = params.find("client_id").and_then(|id| provider.client(id));
    let client = client.ok_or_else(|| page("The client_id is not one of this provider's clients."))?;
    let redirect_uri = params
        .find_owned("redirect_uri")
        .filter(|uri| redirect::is_registered(&client.redirect_uris, uri))
        .ok_or_else(|| page("The redirect_uri is not registered for this client."))?;
    let state = params.find_owned("state");
    let refuse = |code, description| Err(refused(&redirect_uri, state.clone(), code, description));

    if params.find("request").is_some() {
        return refuse("request_not_supported", "request objects are not supported");
    }
    if params.find("request_uri").is_some() {
        return refuse("request_uri_not_supported", "request objects are not supported");
    }
    if !client.may_use(Grant::AuthorizationCode) {
        return refuse("unauthorized_client", "this client may not use the code flow");
    }
    if params.find("response_type") != Some("code") {
        return refuse("unsupported_response_type", "response_type must be code");
    }
    if params.find("response_mode").is_some_and(|mode| mode != "query") {
        return refuse("invalid_request", "response_mode must be query");
    }
    let scope = params.find_owned("scope").unwrap_or_else(|| "openid".to_owned());
    if !client.may_ask(&scope) {
        return refuse("invalid_scope", "this client may not ask for that scope");
    }
    let challenge = match check_challenge(params, client.secret.is_none()) {
        Ok(challenge) => challenge,
        Err(description) => return refuse("invalid_request", description),
    };
    Ok(Asked {
        client: client.clone(),
        redirect_uri,
        scope,
        state,
        nonce: params.find_owned("nonce"),
        challenge,
        login_hint: params.find_owned("login_hint"),
    })
}

/// PKCE (RFC 7636 §4.3) with S256 only; `plain` protects nothing once the request is seen.
fn check_challenge(params: &Params, public: bool) -> Result<Option<String>, &'static str> {
    let Some(challenge) = params.find_owned("code_challenge") else {
        return if public { Err("a public client must send a code_challenge (PKCE)") } else { Ok(None) };
    };
    if params.find("code_challenge_method") != Some("S256") {
        return Err("code_challenge_method must be S256");
    }
    let is_hash =
        challenge.len() == 43 && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_hash { Ok(Some(challenge)) } else { Err("code_challenge must be the base64url of a SHA-256") }
}

fn refused(redirect_uri: &str, state: Option<String>, code: &'static str, description: &'static str) -> AuthorizeError {
    AuthorizeError::Redirect { redirect_uri: redirect_uri.to_owned(), state, code, description }
}

/// Sends the browser back to the client with a new code.
pub(crate) fn granted(provider: &Provider, asked: Asked, session: Session) -> Response {
    let (redirect_uri, state) = (asked.redirect_uri.clone(), asked.state.clone());
    let code = provider.issue_code(asked, session);
    send(provider, &redirect_uri, state.as_deref(), &[("code", &code)])
}

/// Sends the browser to a checked address, with `state` and `iss` (RFC 9207) beside `pairs`.
fn send(provider: &Provider, redirect_uri: &str, state: Option<&str>, pairs: &[(&str, &str)]) -> Response {
    let Ok(mut target) = Url::parse(redirect_uri) else {
        return pages::refusal("The redirect_uri is not an address.");
    };
    {
        let mut query = target.query_pairs_mut();
        query.extend_pairs(pairs);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &provider.issuer);
    }
    ([("cache-control", "no-store")], Redirect::to(target.as_str())).into_response()
}
