//! `POST /v1/transfers`: moves money to another account, once.

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
use wire::bank::{TRANSFERS, TransferReceipt, TransferRequest};
use wire::problem::ProblemDocument;

use crate::request_error::{Blamed, RequestError};
use crate::routes::App;
use crate::{order, payment};

/// How rule 12 knows this route.
const ROUTE: &str = "POST /v1/transfers";

/// Moves money to another person's account in the same currency. Neither account is opened by it, and none is
/// overdrawn.
#[utoipa::path(
    post,
    path = TRANSFERS,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible characters; repeated with the same body, the first answer is given again; a refusal does not use it up")),
    request_body = TransferRequest,
    responses(
        (status = 201, description = "The receipt", body = TransferReceipt),
        (status = 400, description = "The account number, the amount, the currency, the note or the key is malformed, or the number is the person's own", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "The chain is not believed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The chain does not allow this amount", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "One of the two has no account in this currency (`unknown-account`)", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 409, description = "The account holds less than this, the other cannot take it, or the key was used with another body (`conflict`); or the chain was used for another request (`replay-detected`)", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "The body is longer than 64 KiB", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "The body is not JSON", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn transfer(
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
    let mandate = payment::mandate(app, ROUTE, chain, headers, body, order::transfer)?;
    Ok(app.0.bank.transfer(&mandate).instrument(chassis::span!("bank.book")).await?)
}
