//! What a refusal says.

use mesh::Answer;
use wire::problem::{MEDIA_TYPE, ProblemDocument, ProblemKind};

/// A refusal, by kind and by who refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The kind.
    pub kind: ProblemKind,
    /// The workload that refused, without the trust domain; empty when nobody says so.
    pub culprit: String,
    /// What the caller is told to mend.
    pub detail: String,
}

/// Reads a refusal. It must be one document of the right media type, under its own status.
#[must_use]
pub fn refused(answer: &Answer) -> Refused {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.headers.get("content-type").unwrap(), MEDIA_TYPE, "{} {text}", answer.status);
    let document: ProblemDocument = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document.status, answer.status.as_u16(), "{text}");
    let kind = document.kind().unwrap_or_else(|| panic!("an unknown problem: {text}"));
    assert_eq!(kind.status(), answer.status, "{text}");
    let culprit = document.culprit.unwrap_or_default().replace("spiffe://bank.example/", "");
    Refused { kind, culprit, detail: document.detail.unwrap_or_default() }
}

impl Refused {
    /// Asserts who refused and why.
    pub fn is(&self, culprit: &str, kind: ProblemKind) {
        assert_eq!((self.culprit.as_str(), self.kind), (culprit, kind), "{}", self.detail);
    }
}
