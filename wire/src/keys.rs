//! The key set of `GET /keys` (RFC 7517), as it is written and as it is read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an asserting workload publishes its keys.
pub const KEYS: &str = "/keys";

/// One public key. Members this version does not know are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jwk {
    /// Key type: `EC`, `RSA` or `OKP`.
    #[schema(example = "EC")]
    pub kty: String,
    /// Curve, for `EC` and `OKP`: `P-256`, `P-384`, `Ed25519`, `ristretto255`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    /// First coordinate or the whole point, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    /// Second coordinate, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// RSA modulus, base64url, without leading zero bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    /// RSA exponent, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
    /// The only algorithm this key is used with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// `sig`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub r#use: Option<String>,
    /// RFC 7638 thumbprint, base64url.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

/// A set of public keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jwks {
    /// The keys that sign, those that will and those that did, in no meaningful order.
    pub keys: Vec<Jwk>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_only_the_members_a_key_has() {
        let key = Jwk {
            kty: "OKP".into(),
            crv: Some("ristretto255".into()),
            x: Some("AA".into()),
            alg: Some("SCHOCO-R255".into()),
            r#use: Some("sig".into()),
            kid: Some("k1".into()),
            ..Jwk::default()
        };
        insta::assert_snapshot!(
            serde_json::to_string(&Jwks { keys: vec![key] }).unwrap(),
            @r#"{"keys":[{"kty":"OKP","crv":"ristretto255","x":"AA","alg":"SCHOCO-R255","use":"sig","kid":"k1"}]}"#
        );
    }

    #[test]
    fn ignores_members_of_other_profiles() {
        let set: Jwks =
            serde_json::from_str(r#"{"keys":[{"kty":"RSA","x5c":["…"],"n":"AQ","e":"AQAB"}],"x":1}"#).unwrap();
        assert_eq!(set.keys[0].e.as_deref(), Some("AQAB"));
    }
}
