//! A person's browser that remembers every secret it was handed.

use std::sync::Mutex;

use dasvid::journey::forms::{Form, forms};
use dasvid::place::Place;
use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use url::Url;

/// Parameters of redirects that must stay between browser and server.
const PARAMETERS: [&str; 4] = ["code", "state", "nonce", "id_token_hint"];

/// A page as it arrived.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it came from, after redirects.
    pub url: Url,
    /// The status.
    pub status: StatusCode,
    /// The text.
    pub text: String,
}

/// One browser window.
pub struct Browser {
    http: Client,
    front: Url,
    secrets: Mutex<Vec<String>>,
}

impl Browser {
    /// A window without cookies, at the bank's front door.
    #[must_use]
    pub fn new(place: &Place) -> Self {
        mesh::install_crypto();
        let http = Client::builder().cookie_store(true).redirect(redirect::Policy::none()).build().unwrap();
        Self { http, front: place.front.clone(), secrets: Mutex::default() }
    }

    /// Logs a person in.
    pub async fn log_in(&self, person: &str) -> Page {
        let page = self.open("login").await;
        let form = page.form("password").with("username", person).with("password", &format!("{person}-pw"));
        self.submit(&page, &form).await
    }

    /// Opens a page of the bank.
    pub async fn open(&self, path: &str) -> Page {
        self.go(self.http.get(self.front.join(path).unwrap())).await
    }

    /// Opens a page of the bank with further header fields.
    pub async fn open_with(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.http.get(self.front.join(path).unwrap());
        self.go(fields.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    /// Presses a form's button.
    pub async fn submit(&self, page: &Page, form: &Form) -> Page {
        let request = self.http.post(page.url.join(&form.action).unwrap());
        let request = request.header(header::ORIGIN, page.url.origin().ascii_serialization());
        self.go(request.form(&form.fields)).await
    }

    /// Every cookie, code and state this browser was handed.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap().clone()
    }

    async fn go(&self, request: RequestBuilder) -> Page {
        let mut answer = request.send().await.unwrap();
        for _ in 0..20 {
            self.remember(&answer);
            let Some(next) = answer.headers().get(header::LOCATION) else { break };
            let next = answer.url().join(next.to_str().unwrap()).unwrap();
            answer = self.http.get(next).send().await.unwrap();
        }
        Page { url: answer.url().clone(), status: answer.status(), text: answer.text().await.unwrap() }
    }

    fn remember(&self, answer: &Response) {
        let mut secrets = self.secrets.lock().unwrap();
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let value = cookie.to_str().unwrap().split(['=', ';']).nth(1).unwrap_or_default();
            secrets.push(value.to_owned());
        }
        let next = answer.headers().get(header::LOCATION).and_then(|next| next.to_str().ok());
        let next = next.and_then(|next| answer.url().join(next).ok());
        for (name, value) in next.iter().flat_map(Url::query_pairs) {
            if PARAMETERS.contains(&&*name) {
                secrets.push(value.into_owned());
            }
        }
        secrets.retain(|secret| secret.len() >= 12);
    }
}

impl Page {
    /// The first form that has a field `name`.
    #[must_use]
    pub fn form(&self, name: &str) -> Form {
        let found = forms(&self.text).into_iter().find(|form| form.has(name));
        found.unwrap_or_else(|| panic!("{} {} has no form with {name}: {}", self.status, self.url, self.text))
    }

    /// The first form that goes to `path`.
    #[must_use]
    pub fn form_to(&self, path: &str) -> Form {
        let goes = |form: &Form| self.url.join(&form.action).is_ok_and(|url| url.path() == path);
        let found = forms(&self.text).into_iter().find(goes);
        found.unwrap_or_else(|| panic!("{} {} has no form to {path}: {}", self.status, self.url, self.text))
    }

    /// What the page says the account holds in US dollars.
    #[must_use]
    pub fn holds(&self) -> Option<i64> {
        let amounts = dasvid::journey::forms::pairs(&self.text, "data-currency", "data-minor");
        amounts.iter().find(|(currency, _)| currency == "USD").and_then(|(_, minor)| minor.parse().ok())
    }
}
