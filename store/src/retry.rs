//! Transactions that are run again when others got in their way.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::StoreError;

/// First pause, longest pause (each up to twice as long by chance) and how often: about two seconds in all.
const FIRST: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(100);
const TIMES: usize = 20;

/// An error that may be a [`StoreError::Conflict`] at heart.
pub trait MayConflict {
    /// Whether the same transaction, run again from its beginning, may well succeed.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for StoreError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

/// Runs a transaction, from its beginning to its commit, until it conflicts with no other.
///
/// `transaction` begins, works and commits, and may be called many times: what it does outside the store must not
/// matter. Only a conflict is tried again, never a commit whose outcome is unknown ([`StoreError::Database`]).
///
/// # Errors
/// What `transaction` answered the last time; a conflict if it still met one after about two seconds.
pub async fn retry<T, E, F>(transaction: impl FnMut() -> F) -> Result<T, E>
where
    E: MayConflict,
    F: Future<Output = Result<T, E>>,
{
    let pauses = ExponentialBuilder::new().with_min_delay(FIRST).with_max_delay(LONGEST).with_jitter();
    transaction.retry(pauses.with_max_times(TIMES)).when(MayConflict::is_conflict).await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn failing(times: usize, error: fn() -> StoreError) -> (usize, Result<(), StoreError>) {
        let runs = AtomicUsize::new(0);
        let outcome =
            retry(|| async { if runs.fetch_add(1, Ordering::Relaxed) < times { Err(error()) } else { Ok(()) } });
        let outcome = outcome.await;
        (runs.into_inner(), outcome)
    }

    #[tokio::test]
    async fn runs_a_transaction_again_until_it_conflicts_no_more() {
        assert!(matches!(failing(3, || StoreError::Conflict).await, (4, Ok(()))));
    }

    #[tokio::test]
    async fn gives_up_in_the_end() {
        let begun = std::time::Instant::now();
        assert!(matches!(failing(usize::MAX, || StoreError::Conflict).await, (21, Err(StoreError::Conflict))));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn never_repeats_a_commit_whose_outcome_is_unknown() {
        let lost = || StoreError::Database(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert!(matches!(failing(1, lost).await, (1, Err(StoreError::Database(_)))));
    }
}
