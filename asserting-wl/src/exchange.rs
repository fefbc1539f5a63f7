//! `/token`: a DA-SVID by token exchange (RFC 8693), for clients that speak OAuth.
//!
//! The same minting as at the other three endpoints; the caller is the mTLS peer (RFC 8705 `tls_client_auth` by URI
//! SAN), never an `actor_token`.

use std::sync::Arc;

use chassis::Problem;
use mesh::Peer;
use token::Chain;
use wire::mint::MintRequest;
use wire::oauth::{ACCESS_TOKEN, TOKEN_EXCHANGE, TOKEN_TYPE, TokenRequest, TokenResponse};
use wire::problem::ProblemKind;

use crate::minting::{Endpoint, MintError, Minter};
use crate::permission::PermissionError;

/// Why nothing is exchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// Another grant.
    #[error("`grant_type` must be {TOKEN_EXCHANGE}")]
    Grant,
    /// A required parameter is missing.
    #[error("the parameter {0} is required")]
    Missing(&'static str),
    /// A parameter has another value than the ones that can be used here.
    #[error("the parameter {0} has a value that cannot be used here")]
    Value(&'static str),
    /// `actor_token`: the mTLS peer is the actor.
    #[error("the actor is the workload that asks; leave `actor_token` out")]
    Actor,
    /// `resource`: an audience is named by its SPIFFE ID.
    #[error("an audience is named by its SPIFFE ID, in `audience`; leave `resource` out")]
    Resource,
    /// `client_id` is not the SPIFFE ID of the mTLS peer.
    #[error("`client_id` is not the SPIFFE ID of the connection")]
    Client,
    /// Nothing was minted.
    #[error(transparent)]
    Mint(#[from] MintError),
}

impl ExchangeError {
    /// The label it is counted and aggregated under; `None` where nothing was judged.
    #[must_use]
    pub fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Mint(error) => error.rule(),
            _ => None,
        }
    }
}

impl Problem for ExchangeError {
    /// RFC 6749 §5.2: what is the client's fault is 400.
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Mint(error) => match error.kind() {
                ProblemKind::InvalidToken | ProblemKind::Revoked | ProblemKind::NotPermitted => {
                    ProblemKind::InvalidRequest
                }
                other => other,
            },
            _ => ProblemKind::InvalidRequest,
        }
    }

    fn oauth_error(&self) -> &'static str {
        match self {
            Self::Grant => "unsupported_grant_type",
            Self::Client => "invalid_client",
            Self::Resource | Self::Mint(MintError::Permission(PermissionError::NoRowForAudience(_))) => {
                "invalid_target"
            }
            Self::Mint(MintError::Permission(PermissionError::Scope)) => "invalid_scope",
            Self::Mint(MintError::Permission(_)) => "unauthorized_client",
            _ => self.kind().oauth_error(),
        }
    }

    fn is_oauth(&self) -> bool {
        true
    }
}

/// Exchanges an access token for a DA-SVID of the type asked for.
///
/// # Errors
/// [`ExchangeError`]; nothing was minted then.
pub async fn exchange(
    minter: &Arc<Minter>,
    peer: &Peer,
    request: TokenRequest,
) -> Result<TokenResponse, ExchangeError> {
    let endpoint = check(peer, &request)?;
    let wanted = MintRequest {
        access_token: request.subject_token.ok_or(ExchangeError::Missing("subject_token"))?,
        audience: request.audience,
        scope: request.scope,
        rqd: request.rqd,
    };
    let answer = minter.mint(endpoint, peer, &wanted).await?;
    let root = Chain::parse(&answer.da_svid).map_err(MintError::Form)?;
    Ok(TokenResponse {
        issued_token_type: format!("{TOKEN_TYPE}{}", endpoint.mode().name()),
        token_type: "N_A".to_owned(),
        expires_in: answer.expires_in,
        scope: root.root().scope.as_str().to_owned(),
        certificates: answer.certificates,
        proof: answer.proof,
        access_token: answer.da_svid,
    })
}

/// The endpoint that mints the type asked for, if everything about the request but its token is in order.
fn check(peer: &Peer, request: &TokenRequest) -> Result<Endpoint, ExchangeError> {
    match request.grant_type.as_deref() {
        Some(TOKEN_EXCHANGE) => {}
        Some(_) => return Err(ExchangeError::Grant),
        None => return Err(ExchangeError::Missing("grant_type")),
    }
    if request.client_id.as_ref().is_some_and(|client| *client != peer.id.to_string()) {
        return Err(ExchangeError::Client);
    }
    if request.actor_token.is_some() || request.actor_token_type.is_some() {
        return Err(ExchangeError::Actor);
    }
    if request.resource.is_some() {
        return Err(ExchangeError::Resource);
    }
    match request.subject_token_type.as_deref() {
        Some(ACCESS_TOKEN) => {}
        Some(_) => return Err(ExchangeError::Value("subject_token_type")),
        None => return Err(ExchangeError::Missing("subject_token_type")),
    }
    let wanted = request.requested_token_type.as_deref().ok_or(ExchangeError::Missing("requested_token_type"))?;
    match wanted.strip_prefix(TOKEN_TYPE) {
        Some("plain") => Ok(Endpoint::Plain),
        Some("id") => Ok(Endpoint::Id),
        Some("anonymous") => Ok(Endpoint::Anonymous),
        _ => Err(ExchangeError::Value("requested_token_type")),
    }
}
