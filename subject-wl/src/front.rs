//! The front end as a whole: its state, its routes and what stands around them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request},
    http::{HeaderValue, Method, StatusCode, request::Parts},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::cookie::CookieJar;
use chassis::{Clock, trace::TraceParent};
use token::Mode;
use tower_http::timeout::TimeoutLayer;

use crate::{
    account,
    bank::{Bank, Errand},
    deposit,
    form::Fields,
    guard,
    oidc::Oidc,
    origin::Origin,
    pages::{self, Frame, MessagePage},
    random,
    session::{self, Session, Sessions},
    sign_in::{self, Departures, Logins},
    sign_out, transactions, transfer,
};

/// The longest form, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// The longest a request may take, its form included.
const MAX_REQUEST: Duration = Duration::from_mins(1);

/// Everything a request needs.
pub(crate) struct Front {
    pub(crate) origin: Origin,
    pub(crate) content_policy: HeaderValue,
    pub(crate) sessions: Sessions,
    pub(crate) departures: Departures,
    pub(crate) logins: Logins,
    pub(crate) oidc: Oidc,
    pub(crate) bank: Arc<dyn Bank>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mode: Mode,
    pub(crate) currencies: Vec<String>,
}

impl Front {
    /// The session of a browser.
    pub(crate) fn session(&self, jar: &CookieJar) -> Option<Arc<Session>> {
        self.sessions.find(jar.get(&self.origin.cookie_name(session::COOKIE))?.value())
    }
}

/// Someone who is logged in and whose token still lives. Others are sent to log in; a form of theirs does nothing.
pub(crate) struct SignedIn {
    pub(crate) session: Arc<Session>,
    trace: TraceParent,
}

impl SignedIn {
    /// What to do at the bank for them.
    pub(crate) fn errand(&self) -> Errand<'_> {
        Errand { holder: &self.session.holder, mode: self.session.mode(), trace: &self.trace }
    }
}

impl FromRequestParts<Arc<Front>> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, front: &Arc<Front>) -> Result<Self, Response> {
        let jar = CookieJar::from_headers(&parts.headers);
        let session = front.session(&jar);
        let safe = matches!(parts.method, Method::GET | Method::HEAD);
        match session {
            Some(session) if !safe || session.holder.lives(front.clock.now()) => {
                let trace = parts.extensions.get().cloned().unwrap_or_else(TraceParent::start);
                Ok(Self { session, trace })
            }
            _ if safe => Err(Redirect::to(&sign_in::address(parts.uri.path())).into_response()),
            _ => {
                let template = MessagePage {
                    frame: Frame::signed_out("Sign in again"),
                    text: "Your session has ended. Nothing was done.",
                    action: Some(("/login", "Sign in")),
                };
                Err(pages::page(StatusCode::FORBIDDEN, &template))
            }
        }
    }
}

/// A form that our own page sent in this very session; any other does nothing.
pub(crate) struct OwnForm {
    pub(crate) person: SignedIn,
    pub(crate) fields: Fields,
}

impl FromRequest<Arc<Front>> for OwnForm {
    type Rejection = Response;

    async fn from_request(request: Request, front: &Arc<Front>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let person = SignedIn::from_request_parts(&mut parts, front).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), front).await;
        let fields =
            Fields::parse(&body.map_err(|_| {
                pages::refusal(StatusCode::PAYLOAD_TOO_LARGE, "This form is too long. Nothing was done.")
            })?);
        if random::same(fields.get("csrf"), &person.session.csrf) {
            return Ok(Self { person, fields });
        }
        tracing::warn!("a form without its session's secret was refused");
        Err(pages::refusal(StatusCode::FORBIDDEN, "This form is not from this session. Nothing was done."))
    }
}

/// All routes, with the guards that hold for each of them.
pub(crate) fn router(front: Arc<Front>) -> Router {
    Router::new()
        .route("/", get(account::home))
        .route("/login", get(sign_in::depart))
        .route("/callback", get(sign_in::arrive))
        .route("/account", get(account::account))
        .route("/transactions", get(transactions::transactions))
        .route("/transfer", get(transfer::form).post(transfer::transfer))
        .route("/deposit", get(deposit::form).post(deposit::deposit))
        .route("/profile", get(account::profile))
        .route("/token", get(account::token))
        .route("/mode", post(account::mode))
        .route("/logout", post(sign_out::leave))
        .route("/signed-out", get(sign_out::left))
        .route("/style.css", get(pages::stylesheet))
        .fallback(async || pages::refusal(StatusCode::NOT_FOUND, "There is no such page."))
        .method_not_allowed_fallback(async || {
            pages::refusal(StatusCode::METHOD_NOT_ALLOWED, "This page cannot be asked for like that.")
        })
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, MAX_REQUEST))
        .layer(middleware::from_fn_with_state(front.clone(), guard::door))
        .with_state(front)
}
