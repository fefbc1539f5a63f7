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
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tower_http::catch_panic::CatchPanicLayer;
use wire::problem::ProblemKind;

use crate::problem;
use crate::process::Process;
use crate::trace::{self, Tracing};

/// Bounds of the buckets of a request's time, seconds.
const BUCKETS: [f64; 14] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: String,
    status: u16,
    /// The kind of problem it was answered with, or `none`.
    problem: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

/// The route of an answer, put among its extensions by a service whose router does not know it. One of a closed list.
#[derive(Clone, Debug)]
pub struct RouteName(pub String);

#[derive(Clone)]
struct RequestMetrics {
    requests: Family<Labels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    in_flight: Gauge,
}

impl RequestMetrics {
    fn new(process: &Process) -> Self {
        let metrics = &process.metrics;
        let seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        Self {
            requests: metrics.register(
                "requests",
                "Requests answered, by status and kind of problem",
                Family::default(),
            ),
            seconds: metrics.register("request_seconds", "Time from a request's head to its answer's head", seconds),
            in_flight: metrics.register("requests_in_flight", "Requests whose answer has not begun", Gauge::default()),
        }
    }
}

/// One request in flight, for as long as it lives: a client that leaves drops it too.
struct InFlight(Gauge);

impl InFlight {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
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
    let tracing = Tracing { workload: process.name.clone(), parents: process.parents };
    router
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(RequestMetrics::new(process), measure))
        .layer(middleware::from_fn_with_state(tracing, trace::requests))
}

async fn measure(State(metrics): State<RequestMetrics>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let _in_flight = InFlight::new(&metrics.in_flight);
    let method = method_label(request.method());
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    let elapsed = begun.elapsed();
    log(response.status(), elapsed.as_micros());
    let named = || response.extensions().get::<RouteName>().map(|name| name.0.clone());
    let route = matched.or_else(named).unwrap_or_else(|| "other".to_owned());
    let problem = response.extensions().get::<ProblemKind>().map_or("none", |kind| kind.slug());
    let labels = RouteLabels { method, route: route.clone() };
    metrics.seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
    let labels = Labels { method, route, status: response.status().as_u16(), problem };
    metrics.requests.get_or_create(&labels).inc();
    response
}

fn log(status: StatusCode, micros: u128) {
    tracing::info!(status = status.as_u16(), micros = u64::try_from(micros).unwrap_or(u64::MAX), "answered");
}

/// A peer chooses the method, so a label for each would let it fill the memory.
pub(crate) fn method_label(method: &Method) -> &'static str {
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

    use axum::Extension;
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
        let counted = r#"dasvid_requests_total{method="GET",route="/boom",status="500",problem="internal"} 1"#;
        assert!(process.metrics.encode().contains(counted));
    }

    #[tokio::test]
    async fn a_request_is_timed_by_route_and_no_longer_in_flight() {
        let (_, process) = ask("GET", "/").await;
        let metrics = process.metrics.encode();
        assert!(metrics.contains(r#"dasvid_request_seconds_count{method="GET",route="/"} 1"#), "{metrics}");
        assert!(metrics.contains(r#"status="200",problem="none"} 1"#), "{metrics}");
        assert!(metrics.contains("dasvid_requests_in_flight 0"), "{metrics}");
    }

    #[tokio::test]
    async fn a_service_may_name_the_route_of_an_answer() {
        let process = Process::new(Arc::new(SystemClock));
        let router = Router::new().fallback(async || Extension(RouteName("/v1/*".to_owned())));
        let request = Request::builder().uri("/v1/balance").body(Body::empty()).unwrap();
        layers(router, &process).oneshot(request).await.unwrap();
        assert!(process.metrics.encode().contains(r#"dasvid_request_seconds_count{method="GET",route="/v1/*"} 1"#));
    }

    #[tokio::test]
    async fn invented_methods_share_one_label() {
        let (_, process) = ask("XYZZY", "/nowhere").await;
        assert!(process.metrics.encode().contains(r#"method="other",route="other",status="404""#));
    }
}
