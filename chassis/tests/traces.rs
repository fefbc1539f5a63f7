//! Spans on their way to a collector that is silent, gone and back again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use axum::routing::get;
use chassis::config::TelemetrySettings;
use chassis::traces::Traces;
use chassis::{Process, SystemClock, service, telemetry};
use dev_traces::DevTraces;
use http_body_util::BodyExt;
use mesh::Peer;
use spiffe::SpiffeId;
use tokio::net::TcpListener;
use tower::ServiceExt;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// How often a text occurs.
    fn count(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches(text).count()
    }
}

/// Answers with the `traceparent` it has for what follows.
fn workload() -> Router {
    let parent = |headers: &HeaderMap| headers.get("traceparent").unwrap().to_str().unwrap().to_owned();
    let echo = async move |headers: HeaderMap| parent(&headers);
    let inner = async move |mut headers: HeaderMap| {
        let _span = chassis::span!("test.step", dasvid.rule = "time", secret = "s3cret").entered();
        tracing::info!(dpr = "s3cret", "a line");
        chassis::trace::carry(&mut headers);
        parent(&headers)
    };
    let router = Router::new().route("/", get(echo)).route("/inner", get(inner)).route("/keys", get(echo));
    let process = Process { name: "test-wl".into(), ..Process::new(Arc::new(SystemClock)) };
    service::wrap(router, &process)
}

async fn ask(router: &Router, path: &str, parent: Option<&str>, has_identity: bool) -> String {
    let mut request = Request::get(path);
    if let Some(parent) = parent {
        request = request.header("traceparent", parent);
    }
    if has_identity {
        let id = SpiffeId::new("spiffe://bank.example/middle-tier").unwrap();
        request = request.extension(Peer { id, x5t: [0; 32], addr: "127.0.0.1:1".parse().unwrap() });
    }
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn parts(parent: &str) -> [&str; 3] {
    let parts: Vec<_> = parent.split('-').skip(1).collect();
    parts.try_into().unwrap()
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

// One test, for the subscriber is one a process.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_silent_or_gone_costs_nothing_and_gets_what_follows() {
    mesh::install_crypto();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let log = Log::default();
    let endpoint = format!("http://{address}/v1/traces").parse().unwrap();
    let traces = Traces::start(&TelemetrySettings::default(), &endpoint).unwrap();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(log.clone());
    let lines = lines.with_filter(telemetry::parse("info").unwrap());
    tracing_subscriber::registry().with(lines).with(traces.layer()).init();
    let router = workload();

    // A trace is continued for a peer, begun anew for anybody else, and routine is not recorded.
    let [trace, span, flags] = parts(GIVEN);
    let continued = ask(&router, "/", Some(GIVEN), true).await;
    assert!(parts(&continued)[0] == trace && parts(&continued)[1] != span && parts(&continued)[2] == flags);
    let begun = ask(&router, "/", Some(GIVEN), false).await;
    assert!(parts(&begun)[0] != trace && parts(&begun)[2] == "01", "{begun}");
    let unsampled = format!("00-{trace}-{span}-00");
    assert_eq!(parts(&ask(&router, "/", Some(&unsampled), true).await)[2], "00");
    assert_eq!(parts(&ask(&router, "/keys", None, true).await)[2], "00");
    assert_eq!(parts(&ask(&router, "/keys", Some(GIVEN), true).await)[2], "01");

    // Far more spans than may wait, while the collector says nothing.
    let quick = Instant::now();
    for _ in 0..6000 {
        ask(&router, "/inner", None, true).await;
    }
    assert!(quick.elapsed() < Duration::from_secs(30), "{:?}", quick.elapsed());

    // Gone: said once, however many batches are lost.
    drop(silent);
    until("the loss is logged", || log.count("traces cannot be delivered") > 0).await;
    for _ in 0..4 {
        ask(&router, "/inner", None, true).await;
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
    assert_eq!(log.count("traces cannot be delivered"), 1);

    // Back: what follows arrives.
    let collector = DevTraces::start(address).await.unwrap();
    let last = ask(&router, "/inner", Some(GIVEN), true).await;
    until("the last trace arrives", || collector.traces().iter().any(|found| found.id == trace)).await;
    let found = collector.traces().into_iter().find(|found| found.id == trace).unwrap();
    let step = found.spans.iter().find(|span| span.name == "test-wl.test.step").unwrap();
    assert_eq!((step.service.as_str(), step.attribute("dasvid.rule")), ("test-wl", Some("time")));
    assert_eq!(parts(&last)[1], step.id, "what follows has the step as its parent");
    assert_eq!(found.parent(step).unwrap().name, "test-wl.service.answer");
    assert!(!format!("{found:?}").contains("s3cret"), "{found:?}");
    assert_eq!(log.count("traces are delivered again"), 1);
    assert_eq!(log.count("test.step"), 0, "the log shows no spans that leave");
    traces.shut_down().await;
    collector.shutdown().await;
}
