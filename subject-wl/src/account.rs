//! The pages of a person's account: balance, deposit, profile, the token at hand, and the mode they travel in.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use token::Mode;
use wire::{
    bank::{DepositReceipt, DepositRequest},
    problem::ProblemKind,
};

use crate::{
    bank::BankError,
    form::Fields,
    front::{Front, OwnForm, SignedIn},
    money,
    pages::{self, AccountPage, Again, DepositPage, Frame, HomePage, ProblemPage, ProfilePage, TokenPage},
    problem::explain,
    random,
    session::{FormChanged, Session},
    sign_in, trail,
};

/// A login younger than this, in seconds, is not sent to log in again: that would go round in circles.
const YOUNG: u64 = 10;

/// `GET /`
pub(crate) async fn home(State(front): State<Arc<Front>>, jar: CookieJar) -> Response {
    if front.session(&jar).is_some() {
        return Redirect::to("/account").into_response();
    }
    pages::page(StatusCode::OK, &HomePage { frame: Frame::signed_out("Welcome") })
}

/// `GET /account`
pub(crate) async fn account(State(front): State<Arc<Front>>, person: SignedIn) -> Response {
    let session = &person.session;
    let balances = match front.bank.account(&person.errand()).await {
        Ok(account) => Some(account.balances),
        Err(error) if error.kind() == Some(ProblemKind::UnknownAccount) => None,
        Err(error) => return failed(&front, session, "/account", &error),
    };
    let frame = Frame::signed_in("Account", "/account", session);
    pages::page(StatusCode::OK, &AccountPage { frame, balances })
}

/// A failed page: a new login if that is the way out, else what happened and what to do.
fn failed(front: &Front, session: &Session, path: &'static str, error: &BankError) -> Response {
    tracing::warn!(%error, "the bank did not answer a page");
    if error.wants_login() && front.clock.now().since(session.began) >= YOUNG {
        return Redirect::to(&sign_in::address(path)).into_response();
    }
    let problem = explain(error);
    let frame = Frame::signed_in(problem.title, path, session);
    pages::page(problem.status, &ProblemPage { frame, problem: &problem, again: None })
}

/// `GET /deposit`
pub(crate) async fn deposit_form(State(front): State<Arc<Front>>, SignedIn { session, .. }: SignedIn) -> Response {
    let currency = front.currencies.first().map_or("USD", String::as_str);
    show_form(&front, &session, &random::name::<16>(), "", currency, None)
}

fn show_form(
    front: &Front,
    session: &Session,
    key: &str,
    amount: &str,
    currency: &str,
    error: Option<String>,
) -> Response {
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
        Err(error) => return show_form(&front, session, key, fields.get("amount"), currency, Some(error.to_string())),
    };
    let request = DepositRequest { currency: currency.to_owned(), minor };
    match deposit_once(&front, &person, key, &request).await {
        Ok(receipt) => {
            let amount = i64::try_from(receipt.minor).unwrap_or(i64::MAX);
            session.say(format!("{} deposited.", money::display(amount, &receipt.currency)));
            Redirect::to("/account").into_response()
        }
        Err(Failed::Changed(FormChanged)) => {
            let told = "This form was already sent with another amount. Here is a new one.".to_owned();
            show_form(&front, session, &random::name::<16>(), fields.get("amount"), currency, Some(told))
        }
        Err(Failed::Bank(error)) => failed_deposit(session, &fields, &error),
    }
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Changed(#[from] FormChanged),
    #[error(transparent)]
    Bank(#[from] BankError),
}

/// A second click waits for the first and gets its receipt.
async fn deposit_once(
    front: &Front,
    person: &SignedIn,
    key: &str,
    request: &DepositRequest,
) -> Result<DepositReceipt, Failed> {
    let form = person.session.form(key, request)?;
    let mut receipt = form.receipt.lock().await;
    if let Some(receipt) = receipt.as_ref() {
        return Ok(receipt.clone());
    }
    let made = front.bank.deposit(&person.errand(), key, &form.request).await?;
    *receipt = Some(made.clone());
    Ok(made)
}

fn failed_deposit(session: &Session, fields: &Fields, error: &BankError) -> Response {
    tracing::warn!(%error, "a deposit failed");
    let problem = explain(error);
    let again = problem.again.then(|| Again {
        csrf: &session.csrf,
        key: fields.get("key"),
        amount: fields.get("amount"),
        currency: fields.get("currency"),
    });
    let frame = Frame::signed_in(problem.title, "/deposit", session);
    pages::page(problem.status, &ProblemPage { frame, problem: &problem, again })
}

/// `GET /profile`
pub(crate) async fn profile(State(front): State<Arc<Front>>, SignedIn { session, .. }: SignedIn) -> Response {
    let (person, now) = (&session.person, front.clock.now());
    let mut rows = Vec::new();
    rows.extend(person.name.clone().map(|name| ("Name", name)));
    rows.extend(person.email.clone().map(|email| ("E-mail", email)));
    rows.push(("Identity provider", person.iss.clone()));
    rows.push(("You there", person.sub.clone()));
    let moment = |at| format!("{} ({})", trail::clock_time(at), trail::relative(at, now));
    rows.extend(person.auth_time.map(|at| ("Password typed", moment(at))));
    rows.push(("Signed in here", moment(session.began)));
    rows.push(("Sign-in renewed by", moment(session.holder.expires)));
    let frame = Frame::signed_in("Profile", "/profile", &session);
    pages::page(StatusCode::OK, &ProfilePage { frame, rows: &rows })
}

/// `GET /token`
pub(crate) async fn token(State(front): State<Arc<Front>>, person: SignedIn) -> Response {
    let session = &person.session;
    let trail = match front.bank.token(&person.errand()).await {
        Ok(trail) => trail,
        Err(error) => return failed(&front, session, "/token", &error),
    };
    let now = front.clock.now();
    let segments = trail.segments.iter().enumerate().map(|(index, segment)| segment.view(index, now)).collect();
    let frame = Frame::signed_in("Token", "/token", session);
    pages::page(StatusCode::OK, &TokenPage { frame, mode: trail.mode, size: trail.size, segments })
}

/// `POST /mode`
pub(crate) async fn mode(OwnForm { person, fields }: OwnForm) -> Response {
    let Some(mode) = Mode::ALL.into_iter().find(|mode| mode.name() == fields.get("mode")) else {
        return pages::refusal(StatusCode::BAD_REQUEST, "There is no such mode.");
    };
    person.session.set_mode(mode);
    let back = pages::NAVIGATION.iter().find(|(path, _)| *path == fields.get("back"));
    Redirect::to(back.map_or("/account", |(path, _)| path)).into_response()
}
