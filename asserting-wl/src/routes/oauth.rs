//! The endpoints of OAuth: token exchange, revocation, metadata.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chassis::Rejected;
use chassis::form::Form;
use chassis::json::Json;
use mesh::Peer;
use wire::oauth::{AuthorizationServer, RevokeRequest, TokenRequest, TokenResponse};
use wire::problem::ProblemDocument;

use super::App;
use crate::exchange::{self, ExchangeError};
use crate::metadata;
use crate::withdrawal::WithdrawalError;

/// Exchanges a person's access token for a DA-SVID (RFC 8693).
///
/// The caller is the workload of the connection (RFC 8705 `tls_client_auth` by URI SAN): there is no `actor_token`.
/// `token_type` is `N_A`: a DA-SVID is no bearer token.
#[utoipa::path(
    post,
    path = "/token",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The DA-SVID", body = TokenResponse),
        (status = 400, description = "Refused (RFC 6749 §5.2, RFC 8693 §2.2.2)", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn token(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Form(request): Form<TokenRequest>,
) -> Result<Json<TokenResponse>, Rejected<ExchangeError>> {
    exchange::exchange(&app.minter, &peer, request).await.map(Json).map_err(|error| {
        if let Some(rule) = error.rule() {
            app.rejections.note(rule, &peer.id, app.clock.now());
        }
        Rejected(error)
    })
}

/// Revokes a DA-SVID (RFC 7009): the root, for its `sub` and for workloads of the policy; a link of an ID-mode chain,
/// for its signer. Verifiers know within about a second. Dead and unknown tokens are answered 200, too.
#[utoipa::path(
    post,
    path = "/revoke",
    request_body(content = RevokeRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Nobody will believe it any more"),
        (status = 403, description = "The caller has nothing to do with the chain", body = ProblemDocument, content_type = "application/problem+json"),
        (status = "default", description = "Any other problem", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Extension(peer): Extension<Peer>,
    Form(request): Form<RevokeRequest>,
) -> Result<Response, Rejected<WithdrawalError>> {
    app.withdrawals.withdraw(&peer, &request.token).await?;
    Ok([(header::CACHE_CONTROL, "no-store")].into_response())
}

/// What this authorization server offers (RFC 8414).
#[utoipa::path(
    get,
    path = "/.well-known/oauth-authorization-server",
    responses((status = 200, description = "The metadata", body = AuthorizationServer)),
)]
pub(super) async fn metadata(State(app): State<App>) -> Json<AuthorizationServer> {
    Json(metadata::document(&app.base, &app.me, &app.minter.rows, app.minter.provenance.at()))
}
