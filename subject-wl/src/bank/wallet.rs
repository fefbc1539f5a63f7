//! What a session holds towards the bank: a root a mode, requests that may have to be repeated, the last chain sent.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use token::{Certificates, Chain, Mode, Timestamp};

use super::{BankError, MARGIN, call::Prepared};
use crate::trail::Trail;

/// How many requests of one session may wait to be repeated.
const MAX_PREPARED: usize = 64;

/// A DA-SVID as minted: a root, its certificates where an SVID signed it, its proof where asserting-wl embeds one.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) chain: Chain,
    pub(crate) certificates: Certificates,
    /// The embedded proof, which travels unchanged.
    pub(crate) proof: Option<String>,
}

/// What was made of one login. Holds bearer secrets; lives and dies with the session.
#[derive(Default)]
pub(crate) struct Wallet {
    roots: tokio::sync::Mutex<HashMap<Mode, Arc<Root>>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    prepared: HashMap<String, Arc<Prepared>>,
    sent: HashMap<Mode, Trail>,
}

impl Wallet {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere leaves nothing half-done in here.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The root held for `mode`, or one from `mint`. Whoever comes meanwhile waits and gets the same.
    pub(crate) async fn root(
        &self,
        mode: Mode,
        now: Timestamp,
        mint: impl Future<Output = Result<Root, BankError>> + Send,
    ) -> Result<Arc<Root>, BankError> {
        let mut roots = self.roots.lock().await;
        if let Some(root) = roots.get(&mode).filter(|root| now.plus(MARGIN) < root.chain.root().exp) {
            return Ok(root.clone());
        }
        let root = Arc::new(mint.await?);
        roots.insert(mode, root.clone());
        Ok(root)
    }

    /// Throws away what is held for `mode`: somebody refused it.
    pub(crate) async fn forget(&self, mode: Mode) {
        self.roots.lock().await.remove(&mode);
    }

    /// The request called `key`, if it was sent before, nobody knows what came of it and it can be sent again.
    pub(crate) fn prepared(&self, key: &str, now: Timestamp) -> Option<Arc<Prepared>> {
        self.kept().prepared.get(key).filter(|prepared| now.plus(5) < prepared.expires).cloned()
    }

    /// Remembers a request until its outcome is known.
    pub(crate) fn prepare(&self, key: &str, prepared: Arc<Prepared>, now: Timestamp) {
        let mut kept = self.kept();
        if kept.prepared.len() >= MAX_PREPARED {
            kept.prepared.retain(|_, prepared| now < prepared.expires);
        }
        if kept.prepared.len() < MAX_PREPARED {
            kept.prepared.insert(key.to_owned(), prepared);
        }
    }

    /// The outcome of the request called `key` is known.
    pub(crate) fn settle(&self, key: &str) {
        self.kept().prepared.remove(key);
    }

    /// Remembers what the last chain said.
    pub(crate) fn sent(&self, trail: Trail) {
        self.kept().sent.insert(trail.mode, trail);
    }

    /// What the last chain of `mode` said.
    pub(crate) fn last_sent(&self, mode: Mode) -> Option<Trail> {
        self.kept().sent.get(&mode).cloned()
    }
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet").finish_non_exhaustive()
    }
}
