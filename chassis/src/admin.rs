//! The listener for whoever runs the process: `/healthz`, `/readyz`, `/metrics`, and `/log` from this machine only.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use wire::problem::ProblemKind;

use crate::metrics::{self, Metrics};
use crate::problem::{fallbacks, plain};
use crate::readiness::Readiness;
use crate::telemetry::Log;

/// What the admin listener shows.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Whether the process takes traffic.
    pub ready: Readiness,
    /// Its metrics.
    pub metrics: Metrics,
    /// Its log, if the filter may be changed.
    pub log: Option<Log>,
}

/// The routes of the admin listener. Serve it with connect info, which `/log` needs.
pub fn router(admin: Admin) -> Router {
    let routes = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/log", get(show_log).put(change_log))
        .layer(DefaultBodyLimit::max(1024))
        .with_state(admin);
    fallbacks(routes)
}

/// Serves `admin` until `stop`.
///
/// # Errors
/// The listener broke.
pub fn serve(
    listener: TcpListener,
    admin: Admin,
    stop: CancellationToken,
) -> impl Future<Output = io::Result<()>> + Send {
    let app = router(admin).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).into_future()
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let waiting = admin.ready.waiting_for();
    if waiting.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("waiting for {}\n", waiting.join(", "))).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], admin.metrics.encode()).into_response()
}

async fn show_log(ConnectInfo(from): ConnectInfo<SocketAddr>, State(admin): State<Admin>) -> Response {
    match admin.log.filter(|_| from.ip().is_loopback()) {
        Some(log) => format!("{}\n", log.filter()).into_response(),
        None => plain(ProblemKind::NotPermitted, Some("/log answers this machine only")),
    }
}

async fn change_log(
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    State(admin): State<Admin>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A page in a browser on this machine may send requests too; it always says where it is from.
    let is_browser = headers.contains_key(header::ORIGIN);
    let Some(log) = admin.log.filter(|_| from.ip().is_loopback() && !is_browser) else {
        return plain(ProblemKind::NotPermitted, Some("/log answers this machine only"));
    };
    let Ok(filter) = std::str::from_utf8(&body) else {
        return plain(ProblemKind::InvalidRequest, Some("the filter is not UTF-8"));
    };
    match log.set_filter(filter.trim()) {
        Ok(()) => {
            tracing::info!(filter = filter.trim(), "the log filter was changed");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => plain(ProblemKind::InvalidRequest, Some(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(admin: &Admin, from: &str, request: axum::http::request::Builder) -> (StatusCode, String) {
        let from: SocketAddr = from.parse().unwrap();
        let request = request.extension(ConnectInfo(from)).body(Body::from("debug")).unwrap();
        let response = router(admin.clone()).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn admin() -> Admin {
        Admin { ready: Readiness::default(), metrics: Metrics::default(), log: None }
    }

    #[tokio::test]
    async fn readyz_says_what_the_process_waits_for() {
        let admin = admin();
        let keys = admin.ready.guard("keys");
        let identity = admin.ready.guard("identity");
        let (status, text) = ask(&admin, "127.0.0.1:1", Request::get("/readyz")).await;
        assert_eq!((status, text.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "waiting for identity, keys\n"));
        assert_eq!(ask(&admin, "127.0.0.1:1", Request::get("/healthz")).await.0, StatusCode::OK);
        drop(keys);
        drop(identity);
        assert_eq!(ask(&admin, "127.0.0.1:1", Request::get("/readyz")).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn the_log_is_for_this_machine_only_wherever_the_listener_is() {
        let admin = Admin { log: Some(Log::for_tests()), ..admin() };
        for from in ["192.0.2.1:1", "10.0.0.1:1", "[::ffff:192.0.2.1]:1", "[2001:db8::1]:1", "[fe80::1]:1"] {
            for request in [Request::get("/log"), Request::put("/log")] {
                assert_eq!(ask(&admin, from, request).await.0, StatusCode::FORBIDDEN, "{from}");
            }
            assert_eq!(ask(&admin, from, Request::get("/metrics")).await.0, StatusCode::OK, "{from}");
        }
        assert_eq!(ask(&admin, "127.0.0.1:1", Request::get("/log")).await.1.lines().count(), 1);
        assert_eq!(ask(&admin, "127.0.0.1:1", Request::put("/log")).await.0, StatusCode::NO_CONTENT);
        assert!(ask(&admin, "127.0.0.1:1", Request::get("/log")).await.1.contains("debug"));
    }

    #[tokio::test]
    async fn the_log_is_not_for_browsers() {
        let admin = Admin { log: Some(Log::for_tests()), ..admin() };
        let request = Request::put("/log").header("origin", "http://x");
        assert_eq!(ask(&admin, "127.0.0.1:1", request).await.0, StatusCode::FORBIDDEN);
    }

    #[tokio::test]
    async fn metrics_are_in_the_text_format() {
        let (status, text) = ask(&admin(), "127.0.0.1:1", Request::get("/metrics")).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, "# EOF\n"));
    }
}
