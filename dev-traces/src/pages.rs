//! The pages: the last traces, and one of them as a waterfall.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::board::{Board, Trace};
use crate::waterfall::{Waterfall, time_of};

/// No script, nothing from elsewhere.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'";

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    traces: Vec<Entry>,
}

/// One trace in the list.
struct Entry {
    id: String,
    title: String,
    services: usize,
    spans: usize,
    time: String,
    failed: bool,
}

impl Entry {
    fn of(trace: &Trace) -> Self {
        Self {
            id: trace.id.clone(),
            title: title(trace),
            services: trace.services().len(),
            spans: trace.spans.len(),
            time: time_of(trace.duration()),
            failed: trace.spans.iter().any(|span| span.failed),
        }
    }
}

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    entry: Entry,
    drawing: Waterfall,
}

/// `GET /`.
pub(crate) async fn list(State(board): State<Arc<Board>>) -> Response {
    page(StatusCode::OK, &ListPage { traces: board.all().iter().map(Entry::of).collect() })
}

/// `GET /trace/{id}`.
pub(crate) async fn trace(State(board): State<Arc<Board>>, Path(id): Path<String>) -> Response {
    match board.find(&id) {
        Some(trace) => page(StatusCode::OK, &TracePage { entry: Entry::of(&trace), drawing: Waterfall::of(&trace) }),
        None => (StatusCode::NOT_FOUND, "there is no such trace\n").into_response(),
    }
}

/// `GET /traces.json`: everything that is kept, for programs.
pub(crate) async fn json(State(board): State<Arc<Board>>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Json(board.all())).into_response()
}

/// `GET /style.css`.
pub(crate) async fn stylesheet() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../static/style.css")).into_response()
}

fn page(status: StatusCode, template: &impl Template) -> Response {
    let Ok(body) = template.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut response = (status, Html(body)).into_response();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What the trace was about: its first request, else its first span.
fn title(trace: &Trace) -> String {
    let Some(root) = trace.root() else { return "an empty trace".to_owned() };
    match root.attribute("http.request.method").zip(root.attribute("url.path")) {
        Some((method, path)) => format!("{method} {path}"),
        None => root.name.clone(),
    }
}
