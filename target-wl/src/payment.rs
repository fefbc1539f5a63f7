//! What every route that moves money has in common: its media type, its idempotency key, the chain's limits, and the
//! answer that is given again.

use axum::response::Response;
use chassis::gate::Root;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mesh::Peer;
use sha2::{Digest as _, Sha256};
use store::{IDEMPOTENCY_WINDOW_SECONDS, Moment, OnceKey, StoredResponse};
use token::{Chain, Rule, Verified};
use wire::header::IDEMPOTENCY_KEY;

use crate::balance::person;
use crate::bank::{BookingError, Mandate, Origin};
use crate::order::{Order, OrderError};
use crate::request_error::RequestError;
use crate::routes::App;

const LONGEST_KEY: usize = 255;

/// Reads the order of a request and takes its amount from the chain's authority; `route` is how rule 12 knows the
/// route.
///
/// `max_amount` bounds one operation: a chain is spent on one (rule 12), so it cannot be drawn on a second time.
///
/// # Errors
/// [`RequestError`] for what is malformed, or more than the chain allows.
pub(crate) fn mandate<T: Order>(
    app: &App,
    route: &str,
    chain: &Verified<Chain>,
    headers: &HeaderMap,
    body: &[u8],
    read: fn(&[u8]) -> Result<T, OrderError>,
) -> Result<Mandate<T>, RequestError> {
    check_media_type(headers)?;
    let key = idempotency_key(headers)?.to_owned();
    let order = read(body)?;
    let (currency, minor) = order.amount();
    chain.authority().consume(currency, minor).map_err(RequestError::Authority)?;
    let root = chain.root();
    Ok(Mandate {
        order,
        once: OnceKey {
            // Unique across asserters: the root is, and the first link is within it.
            first_id: format!("{} {} {}", root.iss, root.jti, chain.first_id()),
            route: route.to_owned(),
            person: person(chain),
            key,
            body_digest: Sha256::digest(body).into(),
        },
        forget_at: Moment::from_seconds(root.exp.0).plus_seconds(IDEMPOTENCY_WINDOW_SECONDS),
        origin: Origin {
            iss: root.iss.to_string(),
            jti: root.jti.to_string(),
            txn: root.txn.to_string(),
            depth: chain.links().len(),
            verifier: app.0.me.to_string(),
        },
        now: app.0.clock.moment(),
    })
}

/// Tells of a refusal that events tell of.
pub(crate) fn note(app: &App, peer: &Peer, chain: &Verified<Chain>, error: &RequestError) {
    let (rule, segment) = match error {
        RequestError::Authority(refusal) => (refusal.rule, refusal.segment),
        RequestError::Booking(BookingError::Replayed) => (Rule::Once, None),
        _ => return,
    };
    app.0.rejections.note(rule, segment, &peer.id, Some(&root(chain)), app.0.clock.now());
}

fn root(chain: &Verified<Chain>) -> Root {
    let root = chain.root();
    Root {
        iss: root.iss.clone(),
        jti: root.jti.to_string(),
        txn: root.txn.to_string(),
        dpa: root.dpa.clone(),
        dpr: root.dpr.clone(),
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), RequestError> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter().filter_map(|line| line.to_str().ok());
    let essence = lines.next().and_then(|line| line.split(';').next()).unwrap_or_default();
    let is_json = essence.trim().eq_ignore_ascii_case("application/json") && lines.next().is_none();
    if is_json && !headers.contains_key(CONTENT_ENCODING) { Ok(()) } else { Err(RequestError::MediaType) }
}

fn idempotency_key(headers: &HeaderMap) -> Result<&str, RequestError> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (lines.next().and_then(|line| line.to_str().ok()), lines.next()) {
        (Some(key), None) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(key),
        _ => Err(RequestError::IdempotencyKey),
    }
}

/// The stored answer, now and every time it is given again.
pub(crate) fn answer(stored: StoredResponse) -> Response {
    let mut response = Response::new(stored.body.into());
    *response.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::CREATED);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
