//! Forms that must not be taken.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::post;
use axum::{Router, body::Bytes};
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Asked {
    token: String,
    nonce: Option<String>,
}

async fn send(request: Request<Body>) -> (StatusCode, Bytes) {
    async fn take(Form(asked): Form<Asked>) -> String {
        asked.token
    }
    let response: Response = Router::new().route("/", post(take)).oneshot(request).await.unwrap();
    let status = response.status();
    (status, response.into_body().collect().await.unwrap().to_bytes())
}

fn form(body: impl Into<Body>) -> Request<Body> {
    Request::post("/").header("content-type", MEDIA_TYPE).body(body.into()).unwrap()
}

#[tokio::test]
async fn takes_a_form_with_a_charset() {
    let mut request = form("token=a%2Bb+c&nonce=");
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded; charset=UTF-8".parse().unwrap());
    let (status, body) = send(request).await;
    assert_eq!((status, body.as_ref()), (StatusCode::OK, b"a+b c".as_slice()));
}

#[test]
fn a_parameter_without_a_value_counts_as_left_out() {
    assert_eq!(parse::<Asked>(b"token=t&nonce=").unwrap(), Asked { token: "t".into(), nonce: None });
    assert_eq!(parse::<Asked>(b"token=&nonce=n"), Err(FormError::Missing("token".into())));
}

#[test]
fn refuses_a_repeated_parameter_also_when_empty_or_escaped() {
    for form in ["token=a&token=b", "token=a&token=", "token=a&%74oken=b", "token&token=a"] {
        assert_eq!(parse::<Asked>(form.as_bytes()), Err(FormError::Repeated), "{form}");
    }
}

#[test]
fn refuses_broken_percent_encoding_and_utf8() {
    for form in ["token=%", "token=%4", "token=%zz", "token=%ff", "%=a"] {
        assert_eq!(parse::<Asked>(form.as_bytes()), Err(FormError::Encoding), "{form}");
    }
}

#[tokio::test]
async fn refuses_a_token_in_the_url_and_does_not_repeat_it() {
    let mut request = form("token=t");
    *request.uri_mut() = "/?token=s3cret".parse().unwrap();
    let (status, body) = send(request).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let body = std::str::from_utf8(&body).unwrap();
    assert!(!body.contains("s3cret"), "{body}");
    assert!(body.contains("not into the URL"), "{body}");
}

#[tokio::test]
async fn a_get_with_a_token_is_405() {
    let (status, _) = send(Request::get("/?token=s3cret").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn refuses_another_content_type() {
    for declared in ["application/json", "text/plain", "multipart/form-data; boundary=x", ""] {
        let mut request = form("token=t");
        request.headers_mut().insert("content-type", declared.parse().unwrap());
        assert_eq!(send(request).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{declared}");
    }
}

#[tokio::test]
async fn refuses_two_content_types_and_content_encodings() {
    let mut twice = form("token=t");
    twice.headers_mut().append("content-type", MEDIA_TYPE.parse().unwrap());
    assert_eq!(send(twice).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let mut encoded = form("token=t");
    encoded.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(send(encoded).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn refuses_a_body_over_the_limit() {
    let (status, _) = send(form(format!("token={}", "a".repeat(body::LIMIT)))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let (status, _) = send(form(format!("token={}", "a".repeat(body::LIMIT - 6)))).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn answers_with_the_members_of_oauth_too() {
    let (_, body) = send(form("nonce=n")).await;
    insta::assert_snapshot!(
        std::str::from_utf8(&body).unwrap(),
        @r#"{"type":"urn:x-dasvid:problem:invalid-request","title":"The request is malformed","status":400,"detail":"the parameter token is required","error":"invalid_request","error_description":"the parameter token is required"}"#
    );
}
