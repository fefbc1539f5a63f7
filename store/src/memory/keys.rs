//! Minting keys in memory.

use async_trait::async_trait;

use super::MemoryTx;
use crate::{KeyRecord, KeyState, Keys, Moment, StoreError};

#[async_trait]
impl Keys for MemoryTx {
    async fn list(&mut self, kind: &str) -> Result<Vec<KeyRecord>, StoreError> {
        let mut keys: Vec<_> = self.state.keys.iter().filter(|key| key.kind == kind).cloned().collect();
        keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
        Ok(keys)
    }

    async fn insert(&mut self, key: &KeyRecord) -> Result<(), StoreError> {
        let keys = &mut self.writer()?.keys;
        if keys.iter().any(|known| known.kid == key.kid || rivals(known, key)) {
            return Err(StoreError::Duplicate);
        }
        keys.push(key.clone());
        Ok(())
    }

    async fn set_state(&mut self, kid: &str, state: KeyState, retires_at: Option<Moment>) -> Result<bool, StoreError> {
        let keys = &mut self.writer()?.keys;
        let Some(found) = keys.iter().position(|key| key.kid == kid) else { return Ok(false) };
        let mut moved = keys.swap_remove(found);
        (moved.state, moved.retires_at) = (state, retires_at);
        if keys.iter().any(|known| rivals(known, &moved)) {
            return Err(StoreError::Duplicate);
        }
        keys.push(moved);
        Ok(true)
    }

    async fn remove(&mut self, kid: &str) -> Result<bool, StoreError> {
        let keys = &mut self.writer()?.keys;
        let before = keys.len();
        keys.retain(|key| key.kid != kid);
        Ok(keys.len() < before)
    }
}

/// Whether two keys want the same place.
fn rivals(one: &KeyRecord, other: &KeyRecord) -> bool {
    let alone = matches!(other.state, KeyState::Current | KeyState::Next);
    alone && (&one.kind, one.state) == (&other.kind, other.state)
}
