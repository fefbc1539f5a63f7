//! A browser as far as the story needs one: cookies, redirects, forms. No script is run; the bank's pages have none.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::{Client, Method, StatusCode, header};
use url::Url;

use super::forms::{Form, forms};

/// Redirects in a row before the browser gives up, as people's browsers do.
const MAX_REDIRECTS: usize = 20;

/// A page as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// Where it came from, after redirects.
    pub(super) url: Url,
    /// The status.
    pub(super) status: StatusCode,
    /// The text.
    pub(super) text: String,
}

impl Page {
    /// The first form that has a field `name`.
    ///
    /// # Errors
    /// When the page has none.
    pub(super) fn form(&self, name: &str) -> anyhow::Result<Form> {
        let found = forms(&self.text).into_iter().find(|form| form.has(name));
        found.with_context(|| format!("{} ({}) has no form with a field {name}", self.url, self.status))
    }

    /// The first form that goes to `path`.
    ///
    /// # Errors
    /// When the page has none.
    pub(super) fn form_to(&self, path: &str) -> anyhow::Result<Form> {
        let goes = |form: &Form| self.url.join(&form.action).is_ok_and(|url| url.path() == path);
        let found = forms(&self.text).into_iter().find(goes);
        found.with_context(|| format!("{} ({}) has no form that goes to {path}", self.url, self.status))
    }
}

/// One person's browser window.
#[derive(Clone, Debug)]
pub(super) struct Browser {
    http: Client,
}

impl Browser {
    /// A window without cookies.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub(super) fn new() -> anyhow::Result<Self> {
        mesh::install_crypto();
        let http = Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self { http })
    }

    /// Opens `url` and follows redirects.
    ///
    /// # Errors
    /// When no page comes back.
    pub(super) async fn open(&self, url: Url) -> anyhow::Result<Page> {
        self.go(Method::GET, url, None, None).await
    }

    /// Sends a form of `page`, as a person pressing its button.
    ///
    /// # Errors
    /// When no page comes back.
    pub(super) async fn submit(&self, page: &Page, form: &Form) -> anyhow::Result<Page> {
        let url = page.url.join(&form.action)?;
        self.go(Method::POST, url, Some(&form.fields), Some(&page.url)).await
    }

    async fn go(
        &self,
        mut method: Method,
        mut url: Url,
        mut fields: Option<&Vec<(String, String)>>,
        from: Option<&Url>,
    ) -> anyhow::Result<Page> {
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.http.request(method.clone(), url.clone());
            if let Some(fields) = fields {
                request = request.form(fields);
            }
            if let Some(from) = from.filter(|_| method == Method::POST) {
                request = request.header(header::ORIGIN, from.origin().ascii_serialization());
            }
            let answer = request.send().await.with_context(|| format!("{} does not answer", origin(&url)))?;
            let status = answer.status();
            if !status.is_redirection() {
                return Ok(Page { url, status, text: answer.text().await? });
            }
            let next = answer.headers().get(header::LOCATION).context("a redirect without Location")?;
            url = url.join(next.to_str()?)?;
            ensure!(matches!(url.scheme(), "http" | "https"), "a redirect to {}", url.scheme());
            if !matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                method = Method::GET;
                fields = None;
            }
        }
        bail!("more than {MAX_REDIRECTS} redirects, the last to {}", origin(&url))
    }
}

/// The origin alone: paths and queries may hold codes.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
