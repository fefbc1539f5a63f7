//! Making a record: how long it is kept, and the event that tells of it.

use serde_json::{Value, json};
use store::{Event, Moment, Revocation, StoreError, Tx};
use token::Timestamp;
use token::revocation::RevocationKey;

/// The event's kind in the outbox.
pub(super) const KIND: &str = "assertion-revoked";
/// The longest life of an OAuth token, and a minute: a record of whom it stands for is kept this long, seconds.
const OAUTH_LIFE: u64 = 3600 + 60;
/// How long a verifier that cannot fetch them believes the keys it has, and a minute, seconds.
const KEY_LIFE: u64 = 3600 + 60;
/// The longest life of a root, and a minute: a record of a root or link is kept this long, seconds.
pub(super) const ROOT_LIFE: u64 = 600 + 60;

/// Why something is revoked; a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The person logged out at their identity provider.
    Logout,
    /// A workload gave a token back (RFC 7009).
    TokenRevoked,
    /// An operator took a key out of use.
    KeyRetired,
    /// An operator refuses what was minted before a moment.
    MintedBefore,
}

impl Cause {
    /// The cause as records and events spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::TokenRevoked => "token-revoked",
            Self::KeyRetired => "key-retired",
            Self::MintedBefore => "minted-before",
        }
    }
}

/// What is revoked by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// What.
    pub key: RevocationKey,
    /// Only logins up to this moment; for an asserter, only roots minted up to it.
    pub not_after_iat: Option<Timestamp>,
    /// Why.
    pub cause: Cause,
    /// Who said so and in which message: an issuer or SPIFFE ID, and the identifier of its message or token.
    pub source: (String, String),
    /// The transaction of the token that is revoked.
    pub txn: Option<String>,
}

impl Revoked {
    /// Writes the record and its event in `tx`; false, without an event, if it was recorded before.
    ///
    /// # Errors
    /// [`StoreError`] if the store refuses.
    pub async fn record(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<bool, StoreError> {
        let at = Moment::from_seconds(now.0);
        let life = match self.key {
            RevocationKey::Session { .. } | RevocationKey::Person { .. } => OAUTH_LIFE,
            RevocationKey::MintingKey(_) => KEY_LIFE,
            _ => ROOT_LIFE,
        };
        let revocation = Revocation {
            scope: self.key.scope().to_owned(),
            key: self.key.parts(),
            not_after_iat: self.not_after_iat.map(|login| Moment::from_seconds(login.0)),
            cause: self.cause.name().to_owned(),
            txn: self.txn.clone(),
            recorded_at: at,
            expires: at.plus_seconds(life),
        };
        if !tx.revocations().record(&revocation).await? {
            return Ok(false);
        }
        tx.emit(&Event::new(KIND, subject(&self.key), self.payload(), self.txn.clone(), at)).await?;
        tracing::info!(scope = revocation.scope, cause = revocation.cause, key = ?revocation.key, "revoked");
        Ok(true)
    }

    fn payload(&self) -> Value {
        let (iss, jti) = &self.source;
        json!({
            "reason": self.cause.name(),
            "cause": {"iss": iss, "jti": jti},
            "revoked_before": self.not_after_iat,
            "scope": self.key.scope(),
        })
    }
}

/// RFC 9493.
fn subject(key: &RevocationKey) -> Value {
    match key {
        RevocationKey::Root { iss, jti } | RevocationKey::Link { iss, jti } => {
            json!({"format": "jwt_id", "iss": iss.to_string(), "jti": jti.to_string()})
        }
        RevocationKey::AnonymousLink { root_iss, jti, .. } => {
            json!({"format": "jwt_id", "iss": root_iss.to_string(), "jti": jti.to_string()})
        }
        RevocationKey::Session { dpa, sid } => json!({
            "format": "complex",
            "session": {"format": "opaque", "id": sid},
            "tenant": {"format": "uri", "uri": dpa},
        }),
        RevocationKey::Person { dpa, dpr } => json!({"format": "iss_sub", "iss": dpa, "sub": dpr}),
        RevocationKey::Workload(id) | RevocationKey::Asserter(id) => json!({"format": "uri", "uri": id.to_string()}),
        RevocationKey::Certificate(hash) | RevocationKey::MintingKey(hash) => {
            json!({"format": "opaque", "id": hash.to_string()})
        }
    }
}
