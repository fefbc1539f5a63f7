//! The claims of a root: the DA-SVID itself.

use std::fmt;
use std::str::FromStr;

use spiffe::SpiffeId;

use super::{Only, TokenId, audience, digest, list, moment, optional, refuse, required, string, token_id, workload};
use crate::Timestamp;
use crate::encoding::{self, Digest};
use crate::json::{Object, Value};
use crate::mode::Mode;
use crate::refusal::Reason;

/// An OAuth scope (RFC 6749 §3.3): tokens separated by single spaces; `""` allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(String);

/// The text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is printable ASCII without quotes and backslashes, separated by single spaces")]
pub struct ScopeError;

impl Scope {
    /// The scope's tokens.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether `token` is one of them.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.tokens().any(|known| known == token)
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_token = |token: &str| {
            !token.is_empty() && token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        if text.is_empty() || text.split(' ').all(is_token) { Ok(Self(text.to_owned())) } else { Err(ScopeError) }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The claims of a root (tokens.md, "Root — the DA-SVID").
#[derive(Clone, Debug, PartialEq)]
pub struct RootClaims {
    /// The asserter.
    pub iss: SpiffeId,
    /// The workload that may act: the first link is its own.
    pub sub: SpiffeId,
    /// Where the chain may end: workloads or whole trust domains; at least one.
    pub aud: Vec<SpiffeId>,
    /// Delegating principal authority: the OAuth `iss`. The person is the pair (`dpa`, `dpr`).
    pub dpa: String,
    /// Delegating principal: the OAuth `sub`. Means nothing without `dpa`.
    pub dpr: String,
    /// When the OAuth token was verified.
    pub aat: Timestamp,
    /// The OAuth token's own `iat`.
    pub oat: Timestamp,
    /// When the person logged in.
    pub auth_time: Option<Timestamp>,
    /// The provider's session; means nothing without `dpa`.
    pub sid: Option<String>,
    /// Authentication context class.
    pub acr: Option<String>,
    /// Authentication methods.
    pub amr: Option<Vec<String>>,
    /// The OAuth client.
    pub client_id: Option<String>,
    /// When the root was made.
    pub iat: Timestamp,
    /// When it ends: at most 10 minutes later.
    pub exp: Timestamp,
    /// This root.
    pub jti: TokenId,
    /// The transaction; every event the token causes keeps it.
    pub txn: TokenId,
    /// OAuth scope ∩ policy ∩ request.
    pub scope: Scope,
    /// What the asserter restricts.
    pub only: Option<Only>,
    /// Plain and ID mode: the holder's leaf certificate.
    pub cnf: Option<Digest>,
    /// Plain mode: the one request the root is good for.
    pub rqd: Option<Digest>,
}

impl RootClaims {
    pub(crate) fn read(members: &Object, mode: Mode) -> Result<Self, Reason> {
        refuse(members, &["fin", "prv"])?;
        match mode {
            Mode::Plain => {}
            Mode::Id => refuse(members, &["rqd"])?,
            Mode::Anonymous => refuse(members, &["rqd", "cnf"])?,
        }
        Ok(Self {
            iss: required(members, "iss", workload)?,
            sub: required(members, "sub", workload)?,
            aud: required(members, "aud", |value| list(value, audience).filter(|aud| !aud.is_empty()))?,
            dpa: required(members, "dpa", string)?,
            dpr: required(members, "dpr", string)?,
            aat: required(members, "aat", moment)?,
            oat: required(members, "oat", moment)?,
            auth_time: optional(members, "auth_time", moment)?,
            sid: optional(members, "sid", string)?,
            acr: optional(members, "acr", string)?,
            amr: optional(members, "amr", |value| list(value, string))?,
            client_id: optional(members, "client_id", string)?,
            iat: required(members, "iat", moment)?,
            exp: required(members, "exp", moment)?,
            jti: required(members, "jti", token_id)?,
            txn: required(members, "txn", token_id)?,
            scope: required(members, "scope", |value| value.as_str()?.parse().ok())?,
            only: Only::read(members)?,
            cnf: optional(members, "cnf", confirmation)?,
            rqd: optional(members, "rqd", digest)?,
        })
    }

    /// The claims as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let ids: Vec<_> = self.aud.iter().map(ToString::to_string).collect();
        let mut json = serde_json::json!({
            "iss": self.iss.to_string(), "sub": self.sub.to_string(), "aud": ids,
            "dpa": self.dpa, "dpr": self.dpr, "aat": self.aat, "oat": self.oat,
            "iat": self.iat, "exp": self.exp,
            "jti": self.jti.to_string(), "txn": self.txn.to_string(), "scope": self.scope.as_str(),
        });
        let optional = [
            ("auth_time", self.auth_time.map(|moment| moment.0.into())),
            ("sid", self.sid.clone().map(Into::into)),
            ("acr", self.acr.clone().map(Into::into)),
            ("amr", self.amr.clone().map(Into::into)),
            ("client_id", self.client_id.clone().map(Into::into)),
            ("only", self.only.as_ref().map(Only::to_json)),
            ("cnf", self.cnf.map(|x5t| serde_json::json!({ "x5t#S256": x5t.to_string() }))),
            ("rqd", self.rqd.map(|rqd| rqd.to_string().into())),
        ];
        if let Some(members) = json.as_object_mut() {
            members.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        json
    }

    /// The payload as it is signed: base64url of the JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        encoding::base64url_json(self.to_json())
    }
}

/// `cnf` is exactly `{"x5t#S256": …}`.
pub(super) fn confirmation(value: &Value) -> Option<Digest> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    members.get("x5t#S256").and_then(digest)
}
