//! `/revoke` (RFC 7009): a workload gives a DA-SVID back before it ends.
//!
//! The root's `sub` and whoever the policy lists end the root and with it every chain on it; the signer of an ID link
//! ends its own link and what was built on it. Whether the chain's root is genuine is looked up in the record of mints,
//! so no certificates are needed. A token that is unknown, dead or no token at all is answered like one that was
//! revoked: what the caller wanted is the case.

use std::sync::Arc;

use chassis::{Clock, Problem};
use mesh::Peer;
use spiffe::SpiffeId;
use store::{MayConflict, MintRecord, Moment, Store, StoreError, Turn, retry};
use token::encoding::Digest;
use token::revocation::RevocationKey;
use token::{Chain, Mode, Timestamp};
use wire::problem::ProblemKind;

use crate::introspection::{CutRoot, cut_root_digest};
use crate::revocations::{Cause, Ledger, Revoked};

/// Why nothing is revoked although the token is alive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WithdrawalError {
    /// The caller has nothing to do with the chain.
    #[error("only the root's `sub`, the signer of a link and workloads of the policy may revoke it")]
    NotPermitted,
    /// The record could not be read or written.
    #[error("the revocation could not be recorded")]
    Store(#[from] StoreError),
}

impl MayConflict for WithdrawalError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl Problem for WithdrawalError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::NotPermitted => ProblemKind::NotPermitted,
            Self::Store(_) => ProblemKind::Unavailable,
        }
    }

    fn is_oauth(&self) -> bool {
        true
    }
}

/// Answers `/revoke`.
pub struct Withdrawals {
    /// Mints and revocations.
    pub store: Arc<dyn Store>,
    /// What is revoked.
    pub ledger: Arc<Ledger>,
    /// Callers of the policy, who may revoke any root.
    pub listed: Vec<SpiffeId>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl Withdrawals {
    /// Revokes what `peer` may revoke of a chain.
    ///
    /// # Errors
    /// [`WithdrawalError`]; nothing was recorded then.
    pub async fn withdraw(&self, peer: &Peer, token: &str) -> Result<(), WithdrawalError> {
        let Some((chain, digest)) = read(token) else { return Ok(()) };
        let now = self.clock.now();
        if !retry(|| self.write(peer, &chain, &digest, now)).await? {
            return Ok(());
        }
        if let Err(error) = self.ledger.look(&*self.store, now).await {
            tracing::warn!(%error, "a revocation was recorded and cannot be read back yet");
        }
        Ok(())
    }

    /// Records the revocation; false if the token is unknown or dead.
    async fn write(
        &self,
        peer: &Peer,
        chain: &Chain,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool, WithdrawalError> {
        let mut tx = self.store.begin_for(&[Turn::Revocations]).await?;
        let Some(mint) = tx.mints().find(&chain.root().jti.to_string()).await? else { return Ok(false) };
        if mint.digest != *digest || mint.exp <= Moment::from_seconds(now.0) {
            return Ok(false);
        }
        let key = self.key(&peer.id, chain).ok_or(WithdrawalError::NotPermitted)?;
        revoked(key, peer, &mint).record(&mut *tx, now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What the caller may revoke of it: the root, else the first link it signed itself.
    fn key(&self, caller: &SpiffeId, chain: &Chain) -> Option<RevocationKey> {
        let root = chain.root();
        if root.sub == *caller || self.listed.contains(caller) {
            return Some(RevocationKey::Root { iss: root.iss.clone(), jti: root.jti });
        }
        // A link that names the caller and is none of its own harms only the caller.
        let own = chain.links().iter().find(|link| link.claims.iss() == Some(caller))?;
        Some(RevocationKey::Link { iss: caller.clone(), jti: own.claims.jti })
    }
}

fn revoked(key: RevocationKey, peer: &Peer, mint: &MintRecord) -> Revoked {
    Revoked {
        key,
        not_after_iat: None,
        cause: Cause::TokenRevoked,
        source: (peer.id.to_string(), mint.jti.clone()),
        txn: Some(mint.txn.clone()),
    }
}

/// The chain, and the digest its root was recorded with.
fn read(token: &str) -> Option<(Chain, [u8; 32])> {
    if let Some(root) = CutRoot::parse(token) {
        return Some((root.chain, root.digest));
    }
    let chain = Chain::parse(token).ok()?;
    let signed = chain.signed(0);
    let digest = match chain.mode() {
        Mode::Anonymous => cut_root_digest(signed, chain.tail(0).first_chunk()?),
        Mode::Plain | Mode::Id => Digest::of(signed).0,
    };
    Some((chain, digest))
}
