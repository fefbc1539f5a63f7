//! `POST /v1/deposits`: puts money in, once.

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use chassis::Rejected;
use chassis::gate::Admitted;
use http::HeaderMap;
use mesh::Peer;
use store::StoredResponse;
use token::{Chain, Verified};
use tracing::Instrument as _;
use wire::bank::{DEPOSITS, DepositReceipt, DepositRequest};
use wire::problem::ProblemDocument;

use crate::request_error::{Blamed, RequestError};
use crate::routes::App;
use crate::{order, payment};

/// How rule 12 knows this route.
const ROUTE: &str = "POST /v1/deposits";

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
) -> Result<Response, Rejected<Blamed>> {
    let done = make(&app, &chain, &headers, &body).await;
    done.as_ref().err().into_iter().for_each(|error| payment::note(&app, &peer, &chain, error));
    done.map(payment::answer).map_err(|error| app.blame(error))
}

async fn make(
    app: &App,
    chain: &Verified<Chain>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<StoredResponse, RequestError> {
    let mandate = payment::mandate(app, ROUTE, chain, headers, body, order::deposit)?;
    Ok(app.0.bank.deposit(&mandate).instrument(chassis::span!("bank.book")).await?)
}
