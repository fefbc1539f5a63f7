//! The pages: what each shows, rendered from `templates/`, with every value escaped.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use token::Mode;
use wire::bank::Balance;

use crate::{money, problem::Explained, session::Session, trail::SegmentView};

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
pub(crate) const NAVIGATION: [(&str, &str); 4] =
    [("/account", "Account"), ("/deposit", "Deposit"), ("/profile", "Profile"), ("/token", "Token")];

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
    pub(crate) balances: Option<Vec<Balance>>,
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

/// A deposit that can be sent again, unchanged.
pub(crate) struct Again<'a> {
    pub(crate) csrf: &'a str,
    pub(crate) key: &'a str,
    pub(crate) amount: &'a str,
    pub(crate) currency: &'a str,
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
