//! The bytes and fields of problems.

use std::fmt::Write;

use http_body_util::BodyExt;
use thiserror::Error;

use super::*;

#[derive(Debug, Error)]
enum Fault {
    #[error("link 2 is wrong")]
    Chain,
    #[error("the password of the database is hunter2")]
    Database,
    #[error("slow down")]
    Rate,
    #[error("no such client")]
    Oauth,
}

impl Problem for Fault {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Chain => ProblemKind::InvalidChain,
            Self::Database => ProblemKind::Internal,
            Self::Rate => ProblemKind::RateLimited,
            Self::Oauth => ProblemKind::InvalidRequest,
        }
    }

    fn culprit(&self) -> Option<String> {
        matches!(self, Self::Chain).then(|| "spiffe://bank.example/target-wl".to_owned())
    }

    fn retry_after(&self) -> Duration {
        Duration::from_millis(100)
    }

    fn is_oauth(&self) -> bool {
        matches!(self, Self::Oauth)
    }
}

async fn wire(fault: Fault) -> String {
    let response = Rejected(fault).into_response();
    let mut text = format!("{}\n", response.status().as_u16());
    for (name, value) in response.headers() {
        writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    text + std::str::from_utf8(&body).unwrap()
}

#[tokio::test]
async fn a_401_challenges_and_names_the_culprit() {
    insta::assert_snapshot!(wire(Fault::Chain).await, @r#"
    401
    content-type: application/problem+json
    cache-control: no-store
    www-authenticate: DA-SVID error="invalid-chain"
    {"type":"urn:x-dasvid:problem:invalid-chain","title":"The chain is not valid","status":401,"detail":"link 2 is wrong","culprit":"spiffe://bank.example/target-wl"}
    "#);
}

#[tokio::test]
async fn a_500_explains_nothing() {
    insta::assert_snapshot!(wire(Fault::Database).await, @r#"
    500
    content-type: application/problem+json
    cache-control: no-store
    {"type":"urn:x-dasvid:problem:internal","title":"Something went wrong here","status":500}
    "#);
}

#[tokio::test]
async fn a_429_says_when_to_come_back_in_whole_seconds() {
    insta::assert_snapshot!(wire(Fault::Rate).await, @r#"
    429
    content-type: application/problem+json
    cache-control: no-store
    retry-after: 1
    {"type":"urn:x-dasvid:problem:rate-limited","title":"Too many requests","status":429,"detail":"slow down"}
    "#);
}

#[tokio::test]
async fn an_oauth_endpoint_answers_in_oauths_members_too() {
    insta::assert_snapshot!(wire(Fault::Oauth).await, @r#"
    400
    content-type: application/problem+json
    cache-control: no-store
    {"type":"urn:x-dasvid:problem:invalid-request","title":"The request is malformed","status":400,"detail":"no such client","error":"invalid_request","error_description":"no such client"}
    "#);
}

#[test]
fn a_503_says_when_to_come_back() {
    let response = plain(ProblemKind::Unavailable, Some("never shown"));
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}
