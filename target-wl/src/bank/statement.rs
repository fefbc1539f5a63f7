//! What moved on an account, page by page, newest first.

use store::{LedgerEntry, Person, StoreError};
use wire::bank::{Transaction, TransactionKind, Transactions};

use super::Bank;

/// How the ledger names what an account was opened with.
pub(super) const OPENING: &str = "opening";
/// How the ledger names a deposit.
pub(super) const DEPOSIT: &str = "deposit";
/// How the ledger names the sender's side of a transfer.
pub(super) const SENT: &str = "transfer-out";
/// How the ledger names the recipient's side of a transfer.
pub(super) const RECEIVED: &str = "transfer-in";

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// No page of this person ended there.
    #[error("`after` is what an earlier page said in `next`")]
    Cursor,
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Bank {
    /// A page of at most `limit` movements, of those older than `after`, which is an earlier page's `next`; `None` for
    /// somebody unknown.
    ///
    /// # Errors
    /// [`StatementError::Cursor`] for an `after` that is no entry of this person's, [`StatementError::Store`].
    pub async fn transactions(
        &self,
        person: &Person,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<Transactions>, StatementError> {
        let mut tx = self.store.read().await?;
        if tx.accounts().number(person).await?.is_none() {
            return Ok(None);
        }
        // One more than asked for tells whether there is another page.
        let one_more = limit.saturating_add(1);
        let mut entries = match after {
            None => tx.accounts().ledger(person, one_more).await?,
            Some(after) => {
                let entry = after.parse().map_err(|_| StatementError::Cursor)?;
                tx.accounts().ledger_before(person, entry, one_more).await?.ok_or(StatementError::Cursor)?
            }
        };
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        let next = entries.last().filter(|_| has_more).map(|last| last.entry.id.to_string());
        let transactions = entries.into_iter().map(transaction).collect::<Result<_, _>>()?;
        Ok(Some(Transactions { transactions, next }))
    }
}

fn transaction(row: LedgerEntry) -> Result<Transaction, StoreError> {
    let (counterparty, note) = row.transfer.map(|side| (side.counterparty, side.note)).unzip();
    Ok(Transaction {
        id: row.entry.id.to_string(),
        kind: match row.entry.kind.as_str() {
            OPENING => TransactionKind::Opening,
            DEPOSIT => TransactionKind::Deposit,
            SENT => TransactionKind::TransferOut,
            RECEIVED => TransactionKind::TransferIn,
            _ => return Err(StoreError::Corrupt("ledger.kind")),
        },
        currency: row.currency,
        minor: row.minor,
        balance_minor: row.balance,
        counterparty,
        note: note.flatten(),
        created_at: row.entry.created_at.seconds(),
    })
}
