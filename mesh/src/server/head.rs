//! Request heads: targets in origin form and nothing else (RFC 9112 §3.2, RFC 9113 §8.3.1), and one size limit for both
//! versions of HTTP.

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, Request, StatusCode, Version, header};
use wire::problem::{MEDIA_TYPE, ProblemDocument, ProblemKind};

/// What HTTP/2 adds to the bytes of each field (RFC 9113 §10.5.1).
const FIELD: usize = 32;

/// The answer to a head that must not reach a handler.
pub(super) fn refusal<B>(request: &Request<B>, max_header_list: usize) -> Option<Response> {
    if !is_origin_form(request) {
        return Some(not_a_path());
    }
    // In HTTP/2 the codec counts; in HTTP/1.1 it only bounds its buffer, which may hold more.
    if request.version() != Version::HTTP_2 && size(request) > max_header_list {
        return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response());
    }
    None
}

fn size<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or(0, |path| path.as_str().len() + FIELD);
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD);
    fields.sum::<usize>() + target
}

/// Whether the target is a path with an optional query: in HTTP/1.1 as it stands in the request line, in HTTP/2 the
/// `:path`.
fn is_origin_form<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    let absolute = uri.scheme().is_some() || uri.authority().is_some();
    request.method() != Method::CONNECT
        && uri.path().starts_with('/')
        // HTTP/2 has scheme and authority in fields of their own.
        && (request.version() == Version::HTTP_2 || !absolute)
}

fn not_a_path() -> Response {
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
    fn counts_the_target_and_every_field() {
        let mut request = request(Method::GET, Version::HTTP_11, "/1234");
        request.headers_mut().insert("x-a", HeaderValue::from_static("12"));
        assert_eq!(size(&request), 5 + 32 + 3 + 2 + 32);
        assert!(refusal(&request, 74).is_none());
        assert_eq!(refusal(&request, 73).unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
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
