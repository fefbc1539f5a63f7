//! A person with a browser, as a program: keeps cookies, follows redirects, fills in forms.
//!
//! Journeys and tests use the front end through it exactly as a browser would; there is no other way in.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};
use url::Url;

/// Most redirects in a row.
const MAX_REDIRECTS: usize = 10;

/// Why a visit went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VisitError {
    /// No answer.
    #[error("no answer from {0}")]
    NoAnswer(String, #[source] reqwest::Error),
    /// Redirected for ever.
    #[error("more than 10 redirects in a row")]
    Redirects,
    /// An address that is none.
    #[error("not an address: {0}")]
    Address(String),
    /// The page has no form with these fields.
    #[error("the page at {path} (status {status}) has no form for {purpose}")]
    NoForm {
        /// The page.
        path: String,
        /// Its status.
        status: u16,
        /// What the form should do.
        purpose: &'static str,
    },
    /// The bank shows a problem page.
    #[error("{hop} answered {kind}")]
    Problem {
        /// The problem type, `urn:x-dasvid:problem:…`.
        kind: String,
        /// Who refused.
        hop: String,
    },
    /// The page is not the one expected.
    #[error("unexpected page at {path} (status {status})")]
    Unexpected {
        /// The page.
        path: String,
        /// Its status.
        status: u16,
    },
}

/// A page as it arrived, after all redirects.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Where it came from.
    pub(crate) url: Url,
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its HTML.
    pub(crate) html: String,
}

impl Page {
    /// The value of an attribute such as `data-minor`, the first on the page.
    #[must_use]
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        attribute(&self.html, name)
    }

    /// Every form on the page.
    fn forms(&self) -> impl Iterator<Item = &str> {
        self.html.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap_or(rest))
    }

    fn unexpected(&self) -> VisitError {
        VisitError::Unexpected { path: self.url.path().to_owned(), status: self.status.as_u16() }
    }

    /// The problem this page shows, if it shows one.
    fn check(self) -> Result<Self, VisitError> {
        match (self.attribute("data-problem"), self.attribute("data-hop")) {
            (Some(kind), Some(hop)) => Err(VisitError::Problem { kind, hop }),
            _ => Ok(self),
        }
    }
}

/// The value of the first attribute called `name`.
fn attribute(html: &str, name: &str) -> Option<String> {
    let (_, rest) = html.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescape(value))
}

fn unescape(text: &str) -> String {
    let numeric = text.replace("&#38;", "&amp;").replace("&#34;", "\"").replace("&#39;", "'");
    numeric.replace("&#60;", "<").replace("&#62;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The hidden fields of a form.
fn hidden(form: &str) -> Vec<(String, String)> {
    let inputs = form.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap_or(rest));
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    hidden
        .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default())))
        .collect()
}

/// One browser. Clone it for a second one that starts with the same cookies.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    client: reqwest::Client,
    base: Url,
    pub(crate) cookies: BTreeMap<(String, String), String>,
}

impl Visitor {
    /// A browser that begins at the front end's origin `base`, without cookies. `client` follows no redirects and keeps
    /// no cookies of its own.
    #[must_use]
    pub(crate) const fn new(client: reqwest::Client, base: Url) -> Self {
        Self { client, base, cookies: BTreeMap::new() }
    }

    /// `GET path` at the front end.
    ///
    /// # Errors
    /// When no page arrives.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Page, VisitError> {
        let url = self.at(path)?;
        self.follow(url, None).await
    }

    /// `POST path` at the front end with these fields, as a form of a page of its own.
    ///
    /// # Errors
    /// When no page arrives.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(String, String)]) -> Result<Page, VisitError> {
        let url = self.at(path)?;
        self.follow(url, Some(fields)).await
    }

    fn at(&self, path: &str) -> Result<Url, VisitError> {
        self.base.join(path).map_err(|_| VisitError::Address(path.to_owned()))
    }

    async fn follow(&mut self, url: Url, fields: Option<&[(String, String)]>) -> Result<Page, VisitError> {
        let (mut url, mut fields) = (url, fields);
        for _ in 0..MAX_REDIRECTS {
            let answer = self.send(&url, fields).await?;
            let Some(location) = answer.headers().get(header::LOCATION).filter(|_| answer.status().is_redirection())
            else {
                let status = answer.status();
                let html = answer.text().await.map_err(|error| no_answer(&url, error))?;
                return Ok(Page { url, status, html });
            };
            let location = location.to_str().unwrap_or_default();
            url = url.join(location).map_err(|_| VisitError::Address(location.to_owned()))?;
            fields = None;
        }
        Err(VisitError::Redirects)
    }

    pub(crate) async fn send(
        &mut self,
        url: &Url,
        fields: Option<&[(String, String)]>,
    ) -> Result<reqwest::Response, VisitError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = match fields {
            Some(fields) => {
                let origin = url.origin().ascii_serialization();
                self.client.post(url.clone()).header(header::ORIGIN, origin).form(fields)
            }
            None => self.client.get(url.clone()),
        };
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .filter(|((of, _), _)| *of == host)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        let answer = request.send().await.map_err(|error| no_answer(url, error))?;
        for line in answer.headers().get_all(header::SET_COOKIE) {
            self.keep(&host, line);
        }
        Ok(answer)
    }

    fn keep(&mut self, host: &str, line: &HeaderValue) {
        let Some((name, rest)) = line.to_str().ok().and_then(|line| line.split_once('=')) else { return };
        let value = rest.split(';').next().unwrap_or_default();
        let key = (host.to_owned(), name.to_owned());
        if value.is_empty() {
            self.cookies.remove(&key);
        } else {
            self.cookies.insert(key, value.to_owned());
        }
    }

    /// Sends the first form of `page` that holds all of `marks`, with its hidden fields and `fields`.
    async fn submit(
        &mut self,
        page: &Page,
        purpose: &'static str,
        marks: &[&str],
        fields: &[(&str, &str)],
    ) -> Result<Page, VisitError> {
        let form = page.forms().find(|form| marks.iter().all(|mark| form.contains(mark)));
        let no_form = || VisitError::NoForm { path: page.url.path().to_owned(), status: page.status.as_u16(), purpose };
        let form = form.ok_or_else(no_form)?;
        let action = attribute(form, "action").unwrap_or_default();
        let url = page.url.join(&action).map_err(|_| VisitError::Address(action))?;
        let mut all = hidden(form);
        all.retain(|(known, _)| !fields.iter().any(|(name, _)| name == known));
        all.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self.follow(url, Some(&all)).await
    }

    /// Logs in at the provider's login page and returns the account page.
    ///
    /// # Errors
    /// [`VisitError::NoForm`] if the provider shows no login page, [`VisitError::Unexpected`] if the person is not
    /// logged in afterwards, [`VisitError::Problem`] if the bank refused.
    pub(crate) async fn log_in(&mut self, name: &str, password: &str) -> Result<Page, VisitError> {
        let page = self.get("/login").await?;
        let fields = [("username", name), ("password", password)];
        let page = self.submit(&page, "logging in", &["name=\"username\"", "name=\"password\""], &fields).await?;
        if page.url.origin() != self.base.origin() || page.url.path() != "/account" {
            return Err(page.unexpected());
        }
        page.check()
    }

    /// The balance in `currency`, in minor units; `None` before the first deposit.
    ///
    /// # Errors
    /// [`VisitError::Problem`] if the bank refused.
    pub(crate) async fn balance(&mut self, currency: &str) -> Result<Option<i64>, VisitError> {
        let page = self.get("/account").await?.check()?;
        let mark = format!("data-currency=\"{currency}\" data-minor=\"");
        let minor = page.html.split_once(&mark).and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
        if minor.is_none() && !(page.status.is_success() && page.url.path() == "/account") {
            return Err(page.unexpected());
        }
        Ok(minor)
    }

    /// Fills in the deposit form and sends it `times` times over, as impatient people do.
    ///
    /// # Errors
    /// [`VisitError::Problem`] if the bank refused.
    pub(crate) async fn deposit(&mut self, amount: &str, currency: &str, times: usize) -> Result<Page, VisitError> {
        let form = self.get("/deposit").await?.check()?;
        let mut page = form.clone();
        for _ in 0..times.max(1) {
            let fields = [("amount", amount), ("currency", currency)];
            page = self.submit(&form, "a deposit", &["data-form=\"deposit\""], &fields).await?.check()?;
            if !page.status.is_success() {
                return Err(page.unexpected());
            }
        }
        Ok(page)
    }

    /// Fills in the transfer form, looks it over and sends it `times` times over, as impatient people do.
    ///
    /// # Errors
    /// [`VisitError::NoForm`] if what was filled in is not taken, [`VisitError::Problem`] if the bank refused.
    pub(crate) async fn transfer(
        &mut self,
        to: &str,
        amount: &str,
        currency: &str,
        note: Option<&str>,
        times: usize,
    ) -> Result<Page, VisitError> {
        let form = self.get("/transfer").await?.check()?;
        let fields = [("to", to), ("amount", amount), ("currency", currency), ("note", note.unwrap_or_default())];
        let review = self.submit(&form, "a transfer", &["data-form=\"transfer\""], &fields).await?.check()?;
        let mut page = review.clone();
        for _ in 0..times.max(1) {
            page = self.submit(&review, "sending", &["data-form=\"send\""], &[]).await?.check()?;
            if !page.status.is_success() {
                return Err(page.unexpected());
            }
        }
        Ok(page)
    }

    /// Chooses how requests travel: `plain`, `id` or `anonymous`.
    ///
    /// # Errors
    /// [`VisitError::NoForm`] if nobody is logged in.
    pub(crate) async fn choose_mode(&mut self, mode: &str) -> Result<Page, VisitError> {
        let page = self.get("/profile").await?;
        self.submit(&page, "choosing a mode", &["action=\"/mode\""], &[("mode", mode)]).await
    }

    /// Signs out here and at the provider.
    ///
    /// # Errors
    /// [`VisitError::NoForm`] if nobody is logged in, [`VisitError::Unexpected`] if it did not end at the farewell.
    pub(crate) async fn sign_out(&mut self) -> Result<Page, VisitError> {
        let page = self.get("/profile").await?;
        let page = self.submit(&page, "signing out", &["action=\"/logout\""], &[]).await?;
        if page.url.path() == "/signed-out" { Ok(page) } else { Err(page.unexpected()) }
    }
}

fn no_answer(url: &Url, error: reqwest::Error) -> VisitError {
    // The query may hold a code: it is not repeated.
    VisitError::NoAnswer(url.path().to_owned(), error.without_url())
}
