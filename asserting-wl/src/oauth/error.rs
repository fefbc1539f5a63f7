//! Why an access token is refused, in words the caller can act on. No variant holds anything of the token.

use chassis::provider::ProviderError;
use wire::problem::ProblemKind;

/// Why an access token is refused.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OauthError {
    /// More than 16 KiB.
    #[error("the access token is larger than 16 KiB")]
    TooLarge,
    /// Not three base64url segments, or a header or payload that is no JSON object or repeats a member.
    #[error("the access token is not a signed JWT")]
    Form,
    /// A header member that names a key or a rule of the sender's own.
    #[error("the access token's header member `{0}` is not accepted")]
    HeaderMember(&'static str),
    /// `none`, a symmetric algorithm, or one that is not on the issuer's list.
    #[error("the access token's algorithm is not one its issuer may use here")]
    Algorithm,
    /// `iss` is not an issuer of the policy; nothing was fetched.
    #[error("the access token's issuer is not one this service trusts")]
    Issuer,
    /// No key of the issuer has the token's `kid` and fits its algorithm.
    #[error("the access token's key is not among its issuer's published keys")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the access token's signature is not valid")]
    Signature,
    /// An ID token, a logout token, a userinfo response, or anything else that does not say it is an access token.
    #[error("the token does not say that it is an access token; send the access token, not the ID token")]
    NotAnAccessToken,
    /// An access token that an application got for itself (client credentials); nobody delegated anything.
    #[error("the access token was issued to an application for itself, not on behalf of a person")]
    NoPerson,
    /// A claim is missing, of another type, or belongs to another kind of token.
    #[error("the access token's claim `{0}` is missing, malformed or not accepted")]
    Claim(&'static str),
    /// `aud` names none of the audiences of the policy.
    #[error("the access token is for another audience")]
    Audience,
    /// The client (`client_id`, `azp` or `cid`) is not on the issuer's list of clients.
    #[error("the access token was issued to a client that may not use this service")]
    Client,
    /// `may_act` names another workload.
    #[error("the access token names another workload in `may_act`")]
    MayAct,
    /// `iat` or `nbf` lies more than 30 seconds ahead.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// `exp` has passed.
    #[error("the access token has expired")]
    Expired,
    /// `exp` is more than an hour after `iat`.
    #[error("the access token lives longer than an hour")]
    LivesTooLong,
    /// The issuer's keys cannot be had.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl OauthError {
    /// The problem it is answered with.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        match self {
            Self::TooLarge => ProblemKind::TooLarge,
            Self::Provider(ProviderError::Timeout) => ProblemKind::UpstreamTimeout,
            Self::Provider(_) => ProblemKind::UpstreamFailed,
            _ => ProblemKind::InvalidToken,
        }
    }

    /// The label it is counted and aggregated under.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::TooLarge => "oauth-size",
            Self::Form => "oauth-form",
            Self::HeaderMember(_) => "oauth-header",
            Self::Algorithm => "oauth-algorithm",
            Self::Issuer => "oauth-issuer",
            Self::UnknownKey => "oauth-key",
            Self::Signature => "oauth-signature",
            Self::NotAnAccessToken | Self::NoPerson => "oauth-kind",
            Self::Claim(_) => "oauth-claim",
            Self::Audience => "oauth-audience",
            Self::Client => "oauth-client",
            Self::MayAct => "oauth-may-act",
            Self::NotYetValid | Self::Expired | Self::LivesTooLong => "oauth-time",
            Self::Provider(_) => "oauth-provider",
        }
    }
}

/// Why an `[[issuer]]` of the policy cannot be used; found at start-up.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssuerError {
    /// The address is neither https nor http on loopback.
    #[error("issuer `{0}`: the address must be https, or http on loopback")]
    Address(String),
    /// An algorithm is symmetric, `none` or unknown.
    #[error("issuer `{0}`: the algorithm `{1}` cannot be used; RS256, PS256, ES256, ES384, Ed25519 and EdDSA can")]
    Algorithm(String, String),
    /// `audience` or `algs` is empty.
    #[error("issuer `{0}`: `{1}` must not be empty")]
    Empty(String, &'static str),
    /// Two rows have the same address.
    #[error("issuer `{0}` is listed twice")]
    Repeated(String),
}
