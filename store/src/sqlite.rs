//! A store in SQLite.

use async_trait::async_trait;

use crate::{Store, StoreError, Tx};

/// A SQLite database.
#[derive(Debug)]
pub(crate) struct Sqlite {}

impl Sqlite {
    pub(crate) async fn open(_url: &str) -> Result<Self, StoreError> {
        todo!()
    }
}

#[async_trait]
impl Store for Sqlite {
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
