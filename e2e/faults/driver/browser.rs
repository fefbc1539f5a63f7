//! A browser that fails as browsers do: no answer is an outcome, not an error.

use std::time::Duration;

use dasvid::journey::forms::{Form, forms, pairs};
use reqwest::{Client, RequestBuilder, StatusCode, header, redirect};
use url::Url;

use super::outcome::Outcome;

/// A page as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Where it came from.
    pub(crate) url: Url,
    /// Its status.
    pub(crate) status: StatusCode,
    /// Where it leads, if it is a redirect.
    pub(crate) next: Option<Url>,
    /// Its text.
    pub(crate) text: String,
}

impl Page {
    /// The first form that has a field `name`.
    pub(crate) fn form(&self, name: &str) -> Option<Form> {
        forms(&self.text).into_iter().find(|form| form.has(name))
    }

    /// The first form that goes to `path`.
    pub(crate) fn form_to(&self, path: &str) -> Option<Form> {
        let goes = |form: &Form| self.url.join(&form.action).is_ok_and(|url| url.path() == path);
        forms(&self.text).into_iter().find(goes)
    }

    /// What it means for whoever asked for it; a redirect means done.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.status.is_success() || self.status.is_redirection() {
            return Outcome::Done;
        }
        let told = pairs(&self.text, "data-problem", "data-hop").into_iter().next();
        let (problem, hop) = told.unzip();
        if problem.is_none() && self.status == StatusCode::FORBIDDEN {
            return Outcome::SignedOut;
        }
        let problem = problem.map(|problem| problem.rsplit(':').next().unwrap_or_default().to_owned());
        Outcome::Refused { status: self.status.as_u16(), problem, hop }
    }
}

/// One browser window.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    http: Client,
}

impl Browser {
    /// A window without cookies that waits `patience` for a page and believes the authority `ca` (PEM) too.
    pub(crate) fn new(patience: Duration, ca: Option<&[u8]>) -> anyhow::Result<Self> {
        mesh::install_crypto();
        let builder = Client::builder().cookie_store(true).redirect(redirect::Policy::none()).timeout(patience);
        let builder = match ca {
            Some(pem) => builder.add_root_certificate(reqwest::Certificate::from_pem(pem)?),
            None => builder,
        };
        Ok(Self { http: builder.build()? })
    }

    /// Opens a page.
    pub(crate) async fn open(&self, url: &Url) -> Result<Page, Outcome> {
        Self::send(self.http.get(url.clone())).await
    }

    /// Sends a form of `page`, as a person pressing its button.
    pub(crate) async fn submit(&self, page: &Page, form: &Form) -> Result<Page, Outcome> {
        let url = page.url.join(&form.action).map_err(|error| Outcome::Broken { cause: error.to_string() })?;
        let request = self.http.post(url).header(header::ORIGIN, page.url.origin().ascii_serialization());
        Self::send(request.form(&form.fields)).await
    }

    async fn send(request: RequestBuilder) -> Result<Page, Outcome> {
        let answer = request.send().await.map_err(|error| failure(&error))?;
        let (url, status) = (answer.url().clone(), answer.status());
        let next = answer.headers().get(header::LOCATION).and_then(|next| next.to_str().ok());
        let next = next.filter(|_| status.is_redirection()).and_then(|next| url.join(next).ok());
        let text = answer.text().await.map_err(|error| failure(&error))?;
        Ok(Page { url, status, next, text })
    }
}

fn failure(error: &reqwest::Error) -> Outcome {
    if error.is_timeout() {
        return Outcome::Hung;
    }
    // The error's own text holds the whole URL, and a URL may hold a code.
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Outcome::Broken { cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(status: u16, text: &str) -> Page {
        let url = Url::parse("http://bank.example/deposit").unwrap();
        Page { url, status: StatusCode::from_u16(status).unwrap(), next: None, text: text.to_owned() }
    }

    #[test]
    fn reads_the_problem_and_the_hop_of_a_refusal() {
        let text = r#"<section data-problem="urn:x-dasvid:problem:unavailable" data-hop="target-wl">"#;
        let (problem, hop) = (Some("unavailable".to_owned()), Some("target-wl".to_owned()));
        assert_eq!(page(503, text).outcome(), Outcome::Refused { status: 503, problem, hop });
    }

    #[test]
    fn a_form_of_a_session_that_has_ended_is_no_refusal() {
        assert_eq!(page(403, "Your session has ended.").outcome(), Outcome::SignedOut);
        assert_eq!(page(200, "").outcome(), Outcome::Done);
        assert_eq!(page(500, "").outcome(), Outcome::Refused { status: 500, problem: None, hop: None });
    }
}
