//! Turning an OAuth access token into a DA-SVID: `POST /mint`, `/ecdsaassertion`, `/mintassertion`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Mints a plain DA-SVID.
pub const MINT: &str = "/mint";
/// Mints the root of an ID-mode chain.
pub const ECDSA_ASSERTION: &str = "/ecdsaassertion";
/// Mints the root of an anonymous chain.
pub const MINT_ASSERTION: &str = "/mintassertion";

/// The form body of all three mint endpoints (`application/x-www-form-urlencoded`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MintRequest {
    /// The person's OAuth access token.
    pub access_token: String,
    /// SPIFFE IDs where the chain may end, separated by single spaces; all that policy allows when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// OAuth scopes to ask for (RFC 6749 §3.3); all that the token and policy allow when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Binds a plain DA-SVID to one request (base64url SHA-256); refused by the other two endpoints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rqd: Option<String>,
}

impl fmt::Debug for MintRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintRequest")
            .field("audience", &self.audience)
            .field("scope", &self.scope)
            .field("rqd", &self.rqd)
            .finish_non_exhaustive()
    }
}

/// What was found out about the OAuth token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OauthToken {
    /// Its signature verified under a key of its issuer.
    pub signature_valid: bool,
    /// It had not expired.
    pub expiration_valid: bool,
    /// Seconds it has left.
    pub expires_in: u64,
}

/// The answer of all three mint endpoints.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MintResponse {
    /// The DA-SVID in compact form.
    pub da_svid: String,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// What was found out about the OAuth token.
    pub oauth_token: OauthToken,
    /// The root signer's certificates as a `DA-SVID-Certs` value, where an SVID signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
    /// The zero-knowledge proof of the OAuth signature as a `DA-SVID-Proof` value, where the asserter embeds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

impl fmt::Debug for MintResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintResponse")
            .field("expires_in", &self.expires_in)
            .field("oauth_token", &self.oauth_token)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> MintRequest {
        MintRequest { access_token: "s3cret".into(), audience: None, scope: Some("accounts.read".into()), rqd: None }
    }

    fn response() -> MintResponse {
        MintResponse {
            da_svid: "s3cret".into(),
            expires_in: 120,
            oauth_token: OauthToken { signature_valid: true, expiration_valid: true, expires_in: 299 },
            certificates: None,
            proof: None,
        }
    }

    #[test]
    fn answers_in_the_members_of_the_protocol() {
        insta::assert_snapshot!(
            serde_json::to_string(&response()).unwrap(),
            @r#"{"da_svid":"s3cret","expires_in":120,"oauth_token":{"signature_valid":true,"expiration_valid":true,"expires_in":299}}"#
        );
    }

    #[test]
    fn debug_never_shows_a_token() {
        assert!(!format!("{:?} {:?}", request(), response()).contains("s3cret"));
    }
}
