//! Revocations in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::MemoryTx;
use crate::{Moment, Revocation, Revocations, StoreError, StoredRevocation};

/// What is revoked, the last sequence, and the messages that were taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Revoked {
    records: BTreeMap<(String, Vec<String>), StoredRevocation>,
    sequence: i64,
    received: BTreeMap<(String, String), Moment>,
}

#[async_trait]
impl Revocations for MemoryTx {
    async fn record(&mut self, revocation: &Revocation) -> Result<bool, StoreError> {
        let revoked = &mut self.writer()?.revoked;
        let place = (revocation.scope.clone(), revocation.key.clone());
        let known = revoked.records.get(&place).map(|known| &known.revocation);
        let wanted = known.map_or_else(|| revocation.clone(), |known| known.widened(revocation));
        if known == Some(&wanted) {
            return Ok(false);
        }
        revoked.sequence += 1;
        revoked.records.insert(place, StoredRevocation { sequence: revoked.sequence, revocation: wanted });
        Ok(true)
    }

    async fn sequence(&mut self) -> Result<i64, StoreError> {
        Ok(self.state.revoked.sequence)
    }

    async fn after(&mut self, sequence: i64, now: Moment, limit: u32) -> Result<Vec<StoredRevocation>, StoreError> {
        let later = |one: &&StoredRevocation| one.sequence > sequence && one.revocation.expires > now;
        let mut found: Vec<_> = self.state.revoked.records.values().filter(later).cloned().collect();
        found.sort_by_key(|one| one.sequence);
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn receive(&mut self, iss: &str, jti: &str, expires: Moment) -> Result<bool, StoreError> {
        let received = &mut self.writer()?.revoked.received;
        let message = (iss.to_owned(), jti.to_owned());
        if received.contains_key(&message) {
            return Ok(false);
        }
        received.insert(message, expires);
        Ok(true)
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let revoked = &mut self.writer()?.revoked;
        let before = revoked.records.len() + revoked.received.len();
        revoked.records.retain(|_, one| one.revocation.expires >= now);
        revoked.received.retain(|_, expires| *expires >= now);
        Ok((before - revoked.records.len() - revoked.received.len()) as u64)
    }
}
