//! What the person does, in a browser.

use anyhow::{Context as _, bail, ensure};
use token::Mode;

use super::browser::{Browser, Page};
use super::forms;
use crate::place::Place;

/// What the person pays in, in minor units.
const DEPOSIT: i64 = 2500;

/// The currency of the story.
pub(super) const CURRENCY: &str = "USD";

/// The person in front of the bank's pages.
pub(super) struct AtTheFront<'a> {
    place: &'a Place,
    mode: Mode,
    browser: Browser,
}

impl<'a> AtTheFront<'a> {
    /// A fresh browser window.
    pub(super) fn new(place: &'a Place, mode: Mode) -> anyhow::Result<Self> {
        Ok(Self { place, mode, browser: Browser::new()? })
    }

    /// Logs in at the provider and chooses the mode.
    pub(super) async fn log_in(&mut self) -> anyhow::Result<String> {
        let page = self.open("login").await?;
        let form = page.form("password")?;
        let form = form.with("username", &self.place.person.name).with("password", &self.place.person.password);
        let page = self.browser.submit(&page, &form).await?;
        ensure!(
            page.url.origin() == self.place.front.origin(),
            "the provider keeps the browser at {}",
            page.url.path()
        );
        ensure!(page.status.is_success(), "the bank answers the login with {}", page.status);
        let form = page.form_to("/mode")?.with("mode", self.mode.name());
        let page = self.browser.submit(&page, &form).await?;
        ensure!(page.status.is_success(), "the mode was not changed: {}", page.status);
        Ok(format!("{} is logged in", self.place.person.name))
    }

    /// Pays in and sees the balance grow by just that.
    pub(super) async fn deposit(&mut self) -> anyhow::Result<String> {
        let before = self.holds().await?.unwrap_or(0);
        let page = self.open("deposit").await?;
        let form = page.form("amount")?.with("amount", "25.00").with("currency", CURRENCY);
        let page = self.browser.submit(&page, &form).await?;
        ensure!(page.status.is_success(), "the deposit page answers {}", page.status);
        let after = self.holds().await?.context("no balance after a deposit")?;
        ensure!(after - before == DEPOSIT, "the balance went from {before} to {after}");
        Ok(format!("paid in {DEPOSIT} cents"))
    }

    /// Sees the balance.
    pub(super) async fn balance(&mut self) -> anyhow::Result<String> {
        let holds = self.holds().await?.context("the account page shows no balance")?;
        Ok(format!("{CURRENCY} {holds} cents"))
    }

    /// Signs out and finds the account closed.
    pub(super) async fn sign_out(&mut self) -> anyhow::Result<String> {
        let page = self.open("account").await?;
        let page = self.browser.submit(&page, &page.form_to("/logout")?).await?;
        ensure!(!page.status.is_server_error(), "signing out ends with {}", page.status);
        let page = self.open("account").await?;
        if page.url.origin() == self.place.front.origin() && balances(&page).is_some() {
            bail!("the account is still open after signing out");
        }
        Ok("signed out".to_owned())
    }

    async fn holds(&self) -> anyhow::Result<Option<i64>> {
        let page = self.open("account").await?;
        ensure!(page.status.is_success(), "the account page answers {}", page.status);
        Ok(balances(&page))
    }

    async fn open(&self, path: &str) -> anyhow::Result<Page> {
        self.browser.open(self.place.front.join(path)?).await
    }
}

/// What a page says the account holds in the story's currency.
fn balances(page: &Page) -> Option<i64> {
    let amounts = forms::pairs(&page.text, "data-currency", "data-minor");
    amounts.iter().find(|(currency, _)| currency == CURRENCY).and_then(|(_, minor)| minor.parse().ok())
}
