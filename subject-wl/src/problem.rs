//! What went wrong, for the person in front of it: what happened, and what to do next.

use axum::http::StatusCode;
use wire::problem::ProblemKind;

use crate::bank::BankError;

/// A failure in words. The person learns what it means for them, and whoever helps them learns the type and the hop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    pub(crate) status: StatusCode,
    pub(crate) title: &'static str,
    pub(crate) happened: &'static str,
    pub(crate) next: &'static str,
    /// The problem type.
    pub(crate) kind: String,
    /// The workload that refused.
    pub(crate) hop: String,
    /// What the hop said beside, if anything.
    pub(crate) detail: Option<String>,
    /// Whether the same form may be sent again: it is still one deposit.
    pub(crate) again: bool,
    /// Whether logging in again is the way out.
    pub(crate) login: bool,
}

/// Puts a failure into words.
pub(crate) fn explain(error: &BankError) -> Explained {
    let (kind, hop, detail) = match error {
        BankError::Refused { hop, document, .. } => {
            (document.r#type.clone(), document.culprit.clone().unwrap_or_else(|| hop.clone()), document.detail.clone())
        }
        BankError::NoAnswer { hop, .. } | BankError::NotUnderstood { hop, .. } => {
            (ProblemKind::UpstreamFailed.type_uri(), hop.clone(), None)
        }
        BankError::LoginExpired => (ProblemKind::InvalidToken.type_uri(), "this front end".to_owned(), None),
        BankError::Chain(_) => (ProblemKind::Internal.type_uri(), "this front end".to_owned(), None),
    };
    let words = words(match ProblemKind::from_type_uri(&kind) {
        // To a hop, a token is invalid when the chain is; only asserting-wl speaks of the person's login.
        Some(ProblemKind::InvalidToken) if !error.wants_login() => ProblemKind::InvalidChain,
        known => known.unwrap_or(ProblemKind::Internal),
    });
    Explained {
        status: words.status,
        title: words.title,
        happened: words.happened,
        next: words.next,
        kind,
        hop,
        detail,
        again: words.again,
        login: error.wants_login(),
    }
}

struct Words {
    status: StatusCode,
    title: &'static str,
    happened: &'static str,
    next: &'static str,
    again: bool,
}

fn words(kind: ProblemKind) -> Words {
    let (status, title, happened, next, again) = match kind {
        ProblemKind::Revoked => (
            StatusCode::FORBIDDEN,
            "Your sign-in was ended",
            "Your sign-in was ended elsewhere, so the bank no longer acts on it. Nothing was done.",
            "Sign in again.",
            false,
        ),
        ProblemKind::InvalidToken => (
            StatusCode::FORBIDDEN,
            "Your sign-in has expired",
            "Your sign-in is too old or is no longer accepted. Nothing was done.",
            "Sign in again.",
            false,
        ),
        ProblemKind::InvalidChain => (
            StatusCode::BAD_GATEWAY,
            "The bank did not believe the request",
            "A service of the bank could not verify who was asking on your behalf. Nothing was done.",
            "Try again. If it happens again, tell the bank what is written below.",
            true,
        ),
        ProblemKind::NotPermitted => (
            StatusCode::FORBIDDEN,
            "Your sign-in does not allow this",
            "You did not give this application the right to do that. Nothing was done.",
            "Sign out and in again, and allow it.",
            false,
        ),
        ProblemKind::UnknownAccount => (
            StatusCode::NOT_FOUND,
            "There is no account yet",
            "The bank has no account for you.",
            "Make a deposit: the first one opens your account.",
            false,
        ),
        ProblemKind::Conflict | ProblemKind::ReplayDetected => (
            StatusCode::CONFLICT,
            "This was done before",
            "The bank has seen this very request before and did not do it twice.",
            "Look at your account before you try again.",
            false,
        ),
        ProblemKind::InvalidRequest | ProblemKind::TooLarge | ProblemKind::UnsupportedMediaType => (
            StatusCode::BAD_REQUEST,
            "The bank did not accept that",
            "Something about the request is not as the bank wants it. Nothing was done.",
            "Check the amount and try again.",
            false,
        ),
        ProblemKind::RateLimited => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
            "The bank asks for a pause. Nothing was done.",
            "Wait a moment, then try again.",
            true,
        ),
        ProblemKind::Unavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The bank is not available",
            "A service of the bank is not available right now.",
            "Try again in a moment; a deposit sent again is still made once.",
            true,
        ),
        ProblemKind::UpstreamFailed | ProblemKind::UpstreamTimeout => (
            StatusCode::BAD_GATEWAY,
            "The bank does not answer",
            "A service of the bank could not be reached or took too long.",
            "Try again in a moment; a deposit sent again is still made once.",
            true,
        ),
        _ => (
            StatusCode::BAD_GATEWAY,
            "Something went wrong at the bank",
            "A service of the bank failed.",
            "Try again in a moment; a deposit sent again is still made once.",
            true,
        ),
    };
    Words { status, title, happened, next, again }
}
