//! What fails on the way, and what the client is told.

use std::time::{Duration, Instant};

use futures::SinkExt as _;
use http_body_util::BodyExt as _;
use token::Mode;
use wire::problem::ProblemKind;

use crate::streaming::{channel, data, next};
use crate::street::{Plan, SOON, Street, problem, text};

const BOTH: [(bool, bool); 2] = [(false, false), (true, true)];
const LAST: &str = "spiffe://bank.example/middle-tier-1";
const TARGET: &str = "spiffe://bank.example/target-wl";

async fn hasty(http1: (bool, bool)) -> Street {
    Street::new(Plan { http1, hops: 1, limits: (1 << 20, "600ms", "300ms"), ..Plan::default() }).await
}

#[tokio::test]
async fn slow_bodies_time_out() {
    for http1 in BOTH {
        let street = hasty(http1).await;
        let (mut sender, body) = channel();
        let request = street.head(Mode::Id, "POST", "/v1/deposits", b"first,second", &[]).map(|()| body);
        sender.send(data("first,")).await.unwrap();
        let start = Instant::now();
        let problem = problem(tokio::time::timeout(SOON, street.client.send(request)).await.unwrap().unwrap()).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::InvalidRequest, LAST), "{http1:?}");
        assert_eq!(problem.detail, "the body stalled: no byte for 600ms");
        assert!(start.elapsed() >= Duration::from_millis(600));
        assert_eq!(street.target.body().await, Err(()));
        street.close().await;
    }
}

#[tokio::test]
async fn a_silent_target_is_a_timeout() {
    for http1 in BOTH {
        let street = hasty(http1).await;
        let problem = problem(street.send(street.request(Mode::Id, "POST", "/v1/silent", "{}")).await).await;
        assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::UpstreamTimeout, TARGET));
        assert_eq!(problem.detail, "");
        street.close().await;
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_reached_has_failed() {
    let street = hasty((false, false)).await;
    street.stop_target().await;
    let problem = problem(street.send(street.request(Mode::Id, "GET", "/v1/balance", "")).await).await;
    assert_eq!((problem.kind, problem.culprit.as_str()), (ProblemKind::UpstreamFailed, TARGET));
    street.close().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_the_client() {
    for http1 in BOTH {
        let street = Street::new(Plan { http1, ..Plan::default() }).await;
        let mut response = street.send(street.request(Mode::Id, "GET", "/v1/half", "")).await;
        assert_eq!(next(&mut response).await, "first");
        let end = tokio::time::timeout(SOON, response.body_mut().frame()).await.unwrap();
        assert!(matches!(end, Some(Err(_))), "{http1:?}: {end:?}");
        street.close().await;
    }
}

#[tokio::test]
async fn an_answer_that_stalls_is_cut_off() {
    for http1 in BOTH {
        let street = hasty(http1).await;
        let mut response = street.send(street.request(Mode::Id, "GET", "/v1/stalled", "")).await;
        assert_eq!(next(&mut response).await, "first");
        let end = tokio::time::timeout(SOON, response.body_mut().frame()).await.unwrap();
        assert!(matches!(end, Some(Err(_))), "{http1:?}: {end:?}");
        street.close().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along() {
    for http1 in BOTH {
        let street = Street::new(Plan { http1, ..Plan::default() }).await;
        let (mut sender, body) = channel();
        let request = street.head(Mode::Id, "POST", "/v1/deposits", b"first,second", &[]).map(|()| body);
        sender.send(data("first,")).await.unwrap();
        let client = street.client.clone();
        let asking = tokio::spawn(async move { client.send(request).await.map(drop) });
        while street.target.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        asking.abort();
        drop(sender.send(Err(std::io::Error::other("gone"))).await);
        assert_eq!(street.target.body().await, Err(()), "{http1:?}");
        street.close().await;
    }
}

#[tokio::test]
async fn a_problem_of_the_target_passes_unchanged() {
    let street = Street::usual().await;
    let response = street.send(street.request(Mode::Id, "GET", "/v1/problem", "")).await;
    assert_eq!(response.status(), 409);
    assert_eq!(
        text(response).await,
        r#"{"type":"urn:x-dasvid:problem:conflict","title":"x","status":409,"culprit":"spiffe://bank.example/target-wl"}"#
    );
    street.close().await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_reaches_the_client() {
    for http1 in BOTH {
        let street = Street::new(Plan { http1, ..Plan::default() }).await;
        let (mut sender, body) = channel();
        let request = street.head(Mode::Id, "POST", "/v1/early", b"first,second", &[]).map(|()| body);
        sender.send(data("first,")).await.unwrap();
        let response = tokio::time::timeout(SOON, street.client.send(request)).await.unwrap().unwrap();
        assert_eq!(response.status(), 403, "{http1:?}");
        street.close().await;
    }
}

#[tokio::test]
async fn an_answer_loses_what_belongs_to_one_connection() {
    let street = Street::new(Plan { http1: (true, true), ..Plan::default() }).await;
    let response = street.send(street.request(Mode::Id, "GET", "/v1/hop-headers", "")).await;
    assert_eq!(response.headers()["x-kept"], "1");
    for name in ["keep-alive", "proxy-connection", "da-svid"] {
        assert!(!response.headers().contains_key(name), "{name}");
    }
    street.close().await;
}

#[tokio::test]
async fn a_hop_whose_identity_is_gone_is_unavailable_and_comes_back() {
    let street = Street::usual().await;
    assert_eq!(street.send(street.request(Mode::Id, "GET", "/v1/balance", "")).await.status(), 200);
    street.spire.withdraw(&crate::keys::id("middle-tier-2"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let problem = problem(street.send(street.request(Mode::Id, "GET", "/v1/balance", "")).await).await;
    assert!(matches!(problem.kind, ProblemKind::UpstreamFailed | ProblemKind::UpstreamTimeout), "{problem:?}");
    assert_eq!(problem.culprit, "spiffe://bank.example/middle-tier-2");
    street.spire.restore(&crate::keys::id("middle-tier-2"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(street.send(street.request(Mode::Id, "GET", "/v1/balance", "")).await.status(), 200);
    street.close().await;
}
