//! The bank: what the target workload offers to whoever comes with a chain.
//!
//! Money is an integer of minor units (cents) beside a currency of three capital letters.

mod account_number;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use account_number::{AccountNumber, AccountNumberError};

/// `GET`: the person's balances, an [`Account`]; scope `accounts.read`.
pub const BALANCE: &str = "/v1/balance";
/// `POST`: puts money in; scope `payments.write`.
pub const DEPOSITS: &str = "/v1/deposits";
/// `POST`: moves money to another account; scope `payments.write`.
pub const TRANSFERS: &str = "/v1/transfers";
/// `GET`: what moved on the person's account, a page of [`Transactions`]; scope `accounts.read`.
pub const TRANSACTIONS: &str = "/v1/transactions";

/// The longest note of a transfer, in characters.
pub const LONGEST_NOTE: usize = 140;
/// How many transactions a page has unless `limit` says otherwise.
pub const PAGE: u32 = 20;
/// The most transactions a page may have.
pub const LONGEST_PAGE: u32 = 100;

/// What a person has, by currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Delegating principal authority: the person's OAuth `iss`.
    pub dpa: String,
    /// Delegating principal: the person's OAuth `sub`.
    pub dpr: String,
    /// What others transfer to: the same for every currency.
    pub account: AccountNumber,
    /// At least one, each currency once, in the order of their codes.
    pub balances: Vec<Balance>,
}

/// What a person has in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// Three capital letters.
    #[schema(example = "USD")]
    pub currency: String,
    /// Minor units.
    #[schema(example = 2500)]
    pub minor: i64,
}

/// A deposit asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DepositRequest {
    /// Three capital letters.
    #[schema(example = "USD")]
    pub currency: String,
    /// Minor units, 1 to 2⁵³ − 1.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_u64, example = 2500)]
    pub minor: u64,
}

/// A deposit made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepositReceipt {
    /// The entry's identifier.
    pub id: String,
    /// Three capital letters.
    pub currency: String,
    /// Minor units that were put in.
    pub minor: u64,
    /// Minor units the account holds after it.
    pub balance_minor: i64,
    /// When it was booked, Unix seconds.
    pub created_at: u64,
}

/// A transfer asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferRequest {
    /// Whom to pay.
    pub to: AccountNumber,
    /// Three capital letters; both have an account in it.
    #[schema(example = "USD")]
    pub currency: String,
    /// Minor units, 1 to 2⁵³ − 1.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_u64, example = 2500)]
    pub minor: u64,
    /// A line for both sides: 1 to 140 printable characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 140, example = "for lunch")]
    pub note: Option<String>,
}

/// A transfer made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferReceipt {
    /// The identifier of the sender's transaction.
    pub id: String,
    /// Who was paid.
    pub to: AccountNumber,
    /// Three capital letters.
    pub currency: String,
    /// Minor units that moved.
    pub minor: u64,
    /// The line for both sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Minor units the sender's account holds after it.
    pub balance_minor: i64,
    /// When it was booked, Unix seconds.
    pub created_at: u64,
}

/// Why money moved on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransactionKind {
    /// What the account was opened with.
    Opening,
    /// The person put money in.
    Deposit,
    /// The person paid somebody.
    TransferOut,
    /// Somebody paid the person.
    TransferIn,
}

/// A movement on the person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transaction {
    /// Its identifier.
    pub id: String,
    /// Why the money moved.
    pub kind: TransactionKind,
    /// Three capital letters.
    pub currency: String,
    /// Minor units; what left the account is negative.
    pub minor: i64,
    /// Minor units the account held after it.
    pub balance_minor: i64,
    /// The other side of a transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<AccountNumber>,
    /// What the sender of a transfer wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was booked, Unix seconds.
    pub created_at: u64,
}

/// A page of movements, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transactions {
    /// At most `limit` of them.
    pub transactions: Vec<Transaction>,
    /// What to ask for as `after` to get the next, older page; absent on the last one. It stays good, and what is booked
    /// meanwhile moves nothing from one page to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_amounts_that_are_not_whole_and_positive() {
        for minor in ["-1", "1.5", "1e3", "\"1\"", "18446744073709551616", "null"] {
            let body = format!(r#"{{"currency":"USD","minor":{minor}}}"#);
            assert!(serde_json::from_str::<DepositRequest>(&body).is_err(), "{minor}");
        }
    }

    #[test]
    fn refuses_members_it_does_not_know() {
        let body = r#"{"currency":"USD","minor":1,"account":"bob"}"#;
        assert!(serde_json::from_str::<DepositRequest>(body).is_err());
    }

    #[test]
    fn answers_in_the_members_of_the_protocol() {
        let account = Account {
            dpa: "https://idp.example".into(),
            dpr: "alice".into(),
            account: AccountNumber::of(0),
            balances: vec![Balance { currency: "USD".into(), minor: 5 }],
        };
        let receipt = DepositReceipt {
            id: "d1".into(),
            currency: "USD".into(),
            minor: 2500,
            balance_minor: 2505,
            created_at: 1_700_000_000,
        };
        insta::assert_snapshot!(
            serde_json::to_string(&account).unwrap(),
            @r#"{"dpa":"https://idp.example","dpr":"alice","account":"100000000093","balances":[{"currency":"USD","minor":5}]}"#
        );
        insta::assert_snapshot!(
            serde_json::to_string(&receipt).unwrap(),
            @r#"{"id":"d1","currency":"USD","minor":2500,"balance_minor":2505,"created_at":1700000000}"#
        );
    }
    #[test]
    fn tells_of_transfers_in_the_members_of_the_protocol() {
        let request = TransferRequest { to: AccountNumber::of(0), currency: "USD".into(), minor: 5, note: None };
        let paid = Transaction {
            id: "t1".into(),
            kind: TransactionKind::TransferOut,
            currency: "USD".into(),
            minor: -5,
            balance_minor: 0,
            counterparty: Some(AccountNumber::of(0)),
            note: Some("for lunch".into()),
            created_at: 1_700_000_000,
        };
        let page = Transactions { transactions: vec![paid], next: Some("t1".into()) };
        insta::assert_snapshot!(
            serde_json::to_string(&request).unwrap(),
            @r#"{"to":"100000000093","currency":"USD","minor":5}"#
        );
        insta::assert_snapshot!(
            serde_json::to_string(&page).unwrap(),
            @r#"{"transactions":[{"id":"t1","kind":"transfer-out","currency":"USD","minor":-5,"balance_minor":0,"counterparty":"100000000093","note":"for lunch","created_at":1700000000}],"next":"t1"}"#
        );
        assert!(
            serde_json::from_str::<TransferRequest>(r#"{"to":"100000000094","currency":"USD","minor":5}"#).is_err()
        );
    }
}
