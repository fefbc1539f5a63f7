//! Minted roots in memory.

use std::collections::hash_map;

use async_trait::async_trait;

use super::MemoryTx;
use crate::{MintRecord, Mints, Moment, StoreError};

#[async_trait]
impl Mints for MemoryTx {
    async fn record(&mut self, mint: &MintRecord) -> Result<(), StoreError> {
        match self.writer()?.mints.entry(mint.jti.clone()) {
            hash_map::Entry::Occupied(_) => Err(StoreError::Duplicate),
            hash_map::Entry::Vacant(place) => {
                place.insert(mint.clone());
                Ok(())
            }
        }
    }

    async fn find(&mut self, jti: &str) -> Result<Option<MintRecord>, StoreError> {
        Ok(self.state.mints.get(jti).cloned())
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let mints = &mut self.writer()?.mints;
        let before = mints.len();
        mints.retain(|_, mint| mint.exp >= now);
        Ok((before - mints.len()) as u64)
    }
}
