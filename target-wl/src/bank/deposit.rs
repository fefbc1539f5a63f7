//! Putting money in.

use serde_json::json;
use store::{Event, Tx};
use wire::bank::{DepositReceipt, DepositRequest};

use super::{BookingError, Mandate, is_within_json, statement};

/// The kind of the event that tells of a deposit.
pub const DEPOSITED: &str = "bank-deposit";

/// Moves the money.
pub(super) async fn book(tx: &mut dyn Tx, mandate: &Mandate<DepositRequest>) -> Result<DepositReceipt, BookingError> {
    let DepositRequest { currency, minor } = &mandate.order;
    let entry = mandate.entry(statement::DEPOSIT);
    let signed = i64::try_from(*minor).map_err(|_| BookingError::TooMuch)?;
    let balance_minor = tx.accounts().deposit(&mandate.once.person, currency, signed, &entry).await?;
    if !is_within_json(balance_minor) {
        return Err(BookingError::TooMuch);
    }
    Ok(DepositReceipt {
        id: entry.id.to_string(),
        currency: currency.clone(),
        minor: *minor,
        balance_minor,
        created_at: mandate.now.seconds(),
    })
}

pub(super) fn event(mandate: &Mandate<DepositRequest>, receipt: &DepositReceipt) -> Event {
    let DepositReceipt { id, currency, minor, balance_minor, .. } = receipt;
    let payload = json!({"id": id, "currency": currency, "minor": minor, "balance_minor": balance_minor});
    mandate.event(DEPOSITED, payload)
}
