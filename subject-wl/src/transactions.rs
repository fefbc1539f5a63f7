//! What moved on the account, page by page.

use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use token::Timestamp;
use wire::{
    bank::{Transaction, TransactionKind, Transactions},
    problem::ProblemKind,
};

use crate::{
    account::failed,
    form::Fields,
    front::{Front, SignedIn},
    money,
    pages::{self, Frame, TransactionsPage},
    trail,
};

/// The longest name of a page.
const LONGEST_CURSOR: usize = 64;

/// One movement as it is shown.
pub(crate) struct Row {
    pub(crate) kind: &'static str,
    pub(crate) when: String,
    pub(crate) what: &'static str,
    pub(crate) who: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) minor: i64,
    pub(crate) amount: String,
    pub(crate) balance: String,
}

impl Row {
    fn of(moved: Transaction) -> Self {
        let (kind, what) = match moved.kind {
            TransactionKind::Opening => ("opening", "Opening balance"),
            TransactionKind::Deposit => ("deposit", "Deposit"),
            TransactionKind::TransferOut => ("transfer-out", "Sent to"),
            TransactionKind::TransferIn => ("transfer-in", "Received from"),
        };
        Self {
            kind,
            when: trail::clock_time(Timestamp(moved.created_at)),
            what,
            who: moved.counterparty.map(wire::bank::AccountNumber::grouped),
            note: moved.note,
            minor: moved.minor,
            amount: money::display(moved.minor, &moved.currency),
            balance: money::display(moved.balance_minor, &moved.currency),
        }
    }
}

/// `GET /transactions`
pub(crate) async fn transactions(
    State(front): State<Arc<Front>>,
    person: SignedIn,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let after = Some(fields.get("after")).filter(|after| !after.is_empty());
    if after.is_some_and(|after| !is_cursor(after)) {
        return pages::refusal(StatusCode::BAD_REQUEST, "There is no such page of transactions.");
    }
    let page = match front.bank.transactions(&person.errand(), after).await {
        Ok(page) => page,
        Err(error) if error.kind() == Some(ProblemKind::UnknownAccount) => {
            Transactions { transactions: Vec::new(), next: None }
        }
        Err(error) => return failed(&front, &person.session, "/transactions", &error),
    };
    let template = TransactionsPage {
        frame: Frame::signed_in("Transactions", "/transactions", &person.session),
        rows: page.transactions.into_iter().map(Row::of).collect(),
        older: page.next.filter(|next| is_cursor(next)),
        is_first: after.is_none(),
    };
    pages::page(StatusCode::OK, &template)
}

/// Whether this can be the bank's name of a page: it goes into an address as it is.
fn is_cursor(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LONGEST_CURSOR).contains(&text.len()) && text.bytes().all(is_plain)
}
