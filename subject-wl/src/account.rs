//! The pages about a person: balance, profile, the token at hand, and the mode they travel in.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use token::Mode;
use wire::problem::ProblemKind;

use crate::{
    bank::BankError,
    front::{Front, OwnForm, SignedIn},
    pages::{self, AccountPage, Frame, HomePage, ProblemPage, ProfilePage, TokenPage},
    problem::explain,
    session::Session,
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
    let account = match front.bank.account(&person.errand()).await {
        Ok(account) => Some(account),
        Err(error) if error.kind() == Some(ProblemKind::UnknownAccount) => None,
        Err(error) => return failed(&front, session, "/account", &error),
    };
    let frame = Frame::signed_in("Account", "/account", session);
    pages::page(StatusCode::OK, &AccountPage { frame, account })
}

/// A failed page: a new login if that is the way out, else what happened and what to do.
pub(crate) fn failed(front: &Front, session: &Session, path: &'static str, error: &BankError) -> Response {
    tracing::warn!(%error, "the bank did not answer a page");
    if error.wants_login() && front.clock.now().since(session.began) >= YOUNG {
        return Redirect::to(&sign_in::address(path)).into_response();
    }
    let problem = explain(error);
    let frame = Frame::signed_in(problem.title, path, session);
    pages::page(problem.status, &ProblemPage { frame, problem: &problem, again: None })
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
