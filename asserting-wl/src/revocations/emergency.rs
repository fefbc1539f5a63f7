//! Records an operator makes after a compromise: a stolen key, everything minted before a moment.

use serde_json::json;
use store::{Event, Moment, Revocation, Store, StoreError, Tx};
use token::Timestamp;
use token::encoding::Digest;
use token::revocation::RevocationKey;

use super::record::{Cause, KIND, ROOT_LIFE, Revoked};

/// The scope of a record about everything an asserter minted.
pub(super) const ASSERTER: &str = "asserter";

/// Refuses everything the published key with this thumbprint signed; false if that was recorded before.
///
/// # Errors
/// [`StoreError`] if the store refuses.
pub async fn refuse_key(tx: &mut dyn Tx, kid: Digest, now: Moment) -> Result<bool, StoreError> {
    let revoked = Revoked {
        key: RevocationKey::MintingKey(kid),
        not_after_iat: None,
        cause: Cause::KeyRetired,
        source: ("operator".to_owned(), kid.to_string()),
        txn: None,
    };
    revoked.record(tx, Timestamp(now.seconds())).await
}

/// Refuses everything the asserter of this store minted before `moment`, in a transaction of its own.
///
/// # Errors
/// [`StoreError`] if the store refuses.
pub async fn refuse(store: &dyn Store, moment: Timestamp, now: Moment) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    let recorded = refuse_minted_before(&mut *tx, moment, now).await?;
    tx.commit().await?;
    Ok(recorded)
}

/// Refuses everything this asserter minted before `moment`, a whole second; false if that was recorded before.
///
/// The store belongs to one asserter, so the record does not name it; the list it is published in does.
///
/// # Errors
/// [`StoreError`] if the store refuses.
pub async fn refuse_minted_before(tx: &mut dyn Tx, moment: Timestamp, now: Moment) -> Result<bool, StoreError> {
    let last = moment.minus(1);
    let revocation = Revocation {
        scope: ASSERTER.to_owned(),
        key: Vec::new(),
        not_after_iat: Some(Moment::from_seconds(last.0)),
        cause: Cause::MintedBefore.name().to_owned(),
        txn: None,
        recorded_at: now,
        expires: now.plus_seconds(ROOT_LIFE),
    };
    if !tx.revocations().record(&revocation).await? {
        return Ok(false);
    }
    let payload = json!({
        "reason": Cause::MintedBefore.name(),
        "cause": {"iss": "operator", "jti": moment.0.to_string()},
        "revoked_before": last,
        "scope": ASSERTER,
    });
    tx.emit(&Event::new(KIND, json!({"format": "opaque", "id": ASSERTER}), payload, None, now)).await?;
    tracing::info!(scope = ASSERTER, before = moment.0, "revoked");
    Ok(true)
}
