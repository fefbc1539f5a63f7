//! The end-session endpoint (OpenID Connect RP-Initiated Logout 1.0). Clients that want to are told before the browser
//! goes on.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use serde_json::Value;
use url::Url;

use crate::{
    cookie,
    login::SESSION,
    pages::{self, LogoutPage, MessagePage},
    params::Params,
    provider::Provider,
    redirect,
};

/// The cookie of a browser that is asked whether to log out.
const CONFIRM: &str = "dev_idp_logout";

pub(crate) async fn get(State(provider): State<Arc<Provider>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    answer(&provider, jar, query.unwrap_or_default().as_bytes()).await
}

pub(crate) async fn post(State(provider): State<Arc<Provider>>, jar: CookieJar, body: Bytes) -> Response {
    answer(&provider, jar, &body).await
}

async fn answer(provider: &Provider, jar: CookieJar, encoded: &[u8]) -> Response {
    let asked = match check(provider, encoded).await {
        Ok(asked) => asked,
        Err(text) => return pages::refusal(&text),
    };
    let session =
        jar.get(&cookie::named(SESSION, provider.port)).and_then(|cookie| provider.session_of_browser(cookie.value()));
    // The hint proves that the application holds this very login; without it, the person is asked.
    match (&asked.sid, &session) {
        (Some(sid), None) => finish(provider, jar, Some(sid), asked.next.as_deref()).await,
        (Some(sid), Some(session)) if *sid == session.sid => {
            finish(provider, jar, Some(sid), asked.next.as_deref()).await
        }
        _ => {
            let name = session.as_ref().map(|session| session.person.name.clone());
            confirm(provider, jar, session.map(|session| session.sid), name.as_deref(), asked.next)
        }
    }
}

/// A checked logout request.
struct Asked {
    sid: Option<String>,
    next: Option<String>,
}

async fn check(provider: &Provider, encoded: &[u8]) -> Result<Asked, String> {
    let params = Params::parse(encoded).map_err(|repeated| repeated.to_string())?;
    let hint = match params.find("id_token_hint") {
        // An expired hint is still a hint: whose login it was does not change.
        Some(token) => Some(hinted(provider, token).await.ok_or("The id_token_hint is not ours.")?),
        None => None,
    };
    let text = |name: &str| hint.as_ref().and_then(|claims| claims.get(name)).and_then(Value::as_str);
    let client_id = match (text("aud"), params.find("client_id")) {
        (Some(hinted), Some(named)) if hinted != named => return Err("The id_token_hint is another client's.".into()),
        (hinted, named) => hinted.or(named),
    };
    let client = client_id.and_then(|id| provider.client(id));
    let next = match params.find("post_logout_redirect_uri") {
        Some(uri) => {
            let known = client.is_some_and(|client| redirect::is_registered(&client.post_logout_redirect_uris, uri));
            if !known {
                return Err("The post_logout_redirect_uri is not registered for this client.".to_owned());
            }
            let mut next = Url::parse(uri).map_err(|_| "The post_logout_redirect_uri is not an address.")?;
            if let Some(state) = params.find("state") {
                next.query_pairs_mut().append_pair("state", state);
            }
            Some(next.to_string())
        }
        None => None,
    };
    Ok(Asked { sid: text("sid").map(str::to_owned), next })
}

/// The claims of an ID token of ours. In some shapes an access token has the same `typ`, but never an `at_hash`.
async fn hinted(provider: &Provider, token: &str) -> Option<Value> {
    let claims = provider.keys.verify(provider.settings.shape.id_typ(), token).await?;
    claims.get("at_hash").is_some().then_some(claims)
}

fn confirm(
    provider: &Provider,
    jar: CookieJar,
    sid: Option<String>,
    name: Option<&str>,
    next: Option<String>,
) -> Response {
    let (id, logout) = provider.open_logout(sid, next);
    let jar = jar.add(cookie::make(CONFIRM, provider.port, logout.browser.clone()));
    let template = LogoutPage { logout: &id, csrf: &logout.csrf, name };
    (jar, pages::page(StatusCode::OK, &template, logout.next.as_deref())).into_response()
}

/// Takes the answer of the confirmation page.
pub(crate) async fn confirmed(State(provider): State<Arc<Provider>>, jar: CookieJar, body: Bytes) -> Response {
    let Ok(params) = Params::parse(&body) else { return pages::refusal("The form has a field twice.") };
    let field = |name| params.find(name).unwrap_or_default();
    let browser = jar.get(&cookie::named(CONFIRM, provider.port)).map_or("", |cookie| cookie.value());
    let Some(logout) = provider.take_logout(field("logout"), browser, field("csrf")) else {
        return pages::refusal("This page is no longer valid. Go back to the application and log out again.");
    };
    let jar = jar.remove(cookie::gone(CONFIRM, provider.port));
    finish(&provider, jar, logout.sid.as_deref(), logout.next.as_deref()).await
}

async fn finish(provider: &Provider, jar: CookieJar, sid: Option<&str>, next: Option<&str>) -> Response {
    if let Some(sid) = sid {
        provider.log_out(sid).await;
    }
    let jar = jar.remove(cookie::gone(SESSION, provider.port));
    if let Some(next) = next {
        return (jar, [("cache-control", "no-store")], Redirect::to(next)).into_response();
    }
    let template = MessagePage { title: "Signed out", text: "You are signed out. You can close this page." };
    (jar, pages::page(StatusCode::OK, &template, None)).into_response()
}
