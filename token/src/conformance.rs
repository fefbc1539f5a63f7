//! Runs vector files of an independent implementation: `token/tests/vectors/dasvid.json` and others of its shape.
//!
//! A file holds a `base` situation and sections of cases. Each case of `chains` replaces members of the base and says
//! what a verifier must answer, down to the rule and the segment.

use serde::Serialize;
use serde_json::Value;

mod anonymous;
mod chains;
mod proofs;
mod requests;
mod situation;

/// What came of a vector file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The sections the file holds, in a fixed order.
    pub sections: Vec<Section>,
}

/// What came of one section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The section's name in the file.
    pub name: &'static str,
    /// Cases that came out as the file says.
    pub passed: usize,
    /// Cases that did not.
    pub failed: usize,
    /// Cases that were not run.
    pub skipped: usize,
    /// Why cases were not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// The cases that were run.
    pub cases: Vec<Case>,
}

/// What came of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// The case's name in the file.
    pub name: String,
    /// What the file says.
    pub expected: String,
    /// What came of it.
    pub actual: String,
    /// Whether they agree.
    pub passed: bool,
}

/// The file is not one of this shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// Not JSON.
    #[error("not JSON: {0}")]
    Json(String),
    /// No section this module knows.
    #[error("no section `chains`, `schoco`, `rqd` or `proofs`")]
    NoSection,
}

impl Report {
    /// Whether every case that was run came out as the file says.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.sections.iter().all(|section| section.failed == 0)
    }
}

impl Section {
    fn new(name: &'static str, cases: Vec<Case>) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self { name, passed, failed: cases.len() - passed, skipped: 0, note: None, cases }
    }
}

impl Case {
    fn new(name: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        let (expected, actual) = (expected.into(), actual.into());
        Self { name: name.into(), passed: expected == actual, expected, actual }
    }
}

/// Runs every section of a vector file.
///
/// # Errors
/// [`VectorError`] if the file holds nothing to run; a case that cannot be read is a failed case.
pub fn run(json: &str) -> Result<Report, VectorError> {
    let file: Value = serde_json::from_str(json).map_err(|error| VectorError::Json(error.to_string()))?;
    let base = file.get("base").unwrap_or(&Value::Null);
    let sections = [
        file.get("chains").map(|cases| chains::run(base, cases)),
        file.get("schoco").map(anonymous::run),
        file.get("rqd").map(requests::run),
        file.get("proofs").map(proofs::run),
    ];
    let sections: Vec<_> = sections.into_iter().flatten().collect();
    if sections.is_empty() { Err(VectorError::NoSection) } else { Ok(Report { sections }) }
}

/// A member's text; empty if there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
