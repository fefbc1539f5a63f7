//! What the endpoints of OAuth take and answer: token exchange (RFC 8693), revocation (RFC 7009), metadata (RFC 8414,
//! RFC 9728).

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Token exchange.
pub const TOKEN: &str = "/token";
/// Token revocation.
pub const REVOKE: &str = "/revoke";
/// What an authorization server offers (RFC 8414 §3).
pub const AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// What a protected resource asks for (RFC 9728 §3).
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// The only `grant_type` here.
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// The only `subject_token_type` here.
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// A `requested_token_type` is this and a mode: `plain`, `id` or `anonymous`.
pub const TOKEN_TYPE: &str = "urn:x-dasvid:token-type:";

/// Proofs of OAuth signatures are made when somebody introspects.
pub const AT_INTROSPECT: &str = "introspect";
/// Proofs of OAuth signatures are made with the DA-SVID and travel with it.
pub const AT_MINT: &str = "mint";

/// The form body of `/token`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct TokenRequest {
    /// `urn:ietf:params:oauth:grant-type:token-exchange`.
    pub grant_type: Option<String>,
    /// The person's OAuth access token.
    pub subject_token: Option<String>,
    /// `urn:ietf:params:oauth:token-type:access_token`.
    pub subject_token_type: Option<String>,
    /// `urn:x-dasvid:token-type:plain`, `…:id` or `…:anonymous`.
    pub requested_token_type: Option<String>,
    /// SPIFFE IDs where the chain may end, separated by single spaces.
    pub audience: Option<String>,
    /// OAuth scopes to ask for.
    pub scope: Option<String>,
    /// Binds a plain DA-SVID to one request (base64url SHA-256).
    pub rqd: Option<String>,
    /// The caller's own SPIFFE ID, if anything (RFC 8705 §2).
    pub client_id: Option<String>,
    /// Refused: an audience is named by its SPIFFE ID.
    pub resource: Option<String>,
    /// Refused: the mTLS peer is the actor.
    pub actor_token: Option<String>,
    /// Refused.
    pub actor_token_type: Option<String>,
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest").field("requested_token_type", &self.requested_token_type).finish_non_exhaustive()
    }
}

/// The answer of `/token` (RFC 8693 §2.2.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenResponse {
    /// The DA-SVID; it is no access token, whatever the member is called.
    pub access_token: String,
    /// What was asked for.
    pub issued_token_type: String,
    /// `N_A`: a DA-SVID is not presented as a bearer token.
    pub token_type: String,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// The scope it has.
    pub scope: String,
    /// The root signer's certificates as a `DA-SVID-Certs` value, where an SVID signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
    /// The zero-knowledge proof of the OAuth signature as a `DA-SVID-Proof` value, where the asserter embeds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenResponse").field("issued_token_type", &self.issued_token_type).finish_non_exhaustive()
    }
}

/// The form body of `/revoke` (RFC 7009 §2.1).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokeRequest {
    /// The chain or its root in compact form; of an anonymous one better the root with its tail cut to R.
    pub token: String,
    /// Not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
}

impl fmt::Debug for RevokeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokeRequest").finish_non_exhaustive()
    }
}

/// What an asserting workload offers as an authorization server (RFC 8414 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuthorizationServer {
    /// The URL it is reached at.
    pub issuer: String,
    /// Its SPIFFE ID: the `iss` of its DA-SVIDs and the only identity its certificate may have.
    pub spiffe_id: String,
    /// `/token`.
    pub token_endpoint: String,
    /// `/introspect`.
    pub introspection_endpoint: String,
    /// `/revoke`.
    pub revocation_endpoint: String,
    /// `/keys`.
    pub jwks_uri: String,
    /// None: there is no authorization endpoint.
    pub response_types_supported: Vec<String>,
    /// Token exchange.
    pub grant_types_supported: Vec<String>,
    /// Every scope a row of the policy can grant.
    pub scopes_supported: Vec<String>,
    /// `tls_client_auth` by URI SAN (RFC 8705 §2.1).
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// The same.
    pub introspection_endpoint_auth_methods_supported: Vec<String>,
    /// The same.
    pub revocation_endpoint_auth_methods_supported: Vec<String>,
    /// When it makes proofs of OAuth signatures: `introspect` or `mint`. A member of our own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dasvid_proofs_at: Option<String>,
}

/// What a service that takes DA-SVIDs asks for (RFC 9728 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProtectedResource {
    /// The URL it is reached at.
    pub resource: String,
    /// Its SPIFFE ID: the audience of chains that end here.
    pub spiffe_id: String,
    /// Where DA-SVIDs come from.
    pub authorization_servers: Vec<String>,
    /// What its routes ask for.
    pub scopes_supported: Vec<String>,
    /// None: a chain travels in `DA-SVID`, with the peer's certificate, and is no bearer token.
    pub bearer_methods_supported: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_token() {
        let secret = || Some("s3cret".to_owned());
        let asked = TokenRequest { subject_token: secret(), actor_token: secret(), ..TokenRequest::default() };
        let revoked = RevokeRequest { token: "s3cret".into(), token_type_hint: None };
        let answered = TokenResponse {
            access_token: "s3cret".into(),
            issued_token_type: "t".into(),
            token_type: "N_A".into(),
            expires_in: 1,
            scope: String::new(),
            certificates: None,
            proof: None,
        };
        assert!(!format!("{asked:?} {revoked:?} {answered:?}").contains("s3cret"));
    }
}
