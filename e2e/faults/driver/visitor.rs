//! One person at one browser: signs in, looks, pays.

use dasvid::journey::forms::{Form, pairs};
use url::Url;

use super::Person;
use super::browser::{Browser, Page};
use super::order::{Kind, Order};
use super::outcome::{Action, Log, Outcome};

/// Redirects in a row before a browser gives up.
const MAX_REDIRECTS: usize = 16;
/// The currency everybody pays in.
pub(crate) const CURRENCY: &str = "USD";

/// What the account's page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// What others transfer to.
    pub(crate) number: Option<String>,
    /// What it holds in [`CURRENCY`], in minor units.
    pub(crate) minor: Option<i64>,
}

/// A person at a browser.
#[derive(Debug)]
pub(crate) struct Visitor {
    index: usize,
    person: Person,
    front: Url,
    browser: Browser,
    log: Log,
    signed_in: bool,
}

impl Visitor {
    /// Somebody at the front door.
    pub(crate) const fn new(index: usize, person: Person, front: Url, browser: Browser, log: Log) -> Self {
        Self { index, person, front, browser, log, signed_in: false }
    }

    /// Who it is.
    pub(crate) fn name(&self) -> &str {
        &self.person.name
    }

    /// Whether the front end knew this browser when it last asked.
    pub(crate) const fn is_signed_in(&self) -> bool {
        self.signed_in
    }

    /// Signs in at the provider.
    pub(crate) async fn sign_in(&mut self) -> Outcome {
        let begun = self.log.elapsed();
        let outcome = self.through_the_provider().await.unwrap_or_else(|outcome| outcome);
        self.signed_in = outcome.is_done();
        self.log.add(self.index, Action::SignIn, begun, outcome.clone());
        outcome
    }

    async fn through_the_provider(&self) -> Result<Outcome, Outcome> {
        let mut page = self.browser.open(&self.at("login")).await?;
        let mut is_typed = false;
        for _ in 0..MAX_REDIRECTS {
            page = match (&page.next, page.form("password")) {
                (Some(next), _) if self.is_page(next) => return Ok(Outcome::Done),
                (Some(next), _) => self.browser.open(next).await?,
                (None, Some(form)) if !is_typed => {
                    is_typed = true;
                    let form = form.with("username", &self.person.name).with("password", &self.person.password);
                    self.browser.submit(&page, &form).await?
                }
                _ => return Ok(refused(&page)),
            };
        }
        Ok(Outcome::Broken { cause: "redirects without end".to_owned() })
    }

    /// Whether a redirect leads into the bank: the sign-in is over.
    fn is_page(&self, next: &Url) -> bool {
        next.origin() == self.front.origin() && !matches!(next.path(), "/callback" | "/login")
    }

    /// Chooses how requests travel.
    pub(crate) async fn travel(&mut self, mode: &str) -> Outcome {
        let page = match self.open("deposit", Action::Form).await {
            Ok(page) => page,
            Err(outcome) => return outcome,
        };
        let Some(form) = page.form_to("/mode") else { return self.note(Outcome::SignedOut) };
        let form = form.with("mode", mode);
        self.press(&page, &form, Action::Mode).await
    }

    /// Looks at the account.
    pub(crate) async fn balance(&mut self) -> Result<Account, Outcome> {
        let page = self.open("account", Action::Balance).await?;
        let number = pairs(&page.text, "data-account-number", "class").into_iter().next().map(|(number, _)| number);
        let held = pairs(&page.text, "data-currency", "data-minor").into_iter();
        let minor = held.filter(|(currency, _)| currency == CURRENCY).find_map(|(_, minor)| minor.parse().ok());
        Ok(Account { number, minor })
    }

    /// Looks at the ledger.
    pub(crate) async fn statement(&mut self) -> Outcome {
        self.open("transactions", Action::Statement).await.map_or_else(|outcome| outcome, |_| Outcome::Done)
    }

    /// Signs out, at the provider too.
    pub(crate) async fn sign_out(&mut self) -> Outcome {
        let page = match self.open("deposit", Action::Form).await {
            Ok(page) => page,
            Err(outcome) => return outcome,
        };
        let Some(form) = page.form_to("/logout") else { return self.note(Outcome::SignedOut) };
        let begun = self.log.elapsed();
        let outcome = self.out_through_the_provider(&page, &form).await.unwrap_or_else(|outcome| outcome);
        self.signed_in &= !outcome.is_done();
        self.log.add(self.index, Action::SignOut, begun, outcome.clone());
        outcome
    }

    async fn out_through_the_provider(&self, page: &Page, form: &Form) -> Result<Outcome, Outcome> {
        let mut page = self.browser.submit(page, form).await?;
        for _ in 0..MAX_REDIRECTS {
            match &page.next {
                Some(next) if next.path() == "/signed-out" => return Ok(Outcome::Done),
                Some(next) => page = self.browser.open(next).await?,
                None => return Ok(refused(&page)),
            }
        }
        Ok(Outcome::Broken { cause: "redirects without end".to_owned() })
    }

    /// Sends an order once; sent again, it is the same order.
    pub(crate) async fn send(&mut self, order: &mut Order) -> Outcome {
        order.attempts += 1;
        match self.fill_in(order).await {
            Err(outcome) => outcome,
            Ok((page, form, action)) => {
                order.sent += 1;
                self.press(&page, &form, action).await
            }
        }
    }

    /// The form of an order, ready to be sent. The first form names the order for ever.
    async fn fill_in(&mut self, order: &mut Order) -> Result<(Page, Form, Action), Outcome> {
        let (path, action) = match order.kind {
            Kind::Deposit => ("deposit", Action::Deposit),
            Kind::Transfer { .. } => ("transfer", Action::Transfer),
        };
        let page = self.open(path, Action::Form).await?;
        let Some(form) = page.form("amount") else { return Err(self.note(Outcome::SignedOut)) };
        if order.key.is_empty() {
            let key = form.fields.iter().find(|(name, _)| name == "key");
            order.key = key.map(|(_, key)| key.clone()).unwrap_or_default();
        }
        let form = form.with("key", &order.key).with("amount", &order.amount()).with("currency", CURRENCY);
        let Kind::Transfer { to } = &order.kind else { return Ok((page, form, action)) };
        let form = form.with("to", to);
        let review = self.submit(&page, &form, Action::Form).await?;
        let sent = review.form_to("/transfer").filter(|form| form.fields.iter().any(|(_, value)| value == "send"));
        let Some(form) = sent else { return Err(self.note(refused(&review))) };
        Ok((review, form, action))
    }

    async fn press(&mut self, page: &Page, form: &Form, action: Action) -> Outcome {
        self.submit(page, form, action).await.map_or_else(|outcome| outcome, |_| Outcome::Done)
    }

    async fn submit(&mut self, page: &Page, form: &Form, action: Action) -> Result<Page, Outcome> {
        let begun = self.log.elapsed();
        let answer = self.browser.submit(page, form).await;
        self.judge(begun, action, answer)
    }

    async fn open(&mut self, path: &str, action: Action) -> Result<Page, Outcome> {
        let begun = self.log.elapsed();
        let answer = self.browser.open(&self.at(path)).await;
        self.judge(begun, action, answer)
    }

    /// Records what became of a request; the page if it is what was asked for.
    fn judge(
        &mut self,
        begun: std::time::Duration,
        action: Action,
        answer: Result<Page, Outcome>,
    ) -> Result<Page, Outcome> {
        let outcome = match &answer {
            Ok(page) if page.next.as_ref().is_some_and(|next| !self.is_page(next)) => Outcome::SignedOut,
            Ok(page) => page.outcome(),
            Err(outcome) => outcome.clone(),
        };
        self.log.add(self.index, action, begun, outcome.clone());
        match (answer, self.note(outcome)) {
            (Ok(page), Outcome::Done) => Ok(page),
            (_, outcome) => Err(outcome),
        }
    }

    /// Remembers being signed out.
    fn note(&mut self, outcome: Outcome) -> Outcome {
        let ended = matches!(&outcome, Outcome::Refused { problem: Some(problem), .. }
            if problem == "revoked" || problem == "invalid-token");
        if ended || outcome == Outcome::SignedOut {
            self.signed_in = false;
        }
        outcome
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.front.clone();
        url.set_path(path);
        url
    }
}

/// A page that is not what was hoped for, even if its status is fine.
fn refused(page: &Page) -> Outcome {
    match page.outcome() {
        Outcome::Done => Outcome::Refused { status: page.status.as_u16(), problem: None, hop: None },
        outcome => outcome,
    }
}
