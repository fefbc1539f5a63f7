//! What holds at the front door for every request, and what every answer tells the browser.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use url::Url;

use crate::{front::Front, origin::Origin, pages};

/// The policy for pages: nothing but our own style sheet and our own forms, which may lead to the provider's logout.
pub(crate) fn content_policy(issuer: &str) -> HeaderValue {
    let provider = Url::parse(issuer).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {provider}; frame-ancestors 'none'; base-uri 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Middleware: the right host, no posts from elsewhere, no tokens from outside; and the browser's protections on.
pub(crate) async fn door(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    drop_inner_fields(request.headers_mut());
    let mut response = match check(&front.origin, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.answer(),
    };
    protect(&front, response.headers_mut());
    response
}

/// Why a request stops at the door.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    /// It was sent to another name of this server; a page can be asked for again at the right one.
    Elsewhere(Option<String>),
    /// It is a form that another site sent.
    CrossSite,
}

impl Refused {
    fn answer(self) -> Response {
        match self {
            Self::Elsewhere(Some(address)) => Redirect::temporary(&address).into_response(),
            Self::Elsewhere(None) => {
                pages::refusal(StatusCode::MISDIRECTED_REQUEST, "This server does not go by that name.")
            }
            Self::CrossSite => {
                tracing::warn!("a form from another site was refused");
                pages::refusal(StatusCode::FORBIDDEN, "This form came from another site. Nothing was done.")
            }
        }
    }
}

fn check(origin: &Origin, request: &Request) -> Result<(), Refused> {
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str().as_bytes()));
    if host != Some(origin.host().as_bytes()) {
        let address = is_page.then(|| origin.at(request.uri().path_and_query().map_or("/", |path| path.as_str())));
        return Err(Refused::Elsewhere(address));
    }
    if is_page || is_own(origin, request.headers()) { Ok(()) } else { Err(Refused::CrossSite) }
}

/// Whether the browser says that our own page sent this. A browser that says nothing is left to the form's secret.
fn is_own(origin: &Origin, headers: &HeaderMap) -> bool {
    let named = headers.get(header::ORIGIN).is_none_or(|from| from.as_bytes() == origin.as_str().as_bytes());
    let site = headers.get("sec-fetch-site").is_none_or(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
    named && site
}

/// A chain comes from this workload, never through its front door.
fn drop_inner_fields(headers: &mut HeaderMap) {
    let inner: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("da-svid")).cloned().collect();
    for name in inner {
        tracing::warn!(field = name.as_str(), "a field of the mesh came from a browser and was dropped");
        headers.remove(name);
    }
}

fn protect(front: &Front, headers: &mut HeaderMap) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: browsers would then post forms with `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, front.content_policy.clone());
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if front.origin.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn checked(method: &str, fields: &[(&str, &str)]) -> Result<(), Refused> {
        let mut request = Request::builder().method(method).uri("/deposit?x=1").header("host", "bank.example");
        for (name, value) in fields {
            if *name == "host" {
                request.headers_mut().unwrap().clear();
            }
            request = request.header(*name, *value);
        }
        check(&Origin::of(&"https://bank.example".parse().unwrap()), &request.body(Body::empty()).unwrap())
    }

    #[test]
    fn admits_our_own_forms_and_anybodys_links() {
        for fields in [
            &[][..],
            &[("origin", "https://bank.example")],
            &[("origin", "https://bank.example"), ("sec-fetch-site", "same-origin")],
        ] {
            assert_eq!(checked("POST", fields), Ok(()), "{fields:?}");
        }
        assert_eq!(checked("GET", &[("sec-fetch-site", "cross-site")]), Ok(()));
    }

    #[test]
    fn refuses_a_form_of_another_site() {
        for fields in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "http://bank.example")],
            &[("origin", "https://bank.example:8443")],
            &[("sec-fetch-site", "cross-site")],
            &[("origin", "https://bank.example"), ("sec-fetch-site", "same-site")],
        ] {
            assert_eq!(checked("POST", fields), Err(Refused::CrossSite), "{fields:?}");
        }
    }

    #[test]
    fn sends_a_page_asked_for_elsewhere_to_its_place() {
        let there = Some("https://bank.example/deposit?x=1".to_owned());
        assert_eq!(checked("GET", &[("host", "evil.example")]), Err(Refused::Elsewhere(there)));
        assert_eq!(checked("POST", &[("host", "evil.example")]), Err(Refused::Elsewhere(None)));
    }

    #[test]
    fn drops_a_chain_that_comes_from_a_browser() {
        let mut headers = HeaderMap::new();
        for name in ["da-svid", "da-svid-certs", "da-svid-proof", "accept"] {
            headers.append(name, HeaderValue::from_static("x"));
            headers.append(name, HeaderValue::from_static("y"));
        }
        drop_inner_fields(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }

    #[test]
    fn names_only_the_origin_of_the_provider() {
        insta::assert_snapshot!(
            content_policy("https://idp.example/realms/bank").to_str().unwrap(),
            @"default-src 'none'; style-src 'self'; form-action 'self' https://idp.example; frame-ancestors 'none'; base-uri 'none'"
        );
    }
}
