//! `POST /v1/deposits`: puts money in, once.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use chassis::Rejected;
use chassis::gate::{Admitted, Root};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mesh::Peer;
use sha2::{Digest as _, Sha256};
use store::{IDEMPOTENCY_WINDOW_SECONDS, Moment, OnceKey, StoredResponse};
use token::{Chain, Rule, Verified};
use wire::bank::{DEPOSITS, DepositReceipt, DepositRequest};
use wire::header::IDEMPOTENCY_KEY;
use wire::problem::ProblemDocument;

use crate::balance::person;
use crate::bank::{Deposit, DepositError, Origin};
use crate::order;
use crate::request_error::RequestError;
use crate::routes::App;

/// How rule 12 knows this route.
const ROUTE: &str = "POST /v1/deposits";
const LONGEST_KEY: usize = 255;

/// Puts money in. The first deposit of a new person opens the account.
#[utoipa::path(
    post,
    path = DEPOSITS,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible characters; repeated with the same body, the first answer is given again")),
    request_body = DepositRequest,
    responses(
        (status = 201, description = "The receipt", body = DepositReceipt),
        (status = 400, description = "The amount, the currency or the key is malformed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "The chain is not believed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The chain does not allow this amount", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The key was used with another body (`conflict`), or the chain for another request (`replay-detected`)", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn deposit(
    State(app): State<App>,
    Admitted(chain): Admitted,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Rejected<RequestError>> {
    let done = make(&app, &chain, &headers, &body).await;
    if let Some((rule, segment)) = done.as_ref().err().and_then(blame) {
        app.0.rejections.note(rule, segment, &peer.id, Some(&root(&chain)), app.0.clock.now());
    }
    Ok(answer(done?))
}

async fn make(
    app: &App,
    chain: &Verified<Chain>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<StoredResponse, RequestError> {
    check_media_type(headers)?;
    let key = idempotency_key(headers)?.to_owned();
    let order = order::deposit(body)?;
    chain
        .authority()
        .consume(&order.currency, order.minor)
        .map_err(|refusal| RequestError::Authority { refusal, culprit: app.0.me.clone() })?;
    let root = chain.root();
    let deposit = Deposit {
        order,
        once: OnceKey {
            // Unique across asserters: the root is, and the first link is within it.
            first_id: format!("{} {} {}", root.iss, root.jti, chain.first_id()),
            route: ROUTE.to_owned(),
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
    };
    Ok(app.0.bank.deposit(&deposit).await?)
}

/// The rule and segment of refusals that events tell of.
fn blame(error: &RequestError) -> Option<(Rule, Option<usize>)> {
    match error {
        RequestError::Authority { refusal, .. } => Some((refusal.rule, refusal.segment)),
        RequestError::Deposit(DepositError::Replayed) => Some((Rule::Once, None)),
        _ => None,
    }
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
fn answer(stored: StoredResponse) -> Response {
    let mut response = Response::new(stored.body.into());
    *response.status_mut() = StatusCode::from_u16(stored.status).unwrap_or(StatusCode::CREATED);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
