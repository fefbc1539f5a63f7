//! Asking the asserting workload about a chain: `POST /introspect` (RFC 7662) and `POST /validate`.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Tells those who may know whether a chain is alive.
pub const INTROSPECT: &str = "/introspect";
/// Diagnoses a chain; never a basis for access.
pub const VALIDATE: &str = "/validate";

/// The form body of `/introspect`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IntrospectRequest {
    /// The chain in compact form; of an unsealed anonymous chain its root with the tail cut to R.
    pub token: String,
    /// 16 to 64 random bytes, base64url, used once: asks for a zero-knowledge proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

impl fmt::Debug for IntrospectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectRequest").field("nonce", &self.nonce).finish_non_exhaustive()
    }
}

/// Who acted, newest outermost (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    /// SPIFFE ID of the link's signer.
    pub sub: String,
    /// When the link was made, Unix seconds.
    pub iat: u64,
    /// The link's `jti`.
    pub jti: String,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub act: Option<Box<Actor>>,
}

/// A zero-knowledge proof that the asserting workload holds the identity provider's signature over `input`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Zkp {
    /// The OAuth token's header and payload as they were signed: base64url `.` base64url. Not the signature.
    pub input: String,
    /// When the proof was made, Unix seconds.
    pub iat: u64,
    /// When it ends, Unix seconds.
    pub exp: u64,
    /// The proof, base64url.
    pub proof: String,
}

impl fmt::Debug for Zkp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Zkp").field("iat", &self.iat).field("exp", &self.exp).finish_non_exhaustive()
    }
}

/// The answer of `/introspect`. A dead token, and a caller who may not ask, get `{"active":false}` and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IntrospectResponse {
    /// The chain is genuine, in time and not revoked.
    pub active: bool,
    /// The chain's signers, in ID mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// How many links follow the root, in plain and anonymous mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<usize>,
    /// The proof that was asked for with a nonce, where policy lets the caller see the OAuth claims it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zkp: Option<Zkp>,
    /// The root's claims, beside the other members.
    #[serde(flatten)]
    pub claims: Map<String, Value>,
}

impl IntrospectResponse {
    /// What a dead token, and anyone who may not know, is answered.
    #[must_use]
    pub fn inactive() -> Self {
        Self::default()
    }
}

/// The form body of `/validate`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidateRequest {
    /// The chain in compact form.
    pub token: String,
}

impl fmt::Debug for ValidateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidateRequest").finish_non_exhaustive()
    }
}

/// The answer of `/validate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidateResponse {
    /// Every signature of the chain verified.
    pub signature_valid: bool,
    /// No segment had expired.
    pub expiration_valid: bool,
    /// The chain is genuine, in time and revoked.
    pub revoked: bool,
    /// Seconds until the first segment expires; 0 once one has.
    pub expires_in: u64,
    /// The root's claims.
    pub claims: Map<String, Value>,
    /// Each link's claims, in order.
    pub links: Vec<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dead_token_is_answered_with_one_member() {
        insta::assert_snapshot!(
            serde_json::to_string(&IntrospectResponse::inactive()).unwrap(),
            @r#"{"active":false}"#
        );
    }

    #[test]
    fn claims_stand_beside_the_other_members() {
        let first = Actor { sub: "spiffe://a.example/b".into(), iat: 1, jti: "j1".into(), act: None };
        let last = Actor { sub: "spiffe://a.example/c".into(), iat: 2, jti: "j2".into(), act: Some(Box::new(first)) };
        let claims = json!({"dpr": "alice", "jti": "j0"}).as_object().unwrap().clone();
        let answer = IntrospectResponse { active: true, act: Some(last), claims, ..IntrospectResponse::default() };
        let text = serde_json::to_string(&answer).unwrap();
        insta::assert_snapshot!(
            text,
            @r#"{"active":true,"act":{"sub":"spiffe://a.example/c","iat":2,"jti":"j2","act":{"sub":"spiffe://a.example/b","iat":1,"jti":"j1"}},"dpr":"alice","jti":"j0"}"#
        );
        assert_eq!(serde_json::from_str::<IntrospectResponse>(&text).unwrap(), answer);
    }

    #[test]
    fn debug_never_shows_a_token() {
        let asked = IntrospectRequest { token: "s3cret".into(), nonce: None };
        let validated = ValidateRequest { token: "s3cret".into() };
        assert!(!format!("{asked:?} {validated:?}").contains("s3cret"));
    }
}
