//! The transfer form: filled in, looked over, sent.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use wire::bank::{AccountNumber, AccountNumberError, LONGEST_NOTE, TransferRequest};

use crate::{
    bank::BankError,
    form::Fields,
    front::{Front, OwnForm, SignedIn},
    money,
    once::{Failed, failed, once},
    pages::{self, Again, Frame, ReviewPage, TransferPage},
    problem::explain_transfer,
    random,
    session::{FormChanged, Order, Session},
};

/// The form as a person fills it in.
#[derive(Clone, Copy)]
struct Filled<'a> {
    key: &'a str,
    to: &'a str,
    amount: &'a str,
    currency: &'a str,
    note: &'a str,
}

/// Which field is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) field: &'static str,
    pub(crate) told: String,
}

impl<'a> Filled<'a> {
    fn of(fields: &'a Fields) -> Self {
        let [key, to, amount, currency, note] =
            ["key", "to", "amount", "currency", "note"].map(|name| fields.get(name));
        Self { key, to, amount, currency, note }
    }

    fn fields(&self) -> [(&'static str, &'a str); 5] {
        [("key", self.key), ("to", self.to), ("amount", self.amount), ("currency", self.currency), ("note", self.note)]
    }

    fn read(&self) -> Result<TransferRequest, Wrong> {
        let wrong = |field: &'static str, told: String| Wrong { field, told };
        let to = AccountNumber::typed(self.to).map_err(|error| wrong("to", mistake(error).to_owned()))?;
        let minor = money::parse(self.amount, self.currency).map_err(|error| wrong("amount", error.to_string()))?;
        let note = self.note.trim();
        if note.chars().count() > LONGEST_NOTE || note.chars().any(char::is_control) {
            return Err(wrong("note", format!("A note is one line of at most {LONGEST_NOTE} characters.")));
        }
        let note = (!note.is_empty()).then(|| note.to_owned());
        Ok(TransferRequest { to, currency: self.currency.to_owned(), minor, note })
    }
}

const fn mistake(error: AccountNumberError) -> &'static str {
    match error {
        AccountNumberError::Form => "An account number has twelve digits, such as 1234 5678 9092.",
        AccountNumberError::Check => "A digit is mistyped: no account has this number. Compare it once more.",
    }
}

/// `GET /transfer`
pub(crate) async fn form(State(front): State<Arc<Front>>, SignedIn { session, .. }: SignedIn) -> Response {
    let currency = front.currencies.first().map_or("USD", String::as_str);
    let empty = Filled { key: &random::name::<16>(), to: "", amount: "", currency, note: "" };
    show(&front, &session, &empty, None)
}

fn show(front: &Front, session: &Session, filled: &Filled<'_>, error: Option<Wrong>) -> Response {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let template = TransferPage {
        frame: Frame::signed_in("Transfer", "/transfer", session),
        csrf: &session.csrf,
        key: filled.key,
        to: filled.to,
        amount: filled.amount,
        currency: filled.currency,
        note: filled.note,
        currencies: &front.currencies,
        error,
    };
    pages::page(status, &template)
}

/// `POST /transfer`: the form is looked over first; sent, it is one transfer, however often it is sent.
pub(crate) async fn transfer(State(front): State<Arc<Front>>, OwnForm { person, fields }: OwnForm) -> Response {
    let (session, filled) = (&person.session, Filled::of(&fields));
    if !random::is_name(filled.key) || !front.currencies.iter().any(|known| known == filled.currency) {
        return pages::refusal(
            StatusCode::BAD_REQUEST,
            "This is not the transfer form of this page. Nothing was done.",
        );
    }
    match fields.get("step") {
        "change" => return show(&front, session, &filled, None),
        // What was refused may be sent anew, as another order.
        "correct" => return show(&front, session, &Filled { key: &random::name::<16>(), ..filled }, None),
        _ => {}
    }
    match filled.read() {
        Err(wrong) => show(&front, session, &filled, Some(wrong)),
        Ok(request) if fields.get("step") == "send" => send(&front, &person, &fields, &request).await,
        Ok(request) => review(session, &filled, &request),
    }
}

fn review(session: &Session, filled: &Filled<'_>, request: &TransferRequest) -> Response {
    let fields = filled.fields();
    let template = ReviewPage {
        frame: Frame::signed_in("Look it over", "/transfer", session),
        csrf: &session.csrf,
        fields: &fields,
        to: request.to.grouped(),
        amount: amount(request.minor, &request.currency),
        note: request.note.as_deref(),
    };
    pages::page(StatusCode::OK, &template)
}

/// A refusal shows the way back to the form as it was filled in; a failure sends the same form again.
fn refused(session: &Session, filled: &Filled<'_>, error: &BankError) -> Response {
    tracing::warn!(%error, "a transfer failed");
    let problem = explain_transfer(error);
    let (label, step) = if problem.again { ("Try again", "send") } else { ("Change it", "correct") };
    let mut fields = filled.fields().to_vec();
    fields.push(("step", step));
    let again = Again { label, action: "/transfer", csrf: &session.csrf, fields: &fields };
    failed(session, "/transfer", &problem, (!problem.login).then_some(again))
}

fn amount(minor: u64, currency: &str) -> String {
    money::display(i64::try_from(minor).unwrap_or(i64::MAX), currency)
}

async fn send(front: &Front, person: &SignedIn, fields: &Fields, request: &TransferRequest) -> Response {
    let (session, filled) = (&person.session, Filled::of(fields));
    let make = async {
        let receipt = front.bank.transfer(&person.errand(), filled.key, request).await?;
        Ok(format!("{} sent to {}.", amount(receipt.minor, &receipt.currency), receipt.to.grouped()))
    };
    match once(session, filled.key, &Order::Transfer(request.clone()), make).await {
        Ok(told) => {
            session.say(told);
            Redirect::to("/transactions").into_response()
        }
        Err(Failed::Changed(FormChanged)) => {
            let told = "This form was already sent with something else in it. Here is a new one.".to_owned();
            let fresh = Filled { key: &random::name::<16>(), ..filled };
            show(front, session, &fresh, Some(Wrong { field: "form", told }))
        }
        Err(Failed::Bank(error)) => refused(session, &filled, &error),
    }
}
