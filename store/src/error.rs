//! What can go wrong in a store.

/// Why a store could not do what it was asked.
///
/// After an error inside a transaction, drop the transaction: nothing of it is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The address names no backend this build knows.
    #[error("a store address starts with `sqlite:` or is `memory:`")]
    Url,
    /// The database answered with an error, or did not answer. Worth another try with a new transaction.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema could not be brought up to date")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The transaction was begun with [`Store::read`](crate::Store::read).
    #[error("this transaction only reads")]
    ReadOnly,
    /// The sum leaves what an account can hold; the account is as it was.
    #[error("the amount leaves the range of an account")]
    Overflow,
    /// A record with this identifier is there already.
    #[error("a record with this identifier exists")]
    Duplicate,
    /// A [`Once`](crate::Once) entry was made and its response never stored; nothing is committed.
    #[error("an entry of route `{0}` has no response yet")]
    Incomplete(String),
    /// A response was given for a [`Once`](crate::Once) entry that this transaction did not make.
    #[error("no entry of route `{0}` waits for a response")]
    NoEntry(String),
    /// A stored value cannot be read back: another program wrote it, or the disk is bad.
    #[error("the stored column `{0}` cannot be read")]
    Corrupt(&'static str),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(database) if database.is_unique_violation() => Self::Duplicate,
            _ => Self::Database(error),
        }
    }
}
