//! The way to the collector: one resource a workload, over the HTTP client every other request goes through.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;
use url::Url;

use super::naming::owner;

/// The longest answer of a collector that is read, bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Posts to the collector. Exports run on a thread of their own; the sending runs on the process's runtime.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    http: reqwest::Client,
    runtime: Handle,
    /// What the log calls it: the address without what may be secret.
    name: Arc<str>,
    is_failing: Arc<AtomicBool>,
}

impl Collector {
    pub(super) fn new(http: reqwest::Client, runtime: Handle, endpoint: &Url) -> Self {
        let name = endpoint.origin().ascii_serialization().into();
        Self { http, runtime, name, is_failing: Arc::default() }
    }

    /// Says once that spans get lost, and once that they do no more.
    fn tell(&self, failure: Option<&str>) {
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        let collector = &*self.name;
        match failure {
            Some(failure) if !was_failing => {
                tracing::warn!(collector, "traces cannot be delivered: {failure}; requests do not wait for them");
            }
            None if was_failing => tracing::info!(collector, "traces are delivered again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(post(self.http.clone(), request)).await;
        let outcome = sent.unwrap_or_else(|ended| Err(ended.into()));
        match &outcome {
            Ok(response) if response.status().is_success() => self.tell(None),
            Ok(response) => self.tell(Some(&format!("it answers {}", response.status().as_u16()))),
            Err(error) => self.tell(Some(&cause(&**error))),
        }
        outcome
    }
}

async fn post(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let mut response = http.execute(reqwest::Request::try_from(request)?).await?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err("its answer is too long".into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response::builder().status(status).body(body.into())?)
}

/// The innermost reason, which has no URL in it.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Sends each span under the resource of its workload.
#[derive(Debug)]
pub(super) struct ByWorkload {
    collector: Collector,
    endpoint: String,
    instance: Vec<KeyValue>,
    exporters: Mutex<BTreeMap<String, Arc<opentelemetry_otlp::SpanExporter>>>,
}

impl ByWorkload {
    pub(super) fn new(collector: Collector, endpoint: &Url) -> Self {
        Self { collector, endpoint: endpoint.to_string(), instance: instance(), exporters: Mutex::default() }
    }

    fn exporter(&self, workload: &str) -> Result<Arc<opentelemetry_otlp::SpanExporter>, OTelSdkError> {
        let mut exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = exporters.get(workload) {
            return Ok(Arc::clone(known));
        }
        let mut exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(self.collector.clone())
            .with_endpoint(&self.endpoint)
            .build()
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        let attributes = self.instance.iter().cloned();
        let named = Resource::builder().with_attributes(attributes).with_service_name(workload.to_owned());
        exporter.set_resource(&named.build());
        let exporter = Arc::new(exporter);
        exporters.insert(workload.to_owned(), Arc::clone(&exporter));
        Ok(exporter)
    }
}

impl SpanExporter for ByWorkload {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut groups: BTreeMap<String, Vec<SpanData>> = BTreeMap::new();
        for span in batch {
            groups.entry(owner(&span)).or_default().push(span);
        }
        let mut outcome = Ok(());
        for (workload, spans) in groups {
            let exporter = self.exporter(&workload)?;
            outcome = outcome.and(exporter.export(spans).await);
        }
        outcome
    }
}

/// What tells this process from its replicas.
fn instance() -> Vec<KeyValue> {
    let mut random = [0_u8; 8];
    // Without randomness the instance has a common name, and traces still work.
    let _ = getrandom::fill(&mut random);
    let mut attributes = vec![
        KeyValue::new("service.namespace", "dasvid"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", format!("{:016x}", u64::from_be_bytes(random))),
    ];
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname") {
        attributes.push(KeyValue::new("host.name", host.trim().to_owned()));
    }
    attributes
}
