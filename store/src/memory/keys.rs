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
        if keys.iter().any(|known| known.kid == key.kid) {
            return Err(StoreError::Duplicate);
        }
        keys.push(key.clone());
        Ok(())
    }

    async fn set_state(&mut self, kid: &str, state: KeyState, retires_at: Option<Moment>) -> Result<bool, StoreError> {
        let key = self.writer()?.keys.iter_mut().find(|key| key.kid == kid);
        Ok(key.map(|key| (key.state, key.retires_at) = (state, retires_at)).is_some())
    }

    async fn remove(&mut self, kid: &str) -> Result<bool, StoreError> {
        let keys = &mut self.writer()?.keys;
        let before = keys.len();
        keys.retain(|key| key.kid != kid);
        Ok(keys.len() < before)
    }
}
