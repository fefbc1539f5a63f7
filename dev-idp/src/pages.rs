//! The pages a person sees, and the headers that keep scripts, frames and caches away from them.

use askama::Template;
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use crate::Person;

/// The login form.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage<'a> {
    pub(crate) client: &'a str,
    pub(crate) login: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) name: &'a str,
    pub(crate) failed: bool,
    pub(crate) people: &'a [Person],
}

/// The question whether to log out.
#[derive(Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage<'a> {
    pub(crate) logout: &'a str,
    pub(crate) csrf: &'a str,
    pub(crate) name: Option<&'a str>,
}

/// Anything that only needs to be said.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
}

/// Answers with a page whose forms may lead to this provider and, by redirect, to `target`.
pub(crate) fn page(status: StatusCode, template: &impl Template, target: Option<&str>) -> Response {
    let Ok(body) = template.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = (status, Html(body)).into_response();
    protect(response.headers_mut(), target.and_then(origin).as_deref());
    response
}

/// A page that says why a request was refused.
pub(crate) fn refusal(text: &str) -> Response {
    page(StatusCode::BAD_REQUEST, &MessagePage { title: "This request cannot be answered", text }, None)
}

fn origin(target: &str) -> Option<String> {
    let origin = url::Url::parse(target).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

fn protect(headers: &mut HeaderMap, target: Option<&str>) {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{}{}; frame-ancestors 'none'; base-uri 'none'",
        if target.is_some() { " " } else { "" },
        target.unwrap_or_default(),
    );
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then post forms with `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

pub(crate) async fn stylesheet() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")],
        include_str!("../static/style.css"),
    )
}
