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
    /// Whether what the hop said is for the person too.
    pub(crate) quoted: bool,
    /// Whether the same form may be sent again: it is still one order.
    pub(crate) again: bool,
    /// Whether logging in again is the way out.
    pub(crate) login: bool,
}

/// Puts a failure into words.
pub(crate) fn explain(error: &BankError) -> Explained {
    explain_with(error, words)
}

/// Puts the failure of a transfer into words.
pub(crate) fn explain_transfer(error: &BankError) -> Explained {
    explain_with(error, transfer_words)
}

fn explain_with(error: &BankError, choose: fn(ProblemKind) -> &'static Words) -> Explained {
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
    let words = choose(match ProblemKind::from_type_uri(&kind) {
        // To a hop, a token is invalid when the chain is; only asserting-wl speaks of the person's login.
        Some(ProblemKind::InvalidToken) if !error.wants_login() => ProblemKind::InvalidChain,
        known => known.unwrap_or(ProblemKind::Internal),
    });
    Explained {
        quoted: words.quoted,
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
    quoted: bool,
    again: bool,
}

/// What to say of each kind when somebody was to be paid.
const fn transfer_words(kind: ProblemKind) -> &'static Words {
    match kind {
        ProblemKind::UnknownAccount => &NOBODY_TO_PAY,
        ProblemKind::Conflict => &NOT_ENOUGH,
        ProblemKind::InvalidRequest => &NOT_SENT,
        other => words(other),
    }
}

const NOBODY_TO_PAY: Words = Words {
    status: StatusCode::NOT_FOUND,
    title: "There is no such account",
    happened: "You and whoever you pay both need an account in this currency. Nothing was sent.",
    next: "Check the number with whoever gave it to you, and the currency.",
    quoted: true,
    again: false,
};

const NOT_ENOUGH: Words = Words {
    status: StatusCode::CONFLICT,
    title: "The transfer cannot be made",
    happened: "Your balance does not allow it as it stands. Nothing was sent.",
    next: "Look at your balance; then send less, or make a deposit first.",
    quoted: true,
    again: false,
};

const NOT_SENT: Words = Words {
    status: StatusCode::BAD_REQUEST,
    title: "The bank did not accept that",
    happened: "Something about the transfer is not as the bank wants it. Nothing was sent.",
    next: "Check the account number, the amount and the note.",
    quoted: true,
    again: false,
};

/// What to say of each kind.
const fn words(kind: ProblemKind) -> &'static Words {
    match kind {
        ProblemKind::Revoked => &ENDED,
        ProblemKind::InvalidToken => &EXPIRED,
        ProblemKind::InvalidChain => &NOT_BELIEVED,
        ProblemKind::NotPermitted => &NOT_ALLOWED,
        ProblemKind::UnknownAccount => &NO_ACCOUNT,
        ProblemKind::Conflict | ProblemKind::ReplayDetected => &DONE_BEFORE,
        ProblemKind::InvalidRequest | ProblemKind::TooLarge | ProblemKind::UnsupportedMediaType => &NOT_ACCEPTED,
        ProblemKind::RateLimited => &TOO_MANY,
        ProblemKind::Unavailable => &NOT_AVAILABLE,
        ProblemKind::UpstreamFailed | ProblemKind::UpstreamTimeout => &NO_ANSWER,
        _ => &FAILED,
    }
}

const ENDED: Words = Words {
    status: StatusCode::FORBIDDEN,
    title: "Your sign-in was ended",
    happened: "Your sign-in was ended elsewhere, so the bank no longer acts on it. Nothing was done.",
    next: "Sign in again.",
    quoted: false,
    again: false,
};

const EXPIRED: Words = Words {
    status: StatusCode::FORBIDDEN,
    title: "Your sign-in has expired",
    happened: "Your sign-in is too old or is no longer accepted. Nothing was done.",
    next: "Sign in again.",
    quoted: false,
    again: false,
};

const NOT_BELIEVED: Words = Words {
    status: StatusCode::BAD_GATEWAY,
    title: "The bank did not believe the request",
    happened: "A service of the bank could not verify who was asking on your behalf. Nothing was done.",
    next: "Try again. If it happens again, tell the bank what is written below.",
    quoted: false,
    again: true,
};

const NOT_ALLOWED: Words = Words {
    status: StatusCode::FORBIDDEN,
    title: "Your sign-in does not allow this",
    happened: "You did not give this application the right to do that. Nothing was done.",
    next: "Sign out and in again, and allow it.",
    quoted: false,
    again: false,
};

const NO_ACCOUNT: Words = Words {
    status: StatusCode::NOT_FOUND,
    title: "There is no account yet",
    happened: "The bank has no account for you.",
    next: "Make a deposit: the first one opens your account.",
    quoted: false,
    again: false,
};

const DONE_BEFORE: Words = Words {
    status: StatusCode::CONFLICT,
    title: "This was done before",
    happened: "The bank has seen this very request before and did not do it twice.",
    next: "Look at your account before you try again.",
    quoted: false,
    again: false,
};

const NOT_ACCEPTED: Words = Words {
    status: StatusCode::BAD_REQUEST,
    title: "The bank did not accept that",
    happened: "Something about the request is not as the bank wants it. Nothing was done.",
    next: "Check the amount and try again.",
    quoted: false,
    again: false,
};

const TOO_MANY: Words = Words {
    status: StatusCode::TOO_MANY_REQUESTS,
    title: "Too many requests",
    happened: "The bank asks for a pause. Nothing was done.",
    next: "Wait a moment, then try again.",
    quoted: false,
    again: true,
};

const NOT_AVAILABLE: Words = Words {
    status: StatusCode::SERVICE_UNAVAILABLE,
    title: "The bank is not available",
    happened: "A service of the bank is not available right now.",
    next: "Try again in a moment; what is sent again is still done once.",
    quoted: false,
    again: true,
};

const NO_ANSWER: Words = Words {
    status: StatusCode::BAD_GATEWAY,
    title: "The bank does not answer",
    happened: "A service of the bank could not be reached or took too long.",
    next: "Try again in a moment; what is sent again is still done once.",
    quoted: false,
    again: true,
};

const FAILED: Words = Words {
    status: StatusCode::BAD_GATEWAY,
    title: "Something went wrong at the bank",
    happened: "A service of the bank failed.",
    next: "Try again in a moment; what is sent again is still done once.",
    quoted: false,
    again: true,
};
