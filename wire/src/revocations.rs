//! The published list of revocations: `GET /revocations`, a JWS (RFC 7515) whose payload is a [`RevocationList`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where an asserting workload publishes what is revoked; `?after=` a version asks for what came later.
pub const REVOCATIONS: &str = "/revocations";

/// The `typ` of the JWS header; with `application/` before it, the media type.
pub const TYPE: &str = "dasvid-revocations+jwt";

/// The media type of the answer.
pub const MEDIA_TYPE: &str = "application/dasvid-revocations+jwt";

/// Records after one version up to another, and when that was all there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevocationList {
    /// SPIFFE ID of the asserting workload that signs the list.
    #[schema(example = "spiffe://bank.example/asserting-wl")]
    pub iss: String,
    /// When the list was made, Unix seconds.
    pub iat: u64,
    /// The version it continues; 0 is a full snapshot.
    pub after: u64,
    /// The version a receiver has reached with it. Versions never go back.
    pub version: u64,
    /// Nothing was recorded after `version` when the list was made. Otherwise ask again.
    pub complete: bool,
    /// The records.
    pub records: Vec<RevocationEntry>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevocationEntry {
    /// `root`, `session`, `person`, `link`, `anonymous-link`, `workload`, `certificate`, `minting-key` or `asserter`.
    #[schema(example = "session")]
    pub scope: String,
    /// Which one: an issuer or asserter and an identifier of it, or one identifier.
    #[schema(example = json!(["https://idp.example", "k5bn3Egz7HjE2RH_mGduMtOO"]))]
    pub key: Vec<String>,
    /// Only logins (`auth_time`, else `oat`) up to this moment, of an asserter only roots whose `iat` is not later, Unix
    /// seconds; every one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after_iat: Option<u64>,
    /// Why.
    #[schema(example = "logout")]
    pub cause: String,
    /// When it may be forgotten, Unix seconds.
    pub expires: u64,
}
