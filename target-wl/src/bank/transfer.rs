//! Moving money from one person's account to another's.

use serde_json::json;
use store::{Event, Transfer, TransferOutcome, Tx};
use wire::bank::{TransferReceipt, TransferRequest};

use super::{BookingError, Mandate, is_within_json, statement};

/// The kind of the event that tells of a transfer; its subject is the sender.
pub const TRANSFERRED: &str = "bank-transfer";

/// Moves the money, or says why not.
pub(super) async fn book(tx: &mut dyn Tx, mandate: &Mandate<TransferRequest>) -> Result<TransferReceipt, BookingError> {
    let TransferRequest { to, currency, minor, note } = &mandate.order;
    let transfer = Transfer {
        from: mandate.once.person.clone(),
        to: *to,
        currency: currency.clone(),
        // What no account can hold is more than this one has.
        minor: i64::try_from(*minor).map_err(|_| BookingError::Overdrawn)?,
        note: note.clone(),
        sent: mandate.entry(statement::SENT),
        received: mandate.entry(statement::RECEIVED),
    };
    let balance_minor = match tx.accounts().transfer(&transfer).await? {
        TransferOutcome::Done { sender, recipient } if is_within_json(recipient) => sender,
        TransferOutcome::Done { .. } => return Err(BookingError::RecipientFull),
        TransferOutcome::NoRecipient => return Err(BookingError::NoRecipient),
        TransferOutcome::ToOneself => return Err(BookingError::ToOneself),
        TransferOutcome::NoAccount => return Err(BookingError::NoAccount),
        _ => return Err(BookingError::Overdrawn),
    };
    Ok(TransferReceipt {
        id: transfer.sent.id.to_string(),
        to: *to,
        currency: transfer.currency,
        minor: *minor,
        note: transfer.note,
        balance_minor,
        created_at: mandate.now.seconds(),
    })
}

/// The note is between the two people: the event does not tell it.
pub(super) fn event(mandate: &Mandate<TransferRequest>, receipt: &TransferReceipt) -> Event {
    let TransferReceipt { id, to, currency, minor, balance_minor, .. } = receipt;
    let payload = json!({"id": id, "to": to, "currency": currency, "minor": minor, "balance_minor": balance_minor});
    mandate.event(TRANSFERRED, payload)
}
