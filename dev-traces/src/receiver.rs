//! `POST /v1/traces`: OTLP over HTTP in protobuf.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message as _;

use crate::board::Board;
use crate::span::Span;

/// The one media type of requests and answers.
const PROTOBUF: &str = "application/x-protobuf";

/// Takes spans.
pub(crate) async fn receive(State(board): State<Arc<Board>>, headers: HeaderMap, body: Bytes) -> Response {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if media_type != Some(PROTOBUF) || headers.contains_key(header::CONTENT_ENCODING) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "only uncompressed application/x-protobuf\n").into_response();
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return (StatusCode::BAD_REQUEST, "not an ExportTraceServiceRequest\n").into_response();
    };
    board.add(request.resource_spans.iter().flat_map(Span::read).collect());
    let answer = ExportTraceServiceResponse::default().encode_to_vec();
    ([(header::CONTENT_TYPE, PROTOBUF)], answer).into_response()
}
