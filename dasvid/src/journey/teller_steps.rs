//! What the tool does as a workload of its own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use mesh::Answer;
use serde_json::json;
use token::Mode;
use wire::bank::{Account, BALANCE, DEPOSITS, TRANSACTIONS, TRANSFERS, Transaction, Transactions};
use wire::problem::ProblemKind;

use super::oauth;
use super::person::CURRENCY;
use crate::input::ChainFile;
use crate::outgoing::Outgoing;
use crate::place::{Place, Verification};
use crate::proof::{self, Expected};
use crate::teller::{self, Teller, Wanted};

/// What the tool pays in, in minor units.
const DEPOSIT: i64 = 100;

/// What the tool pays somebody, in minor units.
const TRANSFER: i64 = 40;

/// How soon a logout is felt: the provider tells asserting-wl, and verifiers fetch its list every second.
const SOON: Duration = Duration::from_secs(5);

/// The tool at the bank's doors, with the person's token.
pub(super) struct AtTheBank<'a> {
    pub(super) place: &'a Place,
    pub(super) mode: Mode,
    pub(super) teller: &'a Teller,
    pub(super) access_token: String,
}

impl AtTheBank<'_> {
    /// Trades the access token for a root.
    pub(super) async fn mint(&self) -> anyhow::Result<String> {
        let root = self.teller.mint(self.mode, &self.access_token, &Wanted::default()).await?;
        Ok(format!("a root of {} bytes", root.da_svid.len()))
    }

    /// Has asserting-wl prove that the provider signed the access token, and checks it with the provider's own keys.
    pub(super) async fn proof(&self) -> anyhow::Result<String> {
        let root = self.teller.mint(self.mode, &self.access_token, &Wanted::default()).await?;
        let expected = Expected::default();
        match self.place.verification {
            Verification::Embedded => proof::check_embedded(&root, &expected).await,
            _ => proof::ask(self.teller, &root, &expected).await,
        }
    }

    /// The balance, asked through every middle tier.
    pub(super) async fn balance(&self) -> anyhow::Result<i64> {
        let account = self.account().await?;
        let holds = account.balances.iter().find(|balance| balance.currency == CURRENCY);
        Ok(holds.context("no balance in the story's currency")?.minor)
    }

    async fn account(&self) -> anyhow::Result<Account> {
        teller::read(&self.ask(&Outgoing::new("GET", BALANCE)).await?)
    }

    /// Pays in.
    async fn deposit(&self) -> anyhow::Result<()> {
        let key = teller::token_id()?.to_string();
        let deposit = Outgoing::post(DEPOSITS, &json!({"currency": CURRENCY, "minor": DEPOSIT}), &key);
        let answer = self.ask(&deposit).await?;
        ensure!(answer.status.is_success(), "the deposit is refused: {}", teller::refusal(&answer));
        Ok(())
    }

    async fn pay(&self, payee: &Account, minor: i64) -> anyhow::Result<Answer> {
        let key = teller::token_id()?.to_string();
        let order = json!({"to": payee.account, "currency": CURRENCY, "minor": minor, "note": "for the story"});
        self.ask(&Outgoing::post(TRANSFERS, &order, &key)).await
    }

    /// The newest transaction.
    async fn newest(&self) -> anyhow::Result<Transaction> {
        let page: Transactions = teller::read(&self.ask(&Outgoing::new("GET", TRANSACTIONS)).await?)?;
        page.transactions.into_iter().next().context("no transaction")
    }

    /// Pays somebody, and both see it.
    pub(super) async fn transfer(&self, payee: &Self) -> anyhow::Result<String> {
        payee.deposit().await?;
        let (own, theirs) = (self.account().await?, payee.account().await?);
        let before = (self.balance().await?, payee.balance().await?);
        let answer = self.pay(&theirs, TRANSFER).await?;
        ensure!(answer.status.is_success(), "the transfer is refused: {}", teller::refusal(&answer));
        let after = (self.balance().await?, payee.balance().await?);
        ensure!(after == (before.0 - TRANSFER, before.1 + TRANSFER), "the balances went from {before:?} to {after:?}");
        for (who, other, minor) in [(self, &theirs, -TRANSFER), (payee, &own, TRANSFER)] {
            let seen = who.newest().await?;
            ensure!(seen.minor == minor && seen.counterparty == Some(other.account), "the ledger says {seen:?}");
        }
        Ok(format!("paid {TRANSFER} cents to {}", theirs.account))
    }

    /// Pays more than there is: refused, and nothing moves.
    pub(super) async fn overdraft(&self, payee: &Self) -> anyhow::Result<String> {
        let theirs = payee.account().await?;
        let before = (self.balance().await?, payee.balance().await?);
        let answer = self.pay(&theirs, before.0 + 1).await?;
        let problem = teller::problem(&answer).and_then(|problem| problem.kind());
        ensure!(problem == Some(ProblemKind::Conflict), "answered {}", teller::refusal(&answer));
        let after = (self.balance().await?, payee.balance().await?);
        ensure!(after == before, "the balances went from {before:?} to {after:?}");
        Ok(teller::refusal(&answer))
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

    /// Logs in once more, makes a chain, logs out at the provider: the chain dies, and no other is minted.
    pub(super) async fn logout(&self) -> anyhow::Result<String> {
        let login = oauth::log_in(self.place, &self.place.person).await?;
        let gone = AtTheBank { access_token: login.access_token.clone(), ..*self };
        let balance = Outgoing::new("GET", BALANCE);
        let chain = gone.chain(&balance).await?;
        let alive = self.teller.call(&self.place.entry, &balance, Some(&chain)).await?;
        ensure!(alive.status.is_success(), "refused before the logout: {}", teller::refusal(&alive));
        let begun = Instant::now();
        login.log_out().await?;
        loop {
            let answer = self.teller.call(&self.place.entry, &balance, Some(&chain)).await?;
            match teller::problem(&answer).and_then(|problem| problem.kind()) {
                Some(ProblemKind::Revoked) => break,
                _ => ensure!(begun.elapsed() < SOON, "still answered with {}", teller::refusal(&answer)),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ensure!(gone.chain(&balance).await.is_err(), "asserting-wl still mints from a session that has ended");
        Ok(format!("refused {} ms after the logout", begun.elapsed().as_millis()))
    }

    /// Makes a request with a chain of its own.
    async fn ask(&self, outgoing: &Outgoing) -> anyhow::Result<Answer> {
        let chain = self.chain(outgoing).await?;
        self.teller.call(&self.place.entry, outgoing, Some(&chain)).await
    }

    /// A good chain for a request at the first middle tier.
    pub(super) async fn chain(&self, outgoing: &Outgoing) -> anyhow::Result<ChainFile> {
        self.teller.chain_for(self.mode, &self.access_token, outgoing, &self.place.entry.id).await
    }
}
