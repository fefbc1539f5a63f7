//! What a collector of traces is told of a story.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use chassis::config::TelemetrySettings;
use chassis::traces::Traces;
use dev_traces::{DevTraces, Trace};
use reqwest::{Client, header};

/// Keeps every byte, and shows it to a receiver that understands it.
pub(crate) struct Collector {
    shown: DevTraces,
    seen: Arc<Mutex<Vec<u8>>>,
    traces: Traces,
}

#[derive(Clone)]
struct Tap {
    seen: Arc<Mutex<Vec<u8>>>,
    http: Client,
    url: String,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        mesh::install_crypto();
        let shown = DevTraces::start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        let http = mesh::web::client(mesh::web::WebSettings::default()).unwrap();
        let tap = Tap { seen: seen.clone(), http, url: format!("http://{}/v1/traces", shown.addr) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(receive)).with_state(tap);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let traces = Traces::start(&TelemetrySettings::default(), &endpoint.parse().unwrap()).unwrap();
        Self { shown, seen, traces }
    }

    pub(crate) fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Every trace, and every byte as text, once all has arrived.
    pub(crate) async fn told(self) -> (Vec<Trace>, String) {
        self.traces.shut_down().await;
        let bytes = self.seen.lock().unwrap().clone();
        (self.shown.traces(), String::from_utf8_lossy(&bytes).into_owned())
    }
}

async fn receive(State(tap): State<Tap>, body: Bytes) -> StatusCode {
    tap.seen.lock().unwrap().extend_from_slice(&body);
    let request = tap.http.post(&tap.url).header(header::CONTENT_TYPE, "application/x-protobuf").body(body);
    request.send().await.unwrap().status()
}

/// A page that needs a new DA-SVID goes through five services, each under the one that asked it.
pub(crate) fn one_request_is_one_trace(traces: &[Trace]) {
    let has = |trace: &Trace, name: &str| trace.spans.iter().any(|span| span.name == name);
    let of_a_page = |trace: &&Trace| {
        let is_page = trace.root().is_some_and(|root| root.attribute("url.path") == Some("/account"));
        is_page && has(trace, "asserting-wl.minting.record") && has(trace, "target-wl.bank.read")
    };
    let trace = traces.iter().find(of_a_page).expect("a trace of the page through five services");
    let across = trace.spans.iter().filter_map(|span| {
        let parent = trace.parent(span)?;
        (parent.service != span.service).then_some((parent.service.as_str(), span.service.as_str()))
    });
    let across: BTreeSet<_> = across.collect();
    for hop in [
        ("subject-wl", "asserting-wl"),
        ("subject-wl", "middle-tier-1"),
        ("middle-tier-1", "middle-tier-2"),
        ("middle-tier-2", "target-wl"),
        // Each hop has the proof of the OAuth signature made.
        ("middle-tier-1", "asserting-wl"),
        ("target-wl", "asserting-wl"),
    ] {
        assert!(across.contains(&hop), "{hop:?} is not among {across:?}");
    }
    for span in &trace.spans {
        assert!(span.name.starts_with(&format!("{}.", span.service)), "{span:?}");
        assert!(span.resource.iter().any(|(key, _)| key == "service.instance.id"), "{span:?}");
    }
    let names: BTreeSet<_> = trace.spans.iter().map(|span| span.name.as_str()).collect();
    for name in
        ["asserting-wl.oauth.verify", "asserting-wl.minting.record", "target-wl.gate.verify", "target-wl.bank.read"]
    {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

/// What verifiers ask of asserting-wl every second is no trace.
pub(crate) fn routine_is_not_recorded(traces: &[Trace]) {
    let path = |trace: &Trace| trace.root().and_then(|root| root.attribute("url.path").map(str::to_owned));
    let routine = traces.iter().filter_map(path).find(|path| path == "/revocations" || path == "/keys");
    assert_eq!(routine, None);
}
