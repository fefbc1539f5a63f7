//! Request targets: origin form and nothing else (RFC 9112 §3.2, RFC 9113 §8.3.1).

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, Request, Version, header};
use wire::problem::{MEDIA_TYPE, ProblemDocument, ProblemKind};

/// Whether the target is a path with an optional query: in HTTP/1.1 as it stands in the request line, in HTTP/2 the
/// `:path`.
pub(super) fn is_origin_form<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    let absolute = uri.scheme().is_some() || uri.authority().is_some();
    request.method() != Method::CONNECT
        && uri.path().starts_with('/')
        // HTTP/2 has scheme and authority in fields of their own.
        && (request.version() == Version::HTTP_2 || !absolute)
}

/// The answer to any other form.
pub(super) fn refusal() -> Response {
    let kind = ProblemKind::InvalidRequest;
    let mut problem = ProblemDocument::new(kind);
    problem.detail = Some("the request target must be a path, with a query or without".to_owned());
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let media_type = HeaderValue::from_static(MEDIA_TYPE);
    (kind.status(), [(header::CONTENT_TYPE, media_type)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, version: Version, uri: &str) -> Request<()> {
        Request::builder().method(method).version(version).uri(uri).body(()).unwrap()
    }

    #[test]
    fn accepts_a_path_with_and_without_a_query() {
        assert!(is_origin_form(&request(Method::GET, Version::HTTP_11, "/")));
        assert!(is_origin_form(&request(Method::GET, Version::HTTP_11, "/v1/balance?x=%20")));
        assert!(is_origin_form(&request(Method::GET, Version::HTTP_2, "https://target/v1/balance")));
    }

    #[test]
    fn refuses_every_other_form() {
        for (method, version, uri) in [
            (Method::GET, Version::HTTP_11, "http://target/v1/balance"),
            (Method::GET, Version::HTTP_11, "*"),
            (Method::OPTIONS, Version::HTTP_11, "*"),
            (Method::CONNECT, Version::HTTP_11, "target:443"),
            (Method::GET, Version::HTTP_11, "target:443"),
            (Method::CONNECT, Version::HTTP_2, "https://target/"),
        ] {
            assert!(!is_origin_form(&request(method, version, uri)), "{uri}");
        }
    }
}
