//! `GET /revocations`: the records after a version, signed with the minting key.
//!
//! A list is read from the store for every answer, so it is never older than its `iat`. It is signed so that a verifier
//! believes the asserter, whatever carried the list; its `typ` keeps it from being taken for a DA-SVID.

use std::time::Duration;

use chassis::Problem;
use spiffe::SpiffeId;
use store::{Moment, Store, StoreError, StoredRevocation};
use token::Timestamp;
use token::encoding::{base64url, base64url_json};
use wire::problem::ProblemKind;
use wire::revocations::{RevocationEntry, RevocationList, TYPE};

use super::key_of;
use super::record::ROOT_LIFE;
use crate::keyring::KeyringError;
use crate::keyring::signer::{self, Signer, SignerError};

/// Most records in one list; about 300 KiB.
const PAGE: u32 = 1000;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Another query than one `after`.
    #[error("the only parameter here is `after`, once, a version of the list")]
    Query,
    /// The records cannot be read.
    #[error("the revocations cannot be read")]
    Store(#[from] StoreError),
    /// There is no key to sign the list with.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The list could not be signed.
    #[error("the list of revocations could not be signed")]
    Signer(#[from] SignerError),
    /// The list could not be written.
    #[error("the list of revocations could not be written")]
    Form(#[source] serde_json::Error),
}

impl Problem for ListError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::Query => ProblemKind::InvalidRequest,
            Self::Store(_) | Self::Keyring(_) | Self::Signer(_) => ProblemKind::Unavailable,
            Self::Form(_) => ProblemKind::Internal,
        }
    }
}

/// The version a query asks to continue; 0 without one.
///
/// # Errors
/// [`ListError::Query`] for anything but `after` with a number, once.
pub fn wanted(query: Option<&str>) -> Result<u64, ListError> {
    let Some(query) = query else { return Ok(0) };
    let mut parameters = url::form_urlencoded::parse(query.as_bytes());
    match (parameters.next(), parameters.next()) {
        (Some((name, value)), None) if name == "after" => {
            let version = value.parse::<i64>().ok().and_then(|version| u64::try_from(version).ok());
            version.ok_or(ListError::Query)
        }
        _ => Err(ListError::Query),
    }
}

/// The records after a version, as `me` publishes them at `now`.
///
/// # Errors
/// [`ListError::Store`] if the store cannot be read.
pub async fn read(store: &dyn Store, me: &SpiffeId, after: u64, now: Timestamp) -> Result<RevocationList, ListError> {
    let mut tx = store.read().await?;
    let last = tx.revocations().sequence().await?;
    let from = i64::try_from(after).unwrap_or(i64::MAX);
    let page = tx.revocations().after(from, Moment::from_seconds(now.0), PAGE).await?;
    let complete = page.len() < PAGE as usize;
    let version = if complete { last } else { page.last().map_or(last, |stored| stored.sequence) };
    Ok(RevocationList {
        iss: me.to_string(),
        iat: now.0,
        after,
        version: u64::try_from(version).unwrap_or(0),
        complete,
        records: page.iter().map(|stored| entry(me, stored)).filter(|entry| entry.expires > now.0).collect(),
    })
}

/// Verifiers meet roots only, so a record of whom roots stand for concerns them no longer than a root lives that was
/// minted before it.
fn entry(me: &SpiffeId, stored: &StoredRevocation) -> RevocationEntry {
    let revocation = &stored.revocation;
    let expires = match revocation.scope.as_str() {
        "workload" | "certificate" | "minting-key" => revocation.expires,
        _ => revocation.expires.min(revocation.recorded_at.plus_seconds(ROOT_LIFE)),
    };
    RevocationEntry {
        scope: revocation.scope.clone(),
        key: key_of(me, revocation).map_or_else(|_| revocation.key.clone(), |key| key.parts()),
        not_after_iat: revocation.not_after_iat.map(Moment::seconds),
        cause: revocation.cause.clone(),
        expires: expires.seconds(),
    }
}

/// The list as it travels: a compact JWS.
///
/// # Errors
/// [`ListError::Signer`] or [`ListError::Form`]; neither is the caller's fault.
pub async fn sign(list: &RevocationList, key: &dyn Signer, patience: Duration) -> Result<String, ListError> {
    let public = key.public();
    let header = serde_json::json!({"typ": TYPE, "alg": signer::algorithm(public).name(), "kid": public.thumbprint()});
    let payload = serde_json::to_vec(list).map_err(ListError::Form)?;
    let message = format!("{}.{}", base64url_json(header), base64url(&payload));
    let signature = signer::sign(key, message.as_bytes(), patience).await?;
    Ok(format!("{message}.{}", base64url(&signature)))
}
