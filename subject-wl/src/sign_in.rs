//! Logging in: to the provider and back (OpenID Connect Core §3.1).

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::CookieJar;
use chassis::Metrics;
use moka::sync::Cache;
use openidconnect::{Nonce, PkceCodeVerifier};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use tracing::Instrument;

use crate::{
    bank::Holder,
    form::Fields,
    front::Front,
    oidc::OidcError,
    pages::{self, Frame, MessagePage},
    random,
    session::{self, Session},
};

/// The cookie of a browser that is logging in.
const PRE_LOGIN: &str = "bank_login";

/// How long a login may take.
const LOGIN_LIFE: Duration = Duration::from_mins(10);

/// The pages a login may return to.
const PAGES: [&str; 4] = ["/account", "/deposit", "/profile", "/token"];

/// Logins under way, by their `state`; each is good for one return, of the browser that left.
pub(crate) struct Departures(Cache<String, Arc<Pending>>);

struct Pending {
    browser: String,
    nonce: Nonce,
    verifier: String,
    next: &'static str,
}

impl Default for Departures {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(100_000).time_to_live(LOGIN_LIFE).build())
    }
}

impl fmt::Debug for Departures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departures").finish_non_exhaustive()
    }
}

impl Departures {
    fn take(&self, state: &str, browser: &str) -> Option<Arc<Pending>> {
        let known = self.0.get(state)?;
        random::same(&known.browser, browser).then(|| self.0.remove(state))?
    }
}

/// Counts returns from the provider by what became of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logins(Family<Labels, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

impl Logins {
    /// The same, registered.
    pub(crate) fn registered(metrics: &Metrics) -> Self {
        let help = "Returns from the identity provider: signed-in, refused, or failed because it did not answer";
        Self(metrics.register("logins", help, Family::default()))
    }

    fn count(&self, error: Option<&ReturnError>) {
        let outcome = match error {
            None => "signed-in",
            Some(ReturnError::Oidc(OidcError::Unreachable(_) | OidcError::Address(_))) => "failed",
            Some(_) => "refused",
        };
        self.0.get_or_create(&Labels { outcome }).inc();
    }
}

/// Why a return from the provider is not a login.
#[derive(Debug, thiserror::Error)]
enum ReturnError {
    #[error("the state is unknown, used or another browser's")]
    State,
    #[error("the answer is another provider's")]
    Issuer,
    #[error("the provider says: {0}")]
    Denied(String),
    #[error("the provider sent no code")]
    NoCode,
    #[error(transparent)]
    Oidc(#[from] OidcError),
}

/// The address that logs in and then returns to `path`, if that is one of ours.
pub(crate) fn address(path: &str) -> String {
    match PAGES.iter().find(|known| **known == path) {
        Some(known) => format!("/login?next={known}"),
        None => "/login".to_owned(),
    }
}

/// Sends the browser to the provider.
pub(crate) async fn depart(State(front): State<Arc<Front>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let next = PAGES.iter().find(|known| **known == fields.get("next")).copied().unwrap_or("/account");
    let departure = match front.oidc.depart().await {
        Ok(departure) => departure,
        Err(error) => return refused(&error.into()),
    };
    // One browser may log in in several tabs: the cookie stays, each tab has its own state.
    let known = jar.get(&front.origin.cookie_name(PRE_LOGIN)).map(|cookie| cookie.value().to_owned());
    let browser = known.filter(|known| known.len() == 43).unwrap_or_else(random::name::<32>);
    let verifier = departure.verifier.into_secret();
    let pending = Pending { browser: browser.clone(), nonce: departure.nonce, verifier, next };
    front.departures.0.insert(departure.state, Arc::new(pending));
    (jar.add(front.origin.cookie(PRE_LOGIN, browser)), Redirect::to(departure.url.as_str())).into_response()
}

/// Takes the browser back: the code becomes a session with a new name.
pub(crate) async fn arrive(State(front): State<Arc<Front>>, jar: CookieJar, RawQuery(query): RawQuery) -> Response {
    let returned = returned(&front, &jar, query.unwrap_or_default().as_bytes()).await;
    front.logins.count(returned.as_ref().err());
    match returned {
        Ok((session, next)) => {
            let name = front.sessions.open(session);
            let jar = jar.add(front.origin.cookie(session::COOKIE, name)).remove(front.origin.forget(PRE_LOGIN));
            (jar, Redirect::to(next)).into_response()
        }
        Err(error) => refused(&error),
    }
}

async fn returned(front: &Front, jar: &CookieJar, query: &[u8]) -> Result<(Session, &'static str), ReturnError> {
    let fields = Fields::parse(query);
    let browser = jar.get(&front.origin.cookie_name(PRE_LOGIN)).map_or("", |cookie| cookie.value());
    let pending = front.departures.take(fields.get("state"), browser).ok_or(ReturnError::State)?;
    // RFC 9207: an answer that names its issuer names ours.
    if !matches!(fields.get("iss"), "") && fields.get("iss") != front.oidc.issuer() {
        return Err(ReturnError::Issuer);
    }
    if !fields.get("error").is_empty() {
        return Err(ReturnError::Denied(fields.get("error").chars().filter(char::is_ascii_graphic).take(64).collect()));
    }
    if fields.get("code").is_empty() {
        return Err(ReturnError::NoCode);
    }
    let verifier = PkceCodeVerifier::new(pending.verifier.clone());
    let arriving = front.oidc.arrive(fields.get("code").to_owned(), &pending.nonce, verifier);
    let arrival = arriving.instrument(chassis::span!("oidc.exchange", otel.kind = "client")).await?;
    let now = front.clock.now();
    let old = jar.get(&front.origin.cookie_name(session::COOKIE)).map(|cookie| cookie.value().to_owned());
    let mode =
        old.as_deref().and_then(|old| front.sessions.find(old)).filter(|old| old.person.sub == arrival.person.sub);
    let mode = mode.map_or(front.mode, |old| old.mode());
    if let Some(old) = old {
        front.sessions.close(&old);
    }
    let holder = Holder::new(arrival.access_token, arrival.expires);
    Ok((Session::new(arrival.person, holder, arrival.id_token, mode, now), pending.next))
}

fn refused(error: &ReturnError) -> Response {
    tracing::warn!(%error, "a login failed");
    let (status, text) = match error {
        ReturnError::Oidc(OidcError::Unreachable(_) | OidcError::Address(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "The identity provider does not answer. Please try again in a moment.")
        }
        ReturnError::Denied(_) => (StatusCode::FORBIDDEN, "The identity provider did not sign you in."),
        ReturnError::State => {
            (StatusCode::BAD_REQUEST, "This sign-in was not started in this browser, took too long or was used before.")
        }
        _ => (StatusCode::BAD_REQUEST, "The sign-in could not be completed."),
    };
    let template =
        MessagePage { frame: Frame::signed_out("Not signed in"), text, action: Some(("/login", "Sign in again")) };
    pages::page(status, &template)
}
