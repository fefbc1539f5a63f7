//! Reading what a person orders: strict JSON, so that nobody can read another amount into it.

use token::json::{self, JsonError, MAX_INTEGER, Object, Value};
use wire::bank::{AccountNumberError, DepositRequest, LONGEST_NOTE, TransferRequest};

/// Why an order is not taken. Nothing of the body is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Not one JSON object.
    #[error("the body is not one JSON object: {0}")]
    Json(JsonError),
    /// A member is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A member that means nothing here; what does.
    #[error("only {0} mean something here")]
    UnknownMember(&'static str),
    /// The currency is not a code.
    #[error("`currency` is a code of three letters A to Z, such as \"USD\"")]
    Currency,
    /// The amount is negative, zero, too large, or not written as a whole number.
    #[error(
        "`minor` is a whole number of minor units from 1 to {MAX_INTEGER}, written without sign, fraction and exponent"
    )]
    Minor,
    /// The recipient is not an account number.
    #[error("`to` is a text of twelve digits: {0}")]
    To(AccountNumberError),
    /// The note is empty, too long or cannot be printed.
    #[error("`note` is a text of 1 to {LONGEST_NOTE} printable characters, or absent")]
    Note,
}

/// What moves money.
pub trait Order {
    /// The currency and the amount in minor units, which the chain must allow.
    fn amount(&self) -> (&str, u64);
}

impl Order for DepositRequest {
    fn amount(&self) -> (&str, u64) {
        (&self.currency, self.minor)
    }
}

impl Order for TransferRequest {
    fn amount(&self) -> (&str, u64) {
        (&self.currency, self.minor)
    }
}

/// Reads `{"currency": "USD", "minor": 2500}` and nothing else.
///
/// # Errors
/// [`OrderError`], by the first member that is wrong.
pub fn deposit(body: &[u8]) -> Result<DepositRequest, OrderError> {
    let members = json::read_object(body).map_err(OrderError::Json)?;
    if members.keys().any(|name| !matches!(name.as_str(), "currency" | "minor")) {
        return Err(OrderError::UnknownMember("`currency` and `minor`"));
    }
    Ok(DepositRequest { currency: currency(&members)?, minor: minor(&members)? })
}

/// Reads `{"to": "123456789092", "currency": "USD", "minor": 2500, "note": "for lunch"}`, the note being optional.
///
/// # Errors
/// [`OrderError`], by the first member that is wrong.
pub fn transfer(body: &[u8]) -> Result<TransferRequest, OrderError> {
    let members = json::read_object(body).map_err(OrderError::Json)?;
    if members.keys().any(|name| !matches!(name.as_str(), "to" | "currency" | "minor" | "note")) {
        return Err(OrderError::UnknownMember("`to`, `currency`, `minor` and `note`"));
    }
    let to = member(&members, "to")?.as_str().unwrap_or_default().parse().map_err(OrderError::To)?;
    let (currency, minor) = (currency(&members)?, minor(&members)?);
    let note = members.get("note").map(|note| note.as_str().filter(|text| is_note(text)).ok_or(OrderError::Note));
    Ok(TransferRequest { to, currency, minor, note: note.transpose()?.map(ToOwned::to_owned) })
}

/// Whether this is the form of an ISO 4217 code.
pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Whether every character stands for itself on paper: no controls, no marks that turn the writing around or hide in it.
fn is_note(text: &str) -> bool {
    let quoted = text.matches(['"', '\'', '\\']).count();
    // What Rust would not print as it is, it escapes; of what it prints, only these three.
    let is_printable = text.escape_debug().count() == text.chars().count() + quoted;
    is_printable && !text.trim().is_empty() && text.chars().count() <= LONGEST_NOTE
}

fn currency(members: &Object) -> Result<String, OrderError> {
    let code = member(members, "currency")?.as_str().filter(|code| is_currency(code));
    Ok(code.ok_or(OrderError::Currency)?.to_owned())
}

fn minor(members: &Object) -> Result<u64, OrderError> {
    member(members, "minor")?.as_integer().filter(|minor| *minor > 0).ok_or(OrderError::Minor)
}

fn member<'a>(members: &'a Object, name: &'static str) -> Result<&'a Value, OrderError> {
    members.get(name).ok_or(OrderError::Missing(name))
}

#[cfg(test)]
mod tests;
