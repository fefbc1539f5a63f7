//! `GET /v1/balance`: what the person has.

use axum::extract::State;
use chassis::Rejected;
use chassis::gate::Admitted;
use chassis::json::Json;
use store::Person;
use token::{Chain, Verified};
use tracing::Instrument as _;
use wire::bank::{Account, BALANCE};
use wire::problem::ProblemDocument;

use crate::request_error::{Blamed, RequestError};
use crate::routes::App;

/// The person's balances.
#[utoipa::path(
    get,
    path = BALANCE,
    responses(
        (status = 200, description = "What the person has, by currency", body = Account),
        (status = 401, description = "The chain is not believed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The chain does not allow this", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "The person has no account", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn balance(
    State(app): State<App>,
    Admitted(chain): Admitted,
) -> Result<Json<Account>, Rejected<Blamed>> {
    let account = app
        .0
        .bank
        .account(&person(&chain))
        .instrument(chassis::span!("bank.read"))
        .await
        .map_err(|error| app.blame(error))?;
    account.map(Json).ok_or_else(|| app.blame(RequestError::UnknownAccount))
}

/// For whom the chain speaks.
pub(crate) fn person(chain: &Verified<Chain>) -> Person {
    let person = chain.person();
    Person::new(person.dpa, person.dpr)
}
