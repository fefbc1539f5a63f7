//! A store in memory, for tests: nothing outlives the process.

use async_trait::async_trait;

use crate::{Store, StoreError, Tx};

/// Everything in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory {}

#[async_trait]
impl Store for Memory {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        todo!()
    }
    async fn read(&self) -> Result<Box<dyn Tx>, StoreError> {
        todo!()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
