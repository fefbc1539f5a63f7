//! Accounts in one file. Insecure on purpose.

use std::collections::BTreeMap;

/// The accounts, by `dpr`. Wrong: a name at one provider is a name at every provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts(BTreeMap<String, i64>);

/// The file all of them are in.
#[derive(Debug, Default)]
pub struct File(Accounts);

/// A chain as a hop holds it: who it speaks for. Wrong: it does not say what was asked for.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The person.
    pub dpr: String,
}

impl Accounts {
    /// What a person holds.
    #[must_use]
    pub fn holds(&self, dpr: &str) -> Option<i64> {
        self.0.get(dpr).copied()
    }

    /// Deposits an amount. Wrong: any number is one.
    ///
    /// # Errors
    /// When the amount is no number.
    pub fn deposit(&mut self, chain: &Chain, amount: &str) -> Result<(), std::num::ParseIntError> {
        *self.0.entry(chain.dpr.clone()).or_default() += amount.parse::<i64>()?;
        Ok(())
    }
}

impl File {
    /// Reads the whole file.
    #[must_use]
    pub fn read(&self) -> Accounts {
        self.0.clone()
    }

    /// Writes the whole file. Wrong: whatever others have written since it was read is gone.
    pub fn write(&mut self, accounts: Accounts) {
        self.0 = accounts;
    }
}
