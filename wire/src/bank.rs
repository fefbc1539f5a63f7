//! The bank: what the target workload offers to whoever comes with a chain.
//!
//! Money is an integer of minor units (cents) beside a currency of three capital letters.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET`: the person's balances, an [`Account`]; scope `accounts.read`.
pub const BALANCE: &str = "/v1/balance";
/// `POST`: puts money in; scope `payments.write`.
pub const DEPOSITS: &str = "/v1/deposits";

/// What a person has, by currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Delegating principal authority: the person's OAuth `iss`.
    pub dpa: String,
    /// Delegating principal: the person's OAuth `sub`.
    pub dpr: String,
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
            @r#"{"dpa":"https://idp.example","dpr":"alice","balances":[{"currency":"USD","minor":5}]}"#
        );
        insta::assert_snapshot!(
            serde_json::to_string(&receipt).unwrap(),
            @r#"{"id":"d1","currency":"USD","minor":2500,"balance_minor":2505,"created_at":1700000000}"#
        );
    }
}
