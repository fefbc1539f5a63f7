//! What is revoked: kept in the store, looked up in memory.
//!
//! Several replicas share the store. Each follows it every second, and again inside every transaction that mints, so no
//! replica mints on what another has just revoked. A replica that cannot read the store for a while believes nothing.

pub mod emergency;
pub mod list;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chassis::Clock;
use spiffe::SpiffeId;
use store::{Moment, Revocation, Store, StoreError, Tx};
use token::revocation::{Login, RevocationKey, RevocationKeyError, RevocationQuery, RevocationRecord};
use token::{Refusal, RevocationTable, Revocations, Timestamp};
use tokio_util::sync::CancellationToken;

pub use record::{Cause, Revoked};

/// How often the store is looked at for what other replicas recorded.
const INTERVAL: Duration = Duration::from_secs(1);
/// Without a look at the store for this long, nothing is minted and nothing is active, seconds.
const MAX_SILENCE: u64 = 15;
/// Records read at once.
const PAGE: u32 = 1000;

/// The revocations of the store in memory.
pub struct Ledger {
    /// The asserter whose store it is.
    me: SpiffeId,
    table: RevocationTable,
    /// The store's sequence up to which the table is complete.
    reached: AtomicI64,
}

/// What a record of the store of `me` revokes.
fn key_of(me: &SpiffeId, revocation: &Revocation) -> Result<RevocationKey, RevocationKeyError> {
    match (revocation.scope.as_str(), revocation.key.as_slice()) {
        (emergency::ASSERTER, []) => Ok(RevocationKey::Asserter(me.clone())),
        (scope, key) => RevocationKey::from_parts(scope, key),
    }
}

impl Ledger {
    /// A ledger of the asserter `me` that has read nothing yet, and so believes nothing.
    #[must_use]
    pub fn unread(me: SpiffeId) -> Self {
        Self { me, table: RevocationTable::fed(MAX_SILENCE), reached: AtomicI64::new(0) }
    }

    /// The ledger of the asserter `me` with everything its store holds.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    pub async fn open(store: &dyn Store, me: &SpiffeId, now: Timestamp) -> Result<Self, StoreError> {
        let ledger = Self::unread(me.clone());
        ledger.catch_up(&mut *store.read().await?, now).await?;
        Ok(ledger)
    }

    /// Reads what was recorded since the last time. Afterwards the ledger is complete for this transaction.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read; the view ages then.
    pub async fn catch_up(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<(), StoreError> {
        let last = tx.revocations().sequence().await?;
        let mut reached = self.reached.load(Ordering::Acquire);
        while reached < last {
            let page = tx.revocations().after(reached, Moment::from_seconds(now.0), PAGE).await?;
            reached = page.last().filter(|_| page.len() == PAGE as usize).map_or(last, |stored| stored.sequence);
            for stored in page {
                self.insert(&stored.revocation);
            }
            self.reached.fetch_max(reached, Ordering::AcqRel);
        }
        self.table.heard(now);
        Ok(())
    }

    fn insert(&self, revocation: &Revocation) {
        match key_of(&self.me, revocation) {
            Ok(key) => self.table.insert(RevocationRecord {
                key,
                not_after_iat: revocation.not_after_iat.map(|moment| Timestamp(moment.seconds())),
                expires: Timestamp(revocation.expires.seconds()),
            }),
            Err(error) => tracing::error!(scope = revocation.scope, %error, "a stored revocation is not understood"),
        }
    }

    /// Refuses a login that is revoked.
    ///
    /// # Errors
    /// A [`Refusal`] of rule `revocation`.
    pub fn check_login(&self, login: &Login<'_>, now: Timestamp) -> Result<(), Refusal> {
        self.table.check_login(login, now)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Follows the store until `stop` is cancelled.
    pub(crate) async fn follow(self: Arc<Self>, store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut failures = 0_u32;
        while tokio::time::timeout(INTERVAL, stop.cancelled()).await.is_err() {
            let now = clock.now();
            match self.look(&*store, now).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures % 30 == 5 {
                        tracing::error!(%error, failures, "revocations cannot be read from the store");
                    }
                }
            }
            self.table.purge(now);
        }
    }

    pub(crate) async fn look(&self, store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
        self.catch_up(&mut *store.read().await?, now).await
    }
}

impl Revocations for Ledger {
    fn check(&self, query: &RevocationQuery<'_>) -> Result<(), Refusal> {
        self.table.check(query)
    }
}
