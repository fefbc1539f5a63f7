//! An order of money, from its form to the bank's word on it.

use serde::Serialize;

/// Which way the money goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Into the person's account.
    Deposit,
    /// To somebody else.
    Transfer {
        /// Their account number.
        to: String,
    },
}

/// What is known of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub(crate) enum Fate {
    /// Nobody knows.
    Open,
    /// The bank said it was done.
    Acknowledged,
    /// The bank said it was not done.
    Refused {
        /// The problem type.
        problem: String,
    },
}

/// One order: one form, sent as often as it takes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Order {
    /// Whose account pays or is paid.
    pub(crate) person: String,
    /// Which way.
    #[serde(flatten)]
    pub(crate) kind: Kind,
    /// Minor units.
    pub(crate) minor: u64,
    /// The form's key: the `Idempotency-Key` at the bank. Empty before the first form.
    pub(crate) key: String,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// How often its form was sent.
    pub(crate) sent: u32,
    /// What is known of it.
    #[serde(flatten)]
    pub(crate) fate: Fate,
}

impl Order {
    /// An order that was not sent yet.
    pub(crate) fn new(person: &str, kind: Kind, minor: u64) -> Self {
        Self { person: person.to_owned(), kind, minor, key: String::new(), attempts: 0, sent: 0, fate: Fate::Open }
    }

    /// The amount as a person types it.
    pub(crate) fn amount(&self) -> String {
        format!("{}.{:02}", self.minor / 100, self.minor % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_typed_in_dollars_and_cents() {
        assert_eq!(Order::new("alice", Kind::Deposit, 2505).amount(), "25.05");
        assert_eq!(Order::new("alice", Kind::Deposit, 7).amount(), "0.07");
    }
}
