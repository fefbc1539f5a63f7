//! Why a logout token is refused, in words whoever runs the identity provider can act on.

use chassis::Problem;
use chassis::provider::ProviderError;
use store::{MayConflict, StoreError};
use wire::problem::ProblemKind;

use crate::oauth::OauthError;

/// Why a logout token is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogoutError {
    /// Not a signed JWT, or larger than 16 KiB.
    #[error("the logout token is not a signed JWT")]
    Form,
    /// A header member that names a key or a rule of the sender's own.
    #[error("the logout token's header member `{0}` is not accepted")]
    HeaderMember(&'static str),
    /// `none`, a symmetric algorithm, or one that is not on the issuer's list.
    #[error("the logout token's algorithm is not one its issuer may use here")]
    Algorithm,
    /// `iss` is not an issuer of the policy; nothing was fetched.
    #[error("the logout token's issuer is not one this service trusts")]
    Issuer,
    /// No key of the issuer has the token's `kid` and fits its algorithm.
    #[error("the logout token's key is not among its issuer's published keys")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the logout token's signature is not valid")]
    Signature,
    /// An access token, an ID token, or anything else that does not say it is a logout token.
    #[error("the token does not say that it is a logout token")]
    NotALogoutToken,
    /// A claim is missing, of another type, or belongs to another kind of token.
    #[error("the logout token's claim `{0}` is missing, malformed or not accepted")]
    Claim(&'static str),
    /// `aud` names none of the clients of this service's settings.
    #[error("the logout token is for another client")]
    Audience,
    /// `iat` is too long ago or in the future, or `exp` has passed.
    #[error("the logout token is not of this moment")]
    Time,
    /// The same `jti` was taken before.
    #[error("the logout token has been used before")]
    Replayed,
    /// The issuer's keys cannot be had.
    #[error(transparent)]
    Provider(ProviderError),
    /// The record could not be written.
    #[error("the logout could not be recorded")]
    Store(#[from] StoreError),
}

impl From<OauthError> for LogoutError {
    fn from(error: OauthError) -> Self {
        match error {
            OauthError::HeaderMember(member) => Self::HeaderMember(member),
            OauthError::Algorithm => Self::Algorithm,
            OauthError::Issuer => Self::Issuer,
            OauthError::UnknownKey => Self::UnknownKey,
            OauthError::Signature => Self::Signature,
            OauthError::NotAnAccessToken => Self::NotALogoutToken,
            OauthError::Claim(claim) => Self::Claim(claim),
            OauthError::Provider(error) => Self::Provider(error),
            _ => Self::Form,
        }
    }
}

impl MayConflict for LogoutError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl Problem for LogoutError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Provider(ProviderError::Timeout) => ProblemKind::UpstreamTimeout,
            Self::Provider(_) => ProblemKind::UpstreamFailed,
            Self::Store(_) => ProblemKind::Unavailable,
            _ => ProblemKind::InvalidRequest,
        }
    }

    fn is_oauth(&self) -> bool {
        true
    }
}
