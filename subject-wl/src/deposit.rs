//! The deposit form.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use wire::bank::DepositRequest;

use crate::{
    bank::BankError,
    form::Fields,
    front::{Front, OwnForm, SignedIn},
    money,
    once::{Failed, failed, once},
    pages::{self, Again, DepositPage, Frame},
    problem::explain,
    random,
    session::{FormChanged, Order, Session},
};

/// `GET /deposit`
pub(crate) async fn form(State(front): State<Arc<Front>>, SignedIn { session, .. }: SignedIn) -> Response {
    let currency = front.currencies.first().map_or("USD", String::as_str);
    show(&front, &session, &random::name::<16>(), "", currency, None)
}

fn show(front: &Front, session: &Session, key: &str, amount: &str, currency: &str, error: Option<String>) -> Response {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let template = DepositPage {
        frame: Frame::signed_in("Deposit", "/deposit", session),
        csrf: &session.csrf,
        key,
        amount,
        currency,
        currencies: &front.currencies,
        error,
    };
    pages::page(status, &template)
}

/// `POST /deposit`: one form is one deposit, however often it is sent.
pub(crate) async fn deposit(State(front): State<Arc<Front>>, OwnForm { person, fields }: OwnForm) -> Response {
    let session = &person.session;
    let (key, currency) = (fields.get("key"), fields.get("currency"));
    if !random::is_name(key) || !front.currencies.iter().any(|known| known == currency) {
        return pages::refusal(StatusCode::BAD_REQUEST, "This is not the deposit form of this page. Nothing was done.");
    }
    let minor = match money::parse(fields.get("amount"), currency) {
        Ok(minor) => minor,
        Err(error) => return show(&front, session, key, fields.get("amount"), currency, Some(error.to_string())),
    };
    let request = DepositRequest { currency: currency.to_owned(), minor };
    let make = async {
        let receipt = front.bank.deposit(&person.errand(), key, &request).await?;
        let amount = i64::try_from(receipt.minor).unwrap_or(i64::MAX);
        Ok(format!("{} deposited.", money::display(amount, &receipt.currency)))
    };
    match once(session, key, &Order::Deposit(request.clone()), make).await {
        Ok(told) => {
            session.say(told);
            Redirect::to("/account").into_response()
        }
        Err(Failed::Changed(FormChanged)) => {
            let told = "This form was already sent with another amount. Here is a new one.".to_owned();
            show(&front, session, &random::name::<16>(), fields.get("amount"), currency, Some(told))
        }
        Err(Failed::Bank(error)) => refused(session, &fields, &error),
    }
}

fn refused(session: &Session, fields: &Fields, error: &BankError) -> Response {
    tracing::warn!(%error, "a deposit failed");
    let problem = explain(error);
    let fields = ["key", "amount", "currency"].map(|name| (name, fields.get(name)));
    let again = Again { label: "Try again", action: "/deposit", csrf: &session.csrf, fields: &fields };
    failed(session, "/deposit", &problem, problem.again.then_some(again))
}
