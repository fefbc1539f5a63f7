//! What is wrong with settings, in one line that names the key and never the value.

use figment::error::{Actual, Kind};
use thiserror::Error;

/// A bad setting.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {message}")]
    File {
        /// The file.
        path: String,
        /// What the operating system says.
        message: String,
    },
    /// The text is not TOML.
    #[error("{source_name}, line {line}: {message}")]
    Syntax {
        /// The file.
        source_name: String,
        /// Line of the error, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// There is no such setting.
    #[error("{}unknown key `{key}`; {}", place(source_name.as_deref()), hint(nearest.as_deref(), known))]
    UnknownKey {
        /// Where it was set.
        source_name: Option<String>,
        /// The dotted key.
        key: String,
        /// The known key it is most like, dotted, if it is like any.
        nearest: Option<String>,
        /// What could stand in its place.
        known: Vec<String>,
    },
    /// A setting without a default is missing.
    #[error("{}`{key}` is required", place(source_name.as_deref()))]
    Missing {
        /// Where its section was set.
        source_name: Option<String>,
        /// The dotted key.
        key: String,
    },
    /// A value has the wrong type or form.
    #[error("{}`{key}`: {message}", place(source_name.as_deref()))]
    Value {
        /// Where it was set.
        source_name: Option<String>,
        /// The dotted key.
        key: String,
        /// What was expected.
        message: String,
    },
    /// The settings are well-formed but do not go together.
    #[error("`{key}`: {message}")]
    Invalid {
        /// The dotted key.
        key: String,
        /// What is wrong, and what to do about it.
        message: String,
    },
}

fn place(source: Option<&str>) -> String {
    source.map(|name| format!("{name}: ")).unwrap_or_default()
}

fn hint(nearest: Option<&str>, known: &[String]) -> String {
    match nearest {
        Some(key) => format!("did you mean `{key}`?"),
        None if known.is_empty() => "nothing is set here".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

impl ConfigError {
    /// What a workload's own check found.
    pub fn invalid(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), message: message.into() }
    }

    /// The first of figment's errors. `also_known` are top-level sections read elsewhere.
    pub(super) fn from_figment(error: &figment::Error, also_known: &[&str]) -> Self {
        let source_name = error.metadata.as_ref().map(|metadata| metadata.name.to_string());
        let key = error.path.join(".");
        match &error.kind {
            Kind::UnknownField(name, known) => {
                let parent = match error.path.split_last() {
                    Some((last, parent)) if last == name => parent,
                    _ => error.path.as_slice(),
                };
                let top = if parent.is_empty() { also_known } else { &[] };
                let known: Vec<String> = known.iter().chain(top).map(|key| (*key).to_owned()).collect();
                let nearest = nearest(name, &known).map(|found| join(parent, found));
                Self::UnknownKey { source_name, key: join(parent, name), nearest, known }
            }
            Kind::MissingField(name) => Self::Missing { source_name, key: join(&error.path, name) },
            Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
                Self::Value { source_name, key, message: format!("expected {expected}, found {}", type_name(actual)) }
            }
            Kind::UnknownVariant(_, known) => {
                Self::Value { source_name, key, message: format!("expected one of {}", known.join(", ")) }
            }
            Kind::Message(message) => {
                Self::Value { source_name, key, message: message.lines().next().unwrap_or_default().to_owned() }
            }
            other => Self::Value { source_name, key, message: other.to_string() },
        }
    }
}

fn join(parent: &[String], name: &str) -> String {
    parent.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
}

/// The known key most like `name`, if any is like it at all.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|key| (strsim::normalized_damerau_levenshtein(name, key), key.as_str()))
        .filter(|(likeness, _)| *likeness > 0.5)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, key)| key)
}

/// What kind of value was found; the value itself may be a secret.
fn type_name(actual: &Actual) -> &'static str {
    match actual {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) => "an integer",
        Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "another text",
        Actual::Seq => "an array",
        Actual::Map => "a table",
        _ => "something else",
    }
}
