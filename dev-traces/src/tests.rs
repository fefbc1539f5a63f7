//! What is taken, kept and shown.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span as OtlpSpan};
use prost::Message;
use tower::ServiceExt;

use crate::board::Board;
use crate::server::router;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn span(trace: u8, id: u8, parent: u8, start: u64, name: &str) -> OtlpSpan {
    OtlpSpan {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
        name: name.to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_000_000,
        attributes: vec![text("http.request.method", "GET"), text("url.path", "/<b>")],
        ..OtlpSpan::default()
    }
}

fn message(service: &str, spans: Vec<OtlpSpan>) -> Vec<u8> {
    let resource = Some(Resource { attributes: vec![text("service.name", service)], ..Resource::default() });
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

async fn send(board: &Arc<Board>, media_type: &str, body: Vec<u8>) -> StatusCode {
    let request = Request::post("/v1/traces").header("content-type", media_type).body(Body::from(body)).unwrap();
    router(Arc::clone(board)).oneshot(request).await.unwrap().status()
}

async fn show(board: &Arc<Board>, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router(Arc::clone(board)).oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

const PROTOBUF: &str = "application/x-protobuf";

#[tokio::test]
async fn spans_of_several_services_come_together_in_one_trace() {
    let board = Arc::new(Board::default());
    let late = message("target-wl", vec![span(1, 3, 2, 300, "inner")]);
    let early = message("subject-wl", vec![span(1, 2, 9, 200, "outer")]);
    assert_eq!(send(&board, PROTOBUF, late).await, StatusCode::OK);
    assert_eq!(send(&board, PROTOBUF, early.clone()).await, StatusCode::OK);
    assert_eq!(send(&board, PROTOBUF, early).await, StatusCode::OK);
    let traces = board.all();
    let [trace] = traces.as_slice() else { panic!("{traces:?}") };
    assert_eq!(trace.spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["outer", "inner"]);
    assert_eq!(trace.root().unwrap().service, "subject-wl");
    assert_eq!(trace.parent(&trace.spans[1]).unwrap().name, "outer");
    assert_eq!(trace.services().len(), 2);
    assert_eq!(trace.duration(), 1_000_100);
}

#[tokio::test]
async fn refuses_what_is_not_otlp() {
    let board = Arc::new(Board::default());
    assert_eq!(send(&board, "application/json", b"{}".to_vec()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send(&board, PROTOBUF, vec![0xff; 9]).await, StatusCode::BAD_REQUEST);
    assert_eq!(send(&board, PROTOBUF, vec![0; 5 * 1024 * 1024]).await, StatusCode::PAYLOAD_TOO_LARGE);
    let nameless = OtlpSpan { span_id: Vec::new(), ..span(1, 1, 0, 1, "x") };
    assert_eq!(send(&board, PROTOBUF, message("a", vec![nameless])).await, StatusCode::OK);
    assert!(board.all().is_empty());
}

#[tokio::test]
async fn a_page_shows_each_span_and_runs_nothing_it_was_sent() {
    let board = Arc::new(Board::default());
    let spans = vec![span(7, 1, 0, 0, "a.b.c"), span(7, 2, 1, 500_000, "<script>alert(1)</script>")];
    send(&board, PROTOBUF, message("<i>", spans)).await;
    let (status, list) = show(&board, "/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(list.contains(&format!("/trace/{}", "07".repeat(16))), "{list}");
    let (_, page) = show(&board, &format!("/trace/{}", "07".repeat(16))).await;
    assert!(page.contains("a.b.c") && page.contains("1.0 ms") && page.contains("1.5 ms"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<i>") && !list.contains("/<b>"), "{page}");
    assert_eq!(show(&board, "/trace/unknown").await.0, StatusCode::NOT_FOUND);
    assert!(show(&board, "/traces.json").await.1.contains(r#""service":"<i>""#));
}

#[tokio::test]
async fn the_oldest_traces_and_the_last_spans_make_room() {
    let board = Arc::new(Board::default());
    for trace in 1..=250_u64 {
        let mut span = span(0, 1, 0, trace, "x");
        span.trace_id = [[0; 8], trace.to_be_bytes()].concat();
        send(&board, PROTOBUF, message("a", vec![span])).await;
    }
    assert_eq!(board.all().len(), 200);
    let many = (0..600_u64).map(|id| OtlpSpan { span_id: id.to_be_bytes().to_vec(), ..span(255, 1, 0, id, "x") });
    send(&board, PROTOBUF, message("a", many.collect())).await;
    assert_eq!(board.all()[0].spans.len(), 500);
}

#[tokio::test]
async fn a_circle_of_parents_is_drawn_without_end() {
    let board = Arc::new(Board::default());
    send(&board, PROTOBUF, message("a", vec![span(9, 1, 2, 1, "x"), span(9, 2, 1, 2, "y")])).await;
    assert_eq!(show(&board, &format!("/trace/{}", "09".repeat(16))).await.0, StatusCode::OK);
}
