//! The routes, and what each requires of a chain.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{self, MethodRouter};
use chassis::gate::{Gate, buffered};
use chassis::json::Json;
use chassis::{Clock, ConfigError, Rejected, body};
use spiffe::SpiffeId;
use token::policy::RequestBinding;
use token::{Policy, RouteRule, binding};
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use wire::bank::{BALANCE, DEPOSITS, TRANSACTIONS, TRANSFERS};
use wire::problem::ProblemDocument;

use crate::bank::Bank;
use crate::rejections::Rejections;
use crate::request_error::{Blamed, RequestError};
use crate::{balance, deposit, transactions, transfer};

/// Where the description of the interface is.
pub const OPENAPI: &str = "/openapi.json";

/// What handlers work with.
#[derive(Clone, Debug)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) me: SpiffeId,
    pub(crate) bank: Bank,
    pub(crate) rejections: Arc<Rejections>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl App {
    /// A refusal in the name of this workload.
    pub(crate) fn blame(&self, error: impl Into<RequestError>) -> Rejected<Blamed> {
        Rejected(Blamed { culprit: self.0.me.clone(), error: error.into() })
    }

    /// The workload `me` with these books.
    #[must_use]
    pub fn new(me: SpiffeId, bank: Bank, rejections: Arc<Rejections>, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { me, bank, rejections, clock }))
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("me", &self.me).finish_non_exhaustive()
    }
}

/// What each route requires of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// `GET /v1/balance`.
    pub balance: RouteRule,
    /// `POST /v1/deposits`.
    pub deposits: RouteRule,
    /// `POST /v1/transfers`.
    pub transfers: RouteRule,
    /// `GET /v1/transactions`.
    pub transactions: RouteRule,
}

impl Rules {
    /// The rules of a policy's `[[route]]` rows; a route without a row has the scope it was written for and is bound
    /// end to end.
    ///
    /// # Errors
    /// A route without a scope, an unsafe method that is not bound, or a row for a route that is not served.
    pub fn declare(policy: &Policy) -> Result<Self, ConfigError> {
        let served = [("GET", BALANCE), ("POST", DEPOSITS), ("POST", TRANSFERS), ("GET", TRANSACTIONS)];
        for row in &policy.route {
            let is_for = |(method, path): &(&str, &str)| policy.route(method, path) == Some(row);
            if !served.iter().any(is_for) {
                let message = format!("{} {} is not served here", row.method.as_deref().unwrap_or("any"), row.path);
                return Err(ConfigError::invalid("policy.route", message));
            }
        }
        Ok(Self {
            balance: rule(policy, "GET", BALANCE, "accounts.read")?,
            deposits: rule(policy, "POST", DEPOSITS, "payments.write")?,
            transfers: rule(policy, "POST", TRANSFERS, "payments.write")?,
            transactions: rule(policy, "GET", TRANSACTIONS, "accounts.read")?,
        })
    }
}

fn rule(policy: &Policy, method: &str, path: &str, scope: &str) -> Result<RouteRule, ConfigError> {
    let built_in = RouteRule { scope: scope.to_owned(), request_binding: RequestBinding::EndToEnd };
    let rule = policy.route(method, path).map_or(built_in, token::policy::Route::rule);
    if rule.scope.is_empty() || rule.scope.contains(' ') {
        return Err(ConfigError::invalid("policy.route.scope", format!("{method} {path} declares not one scope")));
    }
    if binding::is_unsafe(method) && rule.request_binding == RequestBinding::None {
        let message = format!("{method} {path} changes something, so it cannot go unbound");
        return Err(ConfigError::invalid("policy.route.request_binding", message));
    }
    Ok(rule)
}

/// The description of the interface.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "target-wl",
        description = "The bank's accounts, for workloads of the trust domain that come with a DA-SVID chain over SPIFFE mTLS.",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT")
    ),
    components(schemas(ProblemDocument))
)]
struct Description;

fn declared() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
}

/// The router: each route behind the gate with its own rule.
pub fn router(app: App, gate: &Gate, rules: Rules, timeout: Duration) -> Router {
    let guarded = |rule: RouteRule| {
        let gate = gate.route(rule, body::LIMIT);
        move |route: MethodRouter<App>| route.route_layer(from_fn_with_state(gate, buffered))
    };
    let (router, description) = declared()
        .routes(routes!(balance::balance).map(guarded(rules.balance)))
        .routes(routes!(deposit::deposit).map(guarded(rules.deposits)))
        .routes(routes!(transfer::transfer).map(guarded(rules.transfers)))
        .routes(routes!(transactions::transactions).map(guarded(rules.transactions)))
        .split_for_parts();
    router
        .route(OPENAPI, routing::get(async move || Json(description)))
        .layer(from_fn_with_state((app.clone(), timeout), in_time))
        .with_state(app)
}

/// The description of the interface as JSON, for the copy that is checked in.
#[must_use]
pub fn openapi() -> String {
    let (_, description) = declared()
        .routes(routes!(balance::balance))
        .routes(routes!(deposit::deposit))
        .routes(routes!(transfer::transfer))
        .routes(routes!(transactions::transactions))
        .split_for_parts();
    description.to_pretty_json().unwrap_or_default()
}

/// Gives a request up after its time; a transaction under way is rolled back.
async fn in_time(State((app, limit)): State<(App, Duration)>, request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| app.blame(RequestError::TimedOut).into_response())
}

#[cfg(test)]
mod tests;
