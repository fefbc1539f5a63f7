//! What the tool does as a workload of its own.

use anyhow::{Context as _, ensure};
use mesh::Answer;
use serde_json::json;
use token::Mode;
use wire::bank::{Account, BALANCE, DEPOSITS};

use super::person::CURRENCY;
use crate::input::ChainFile;
use crate::outgoing::Outgoing;
use crate::place::Place;
use crate::teller::{self, Teller, Wanted};

/// What the tool pays in, in minor units.
const DEPOSIT: i64 = 100;

/// The tool at the bank's doors, with the person's token.
pub(super) struct AtTheBank<'a> {
    pub(super) place: &'a Place,
    pub(super) mode: Mode,
    pub(super) teller: &'a Teller,
    pub(super) access_token: &'a str,
}

impl AtTheBank<'_> {
    /// Trades the access token for a root.
    pub(super) async fn mint(&self) -> anyhow::Result<String> {
        let root = self.teller.mint(self.mode, self.access_token, &Wanted::default()).await?;
        Ok(format!("a root of {} bytes", root.da_svid.len()))
    }

    /// The balance, asked through every middle tier.
    pub(super) async fn balance(&self) -> anyhow::Result<i64> {
        let account: Account = teller::read(&self.ask(&Outgoing::new("GET", BALANCE)).await?)?;
        let holds = account.balances.iter().find(|balance| balance.currency == CURRENCY);
        Ok(holds.context("no balance in the story's currency")?.minor)
    }

    pub(super) async fn balance_in_words(&self) -> anyhow::Result<String> {
        Ok(format!("{CURRENCY} {} cents", self.balance().await?))
    }

    /// The same deposit twice, each time with a chain of its own: one effect, one answer.
    pub(super) async fn repeated_deposit(&self) -> anyhow::Result<String> {
        let before = self.balance().await?;
        let key = teller::token_id()?.to_string();
        let deposit = Outgoing::post(DEPOSITS, &json!({"currency": CURRENCY, "minor": DEPOSIT}), &key);
        let first = self.ask(&deposit).await?;
        ensure!(first.status.is_success(), "the deposit is refused: {}", teller::refusal(&first));
        let second = self.ask(&deposit).await?;
        ensure!(first.status == second.status && first.body == second.body, "the second answer is another one");
        let after = self.balance().await?;
        ensure!(after - before == DEPOSIT, "the balance went from {before} to {after}");
        Ok("two requests, one deposit, one answer".to_owned())
    }

    /// Makes a request with a chain of its own.
    async fn ask(&self, outgoing: &Outgoing) -> anyhow::Result<Answer> {
        let chain = self.chain(outgoing).await?;
        self.teller.call(&self.place.entry, outgoing, Some(&chain)).await
    }

    /// A good chain for a request at the first middle tier.
    pub(super) async fn chain(&self, outgoing: &Outgoing) -> anyhow::Result<ChainFile> {
        self.teller.chain_for(self.mode, self.access_token, outgoing, &self.place.entry.id).await
    }
}
