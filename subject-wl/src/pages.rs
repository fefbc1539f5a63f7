//! The pages: what each shows, rendered from `templates/`, with every value escaped.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use token::Mode;
use wire::bank::Account;

use crate::{money, problem::Explained, session::Session, trail::SegmentView, transactions::Row, transfer::Wrong};

/// What every page has around its content.
pub(crate) struct Frame {
    pub(crate) title: &'static str,
    pub(crate) who: Option<Who>,
    pub(crate) flash: Option<String>,
    /// The page's own path, for the navigation and to come back to.
    pub(crate) path: &'static str,
}

/// Who is logged in.
pub(crate) struct Who {
    pub(crate) name: String,
    pub(crate) csrf: String,
    pub(crate) mode: Mode,
}

/// The pages one can go to.
pub(crate) const NAVIGATION: [(&str, &str); 6] = [
    ("/account", "Account"),
    ("/transactions", "Transactions"),
    ("/transfer", "Transfer"),
    ("/deposit", "Deposit"),
    ("/profile", "Profile"),
    ("/token", "Token"),
];

/// The modes one can choose.
pub(crate) const MODES: [(Mode, &str); 3] = [(Mode::Id, "ID"), (Mode::Anonymous, "Anonymous"), (Mode::Plain, "Plain")];

impl Frame {
    /// For a page of nobody in particular.
    pub(crate) const fn signed_out(title: &'static str) -> Self {
        Self { title, who: None, flash: None, path: "/" }
    }

    /// For a page of the person whose session it is; takes the line left for them.
    pub(crate) fn signed_in(title: &'static str, path: &'static str, session: &Session) -> Self {
        let person = &session.person;
        let who = Who {
            name: person.name.clone().unwrap_or_else(|| person.sub.clone()),
            csrf: session.csrf.clone(),
            mode: session.mode(),
        };
        Self { title, who: Some(who), flash: session.hear(), path }
    }
}

/// `/` for a visitor.
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    pub(crate) frame: Frame,
}

/// `/account`.
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    pub(crate) frame: Frame,
    /// None yet before the first deposit.
    pub(crate) account: Option<Account>,
}

/// `/deposit`.
#[derive(Template)]
#[template(path = "deposit.html")]
pub(crate) struct DepositPage<'a> {
    pub(crate) frame: Frame,
    pub(crate) csrf: &'a str,
    pub(crate) key: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) currencies: &'a [String],
    pub(crate) error: Option<String>,
}

/// `/transfer`.
#[derive(Template)]
#[template(path = "transfer.html")]
pub(crate) struct TransferPage<'a> {
    pub(crate) frame: Frame,
    pub(crate) csrf: &'a str,
    pub(crate) key: &'a str,
    pub(crate) to: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) note: &'a str,
    pub(crate) currencies: &'a [String],
    pub(crate) error: Option<Wrong>,
}

impl TransferPage<'_> {
    /// What is wrong with one field.
    fn wrong(&self, field: &str) -> Option<&str> {
        self.error.as_ref().filter(|wrong| wrong.field == field).map(|wrong| wrong.told.as_str())
    }
}

/// A transfer before it is sent.
#[derive(Template)]
#[template(path = "review.html")]
pub(crate) struct ReviewPage<'a> {
    pub(crate) frame: Frame,
    pub(crate) csrf: &'a str,
    /// The form as it was filled in.
    pub(crate) fields: &'a [(&'static str, &'a str)],
    pub(crate) to: String,
    pub(crate) amount: String,
    pub(crate) note: Option<&'a str>,
}

/// `/transactions`.
#[derive(Template)]
#[template(path = "transactions.html")]
pub(crate) struct TransactionsPage {
    pub(crate) frame: Frame,
    pub(crate) rows: Vec<Row>,
    /// The name of the next page.
    pub(crate) older: Option<String>,
    pub(crate) is_first: bool,
}

/// `/profile`.
#[derive(Template)]
#[template(path = "profile.html")]
pub(crate) struct ProfilePage<'a> {
    pub(crate) frame: Frame,
    pub(crate) rows: &'a [(&'static str, String)],
}

/// `/token`.
#[derive(Template)]
#[template(path = "token.html")]
pub(crate) struct TokenPage {
    pub(crate) frame: Frame,
    pub(crate) mode: Mode,
    pub(crate) size: usize,
    pub(crate) segments: Vec<SegmentView>,
}

/// A form that can be sent again, or filled in again.
pub(crate) struct Again<'a> {
    /// What the button says.
    pub(crate) label: &'static str,
    pub(crate) action: &'static str,
    pub(crate) csrf: &'a str,
    pub(crate) fields: &'a [(&'static str, &'a str)],
}

/// A failure at the bank.
#[derive(Template)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage<'a> {
    pub(crate) frame: Frame,
    pub(crate) problem: &'a Explained,
    pub(crate) again: Option<Again<'a>>,
}

/// Anything that only needs to be said, and where to go from there.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) frame: Frame,
    pub(crate) text: &'a str,
    pub(crate) action: Option<(&'a str, &'a str)>,
}

/// Answers with a page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(body) => (status, Html(body)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that says why a request was refused.
pub(crate) fn refusal(status: StatusCode, text: &str) -> Response {
    page(status, &MessagePage { frame: Frame::signed_out("Not like this"), text, action: Some(("/", "To the start")) })
}

pub(crate) async fn stylesheet() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")],
        include_str!("../static/style.css"),
    )
}
