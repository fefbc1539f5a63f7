//! What can go wrong in a store.

/// Why a store could not do what it was asked.
///
/// After an error inside a transaction, drop the transaction: nothing of it is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The address names no backend this build knows.
    #[error("a store address starts with `sqlite:` or `postgres:`, or is `memory:`")]
    Url,
    /// The address of a PostgreSQL database has a part that cannot be read or is not known. It may hold a password, so
    /// it is not repeated.
    #[error(
        "the address of a PostgreSQL database reads `postgres://user@host:port/database?sslmode=verify-full`; known after `?` \
         are host, port, user, dbname, sslmode, sslrootcert, sslcert, sslkey and options"
    )]
    Address,
    /// The database answered with an error, or did not answer. Worth another try with a new transaction.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// Another transaction got in the way; nothing is written. [`retry`](crate::retry) runs it again.
    #[error("another transaction got in the way")]
    Conflict,
    /// A statement of this transaction failed before; nothing is written.
    #[error("the transaction failed before")]
    Failed,
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

impl StoreError {
    /// Whether the same request may succeed in a moment: the database is away, or too many wanted the same thing.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Database(_) | Self::Conflict)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else { return Self::Database(error) };
        match database.code().as_deref() {
            _ if database.is_unique_violation() => Self::Duplicate,
            // PostgreSQL: serialization_failure, deadlock_detected.
            Some("40001" | "40P01") => Self::Conflict,
            // PostgreSQL: numeric_value_out_of_range.
            Some("22003") => Self::Overflow,
            _ => Self::Database(error),
        }
    }
}
