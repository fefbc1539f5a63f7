//! One form is one order, however often it is sent.

use axum::response::Response;

use crate::{
    bank::BankError,
    pages::{self, Again, Frame, ProblemPage},
    problem::Explained,
    session::{FormChanged, Order, Session},
};

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Changed(#[from] FormChanged),
    #[error(transparent)]
    Bank(#[from] BankError),
}

/// Carries out the order of the form called `key` with `make`, which says what to tell the person. A second click waits
/// for the first and is told the same.
pub(crate) async fn once(
    session: &Session,
    key: &str,
    order: &Order,
    make: impl Future<Output = Result<String, BankError>>,
) -> Result<String, Failed> {
    let form = session.form(key, order)?;
    let mut done = form.done.lock().await;
    if let Some(told) = done.as_ref() {
        return Ok(told.clone());
    }
    let told = make.await?;
    *done = Some(told.clone());
    Ok(told)
}

/// The page of an order that failed, with a button for the way on where there is one.
pub(crate) fn failed(session: &Session, path: &'static str, problem: &Explained, again: Option<Again<'_>>) -> Response {
    let frame = Frame::signed_in(problem.title, path, session);
    pages::page(problem.status, &ProblemPage { frame, problem, again })
}
