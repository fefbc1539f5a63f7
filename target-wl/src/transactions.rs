//! `GET /v1/transactions`: what moved on the person's account.

use axum::extract::{RawQuery, State};
use chassis::Rejected;
use chassis::gate::Admitted;
use chassis::json::Json;
use tracing::Instrument as _;
use wire::bank::{LONGEST_PAGE, PAGE, TRANSACTIONS, Transactions};
use wire::problem::ProblemDocument;

use crate::balance::person;
use crate::request_error::{Blamed, RequestError};
use crate::routes::App;

/// A page of the person's transactions, newest first. Pages do not shift when something is booked meanwhile.
#[utoipa::path(
    get,
    path = TRANSACTIONS,
    params(
        ("limit" = Option<u32>, Query, description = "How many at most: 1 to 100, 20 unless given", minimum = 1, maximum = 100),
        ("after" = Option<String>, Query, description = "An earlier page's `next`, as it was"),
    ),
    responses(
        (status = 200, description = "The page", body = Transactions),
        (status = 400, description = "The query is malformed, or no page ended at `after`", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "The chain is not believed", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "The chain does not allow this", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "The person has no account", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn transactions(
    State(app): State<App>,
    Admitted(chain): Admitted,
    RawQuery(query): RawQuery,
) -> Result<Json<Transactions>, Rejected<Blamed>> {
    let page = Page::read(query.as_deref().unwrap_or_default()).ok_or_else(|| app.blame(RequestError::Query))?;
    let found =
        app.0.bank.transactions(&person(&chain), page.after, page.limit).instrument(chassis::span!("bank.read")).await;
    let found = found.map_err(|error| app.blame(error))?;
    found.map(Json).ok_or_else(|| app.blame(RequestError::UnknownAccount))
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page<'a> {
    limit: u32,
    after: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// Reads the query, which has nothing in it that needs an escape.
    fn read(query: &'a str) -> Option<Self> {
        let (mut limit, mut after) = (None, None);
        for (name, value) in query
            .split('&')
            .filter(|_| !query.is_empty())
            .map(|pair| pair.split_once('='))
            .collect::<Option<Vec<_>>>()?
        {
            let known = match name {
                "limit" => &mut limit,
                "after" => &mut after,
                _ => return None,
            };
            if known.replace(value).is_some() {
                return None;
            }
        }
        Some(Self { limit: limit.map_or(Some(PAGE), read_limit)?, after })
    }
}

fn read_limit(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|limit| is_plain && (1..=LONGEST_PAGE).contains(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_which_page() {
        for (query, limit, after) in
            [("", PAGE, None), ("limit=1", 1, None), ("after=x&limit=100", 100, Some("x")), ("after=", PAGE, Some(""))]
        {
            assert_eq!(Page::read(query), Some(Page { limit, after }), "{query}");
        }
    }

    #[test]
    fn refuses_any_other_query() {
        for query in [
            "limit",
            "limit=",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=+1",
            "limit=01",
            "limit=1.0",
            "limit=1e1",
            "limit=4294967297",
            "limit=1&limit=1",
            "after=x&after=y",
            "&",
            "limit=1&",
            "person=bob",
            "Limit=1",
            "limit=%31",
        ] {
            assert_eq!(Page::read(query), None, "{query}");
        }
    }
}
