//! What became of a request, and the record of all of them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// What a person does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    /// To the provider and back.
    SignIn,
    /// Away from the bank and the provider.
    SignOut,
    /// Another way for requests to travel.
    Mode,
    /// The account's page.
    Balance,
    /// The ledger's page.
    Statement,
    /// An empty form, or one looked over: the bank behind the front end is not asked.
    Form,
    /// A deposit sent.
    Deposit,
    /// A transfer sent.
    Transfer,
}

impl Action {
    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignOut => "sign-out",
            Self::Mode => "mode",
            Self::Balance => "balance",
            Self::Statement => "statement",
            Self::Form => "form",
            Self::Deposit => "deposit",
            Self::Transfer => "transfer",
        }
    }
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// The front end does not know this browser, or no longer.
    SignedOut,
    /// It was refused with a whole answer.
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem type's last part; none if the page names no problem.
        problem: Option<String>,
        /// The workload that refused.
        hop: Option<String>,
    },
    /// The connection could not be made, or died.
    Broken {
        /// What the operating system says.
        cause: String,
    },
    /// No whole answer came in time.
    Hung,
}

impl Outcome {
    /// Whether it did what was asked.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Whether the failure says what it is: a problem page, or the front end's own page for what is away.
    pub(crate) const fn is_clean(&self) -> bool {
        match self {
            Self::Done | Self::SignedOut => true,
            Self::Refused { status, problem, .. } => problem.is_some() || *status == 503,
            Self::Broken { .. } | Self::Hung => false,
        }
    }

    /// Whether nothing can be known of what it did: the same order must be sent again.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Done => false,
            Self::SignedOut | Self::Broken { .. } | Self::Hung => true,
            Self::Refused { status, problem, .. } => {
                let definite = ["conflict", "replay-detected", "not-permitted", "unknown-account", "invalid-request"];
                let known = problem.as_deref().is_some_and(|problem| definite.contains(&problem));
                !known && (*status >= 500 || *status == 429 || *status == 408 || problem.is_some())
            }
        }
    }

    /// A few words for tables.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Done => "done".to_owned(),
            Self::SignedOut => "signed out".to_owned(),
            Self::Refused { status, problem, .. } => {
                format!("{status} {}", problem.as_deref().unwrap_or("without a problem type"))
            }
            Self::Broken { .. } => "connection broke".to_owned(),
            Self::Hung => "no answer".to_owned(),
        }
    }
}

/// One request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    /// Which browser.
    pub(crate) browser: usize,
    /// What was asked.
    pub(crate) action: Action,
    /// When, from the load's start.
    #[serde(serialize_with = "millis")]
    pub(crate) begun: Duration,
    /// How long it took.
    #[serde(serialize_with = "millis")]
    pub(crate) took: Duration,
    /// What became of it.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

impl Record {
    /// When it ended, from the load's start.
    pub(crate) fn ended(&self) -> Duration {
        self.begun + self.took
    }
}

fn millis<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(time.as_millis())
}

/// The record of a load. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    start: Instant,
    records: Arc<Mutex<Vec<Record>>>,
}

impl Log {
    /// An empty record that starts now.
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), records: Arc::default() }
    }

    /// How long ago it started.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Adds a request that began at `begun` and ends now.
    pub(crate) fn add(&self, browser: usize, action: Action, begun: Duration, outcome: Outcome) {
        let took = self.elapsed().saturating_sub(begun);
        let record = Record { browser, action, begun, took, outcome };
        self.records.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// Everything so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, problem: Option<&str>) -> Outcome {
        Outcome::Refused { status, problem: problem.map(str::to_owned), hop: None }
    }

    #[test]
    fn an_order_stays_open_until_the_bank_says_yes_or_no() {
        for open in [
            Outcome::Hung,
            Outcome::SignedOut,
            refused(502, Some("upstream-failed")),
            refused(503, Some("unavailable")),
            refused(429, Some("rate-limited")),
            refused(500, None),
        ] {
            assert!(open.is_open(), "{open:?}");
        }
        for settled in [Outcome::Done, refused(409, Some("conflict")), refused(403, Some("not-permitted"))] {
            assert!(!settled.is_open(), "{settled:?}");
        }
    }

    #[test]
    fn a_failure_is_clean_if_it_names_its_problem() {
        assert!(refused(502, Some("upstream-failed")).is_clean());
        assert!(refused(503, None).is_clean());
        assert!(!refused(500, None).is_clean());
        assert!(!Outcome::Hung.is_clean());
    }
}
