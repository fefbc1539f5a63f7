//! What stands around every router: trace, metrics, panics caught, 404 and 405 as problems.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use tower_http::catch_panic::CatchPanicLayer;

use crate::process::Process;
use crate::{problem, trace};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone)]
struct RequestMetrics {
    requests: Family<Labels, Counter>,
    seconds: Histogram,
}

impl RequestMetrics {
    fn new(process: &Process) -> Self {
        let buckets = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let metrics = &process.metrics;
        Self {
            requests: metrics.register("requests", "Requests answered", Family::default()),
            seconds: metrics.register("request_seconds", "Time until the answer's head", Histogram::new(buckets)),
        }
    }
}

/// Puts the common layers around a finished router. Call it once a process: the metrics it registers have fixed names.
///
/// The router needs no fallback of its own; one that has (a proxy) keeps it when it calls [`layers`] instead.
pub fn wrap(router: Router, process: &Process) -> Router {
    layers(problem::fallbacks(router), process)
}

/// The same without the fallbacks.
pub fn layers(router: Router, process: &Process) -> Router {
    router
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(RequestMetrics::new(process), measure))
        .layer(middleware::from_fn_with_state(process.name.clone(), trace::requests))
}

async fn measure(State(metrics): State<RequestMetrics>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = method_label(request.method());
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let elapsed = begun.elapsed();
    log(response.status(), elapsed.as_micros());
    metrics.seconds.observe(elapsed.as_secs_f64());
    metrics.requests.get_or_create(&Labels { method, route, status: response.status().as_u16() }).inc();
    response
}

fn log(status: StatusCode, micros: u128) {
    tracing::info!(status = status.as_u16(), micros = u64::try_from(micros).unwrap_or(u64::MAX), "answered");
}

/// A peer chooses the method, so a label for each would let it fill the memory.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::SystemClock;

    async fn ask(method: &str, path: &str) -> (Response, Process) {
        async fn boom() {
            panic!("s3cret");
        }
        let process = Process::new(Arc::new(SystemClock));
        let router = Router::new().route("/", get(async || "hello")).route("/boom", get(boom));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        (wrap(router, &process).oneshot(request).await.unwrap(), process)
    }

    async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_unknown_path_is_a_problem() {
        let (response, _) = ask("GET", "/nowhere?token=s3cret").await;
        assert_eq!(response.status(), 404);
        insta::assert_snapshot!(
            text(response).await,
            @r#"{"type":"urn:x-dasvid:problem:not-found","title":"There is nothing here","status":404}"#
        );
    }

    #[tokio::test]
    async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
        let (response, _) = ask("POST", "/").await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET,HEAD");
        assert!(text(response).await.contains("urn:x-dasvid:problem:method-not-allowed"));
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_problem_that_says_nothing() {
        let (response, process) = ask("GET", "/boom").await;
        assert_eq!(response.status(), 500);
        assert!(!text(response).await.contains("s3cret"));
        assert!(
            process.metrics.encode().contains(r#"dasvid_requests_total{method="GET",route="/boom",status="500"} 1"#)
        );
    }

    #[tokio::test]
    async fn invented_methods_share_one_label() {
        let (_, process) = ask("XYZZY", "/nowhere").await;
        assert!(process.metrics.encode().contains(r#"method="other",route="other",status="404""#));
    }
}
