//! When a list is believed: its form, its signer, and that it continues what is known.

use spiffe::SpiffeId;
use thiserror::Error;
use token::encoding::from_base64url;
use token::json::{self, Object, Value};
use token::revocation::{RevocationKey, RevocationRecord};
use token::{RootKey, Timestamp, Trust};
use wire::revocations::{RevocationEntry, RevocationList, TYPE};

/// Clock difference allowed between an asserter and this process, seconds.
const LEEWAY: u64 = 30;

/// Why a list is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is not a compact JWS of a list, or its header has another `typ` or further members.
    #[error("it is not a signed list of revocations")]
    Form,
    /// Its key is not among those its asserter publishes.
    #[error("its key is not one its asserter publishes")]
    UnknownKey,
    /// Its signature does not verify.
    #[error("its signature is not valid")]
    Signature,
    /// It is the list of another asserter.
    #[error("it is another asserter's list")]
    Issuer,
    /// It was made more than half a minute ago or ahead.
    #[error("it was not made now; are the clocks right?")]
    Time,
    /// It continues another version than the one that is known.
    #[error("it does not continue what is known")]
    Gap,
    /// It is older than what is known: the asserter lost its store. Restart this process once that is settled.
    #[error("it is older than what is known; if the asserter lost its store, restart this process")]
    RolledBack,
}

/// A list that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// The version reached with it.
    pub version: u64,
    /// Nothing came after it when it was made.
    pub complete: bool,
    /// When it was made, by its asserter's clock.
    pub made: Timestamp,
    /// The records this version of the software understands.
    pub records: Vec<RevocationRecord>,
}

/// Reads the list `jws` of `asserter` that continues version `after`.
///
/// # Errors
/// [`ListError`]; the first check that fails.
pub fn open(jws: &str, asserter: &SpiffeId, trust: &Trust, after: u64, now: Timestamp) -> Result<Believed, ListError> {
    let (message, signature) = jws.rsplit_once('.').ok_or(ListError::Form)?;
    let (header, payload) = message.split_once('.').ok_or(ListError::Form)?;
    verify(header, message, signature, asserter, trust)?;
    let payload = from_base64url(payload).ok_or(ListError::Form)?;
    let list: RevocationList = serde_json::from_slice(&payload).map_err(|_| ListError::Form)?;
    if list.iss != asserter.to_string() {
        return Err(ListError::Issuer);
    }
    if list.iat > now.plus(LEEWAY).0 || now.0 > list.iat.saturating_add(LEEWAY) {
        return Err(ListError::Time);
    }
    if list.version < after {
        return Err(ListError::RolledBack);
    }
    if list.after != after {
        return Err(ListError::Gap);
    }
    Ok(Believed {
        version: list.version,
        complete: list.complete,
        made: Timestamp(list.iat),
        records: list.records.iter().filter_map(record).collect(),
    })
}

/// One key of exactly this asserter, and exactly the algorithm it is published for.
fn verify(header: &str, message: &str, signature: &str, asserter: &SpiffeId, trust: &Trust) -> Result<(), ListError> {
    let header = from_base64url(header).and_then(|header| json::read_object(&header).ok()).ok_or(ListError::Form)?;
    if header.len() != 3 || text(&header, "typ") != Some(TYPE) {
        return Err(ListError::Form);
    }
    let kid = text(&header, "kid").ok_or(ListError::Form)?;
    let key = trust.keys.get(asserter).and_then(|keys| keys.find(kid)).ok_or(ListError::UnknownKey)?;
    let RootKey::Jose { alg, key } = key else { return Err(ListError::UnknownKey) };
    if text(&header, "alg") != Some(alg.name()) {
        return Err(ListError::Form);
    }
    let signature = from_base64url(signature).ok_or(ListError::Form)?;
    key.verify(*alg, message.as_bytes(), &signature).map_err(|_| ListError::Signature)
}

fn text<'a>(object: &'a Object, member: &str) -> Option<&'a str> {
    object.get(member).and_then(Value::as_str)
}

/// A record whose scope only a later version knows is left out, loudly: this process cannot look it up.
fn record(entry: &RevocationEntry) -> Option<RevocationRecord> {
    match RevocationKey::from_parts(&entry.scope, &entry.key) {
        Ok(key) => Some(RevocationRecord {
            key,
            not_after_iat: entry.not_after_iat.map(Timestamp),
            expires: Timestamp(entry.expires),
        }),
        Err(error) => {
            tracing::error!(scope = entry.scope, %error, "a published revocation is not understood");
            None
        }
    }
}
