//! Reading what a person orders: strict JSON, so that nobody can read another amount into it.

use token::json::{self, JsonError, MAX_INTEGER, Object, Value};
use wire::bank::DepositRequest;

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
    /// A member that means nothing here.
    #[error("only `currency` and `minor` mean something here")]
    UnknownMember,
    /// The currency is not a code.
    #[error("`currency` is a code of three letters A to Z, such as \"USD\"")]
    Currency,
    /// The amount is negative, zero, too large, or not written as a whole number.
    #[error(
        "`minor` is a whole number of minor units from 1 to {MAX_INTEGER}, written without sign, fraction and exponent"
    )]
    Minor,
}

/// Reads `{"currency": "USD", "minor": 2500}` and nothing else.
///
/// # Errors
/// [`OrderError`], by the first member that is wrong.
pub fn deposit(body: &[u8]) -> Result<DepositRequest, OrderError> {
    let members = json::read_object(body).map_err(OrderError::Json)?;
    if members.keys().any(|name| name != "currency" && name != "minor") {
        return Err(OrderError::UnknownMember);
    }
    let currency = member(&members, "currency")?.as_str().filter(|code| is_currency(code));
    let currency = currency.ok_or(OrderError::Currency)?.to_owned();
    let minor = member(&members, "minor")?.as_integer().filter(|minor| *minor > 0).ok_or(OrderError::Minor)?;
    Ok(DepositRequest { currency, minor })
}

/// Whether this is the form of an ISO 4217 code.
pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn member<'a>(members: &'a Object, name: &'static str) -> Result<&'a Value, OrderError> {
    members.get(name).ok_or(OrderError::Missing(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> OrderError {
        deposit(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn reads_a_deposit() {
        let order = deposit(br#" { "minor" : 2500, "currency": "USD" } "#).unwrap();
        assert_eq!(order, DepositRequest { currency: "USD".into(), minor: 2500 });
        let largest = deposit(br#"{"currency":"USD","minor":9007199254740991}"#).unwrap();
        assert_eq!(largest.minor, MAX_INTEGER);
    }

    #[test]
    fn refuses_negative_zero_overflowing_and_fractional_amounts() {
        let amounts = [
            "-1",
            "0",
            "-0",
            "0.0",
            "2.5",
            "2.0",
            "1e3",
            "1E+3",
            "9007199254740992",
            "18446744073709551616",
            "\"5\"",
            "null",
            "true",
            "[5]",
            "{}",
        ];
        for amount in amounts {
            let body = format!(r#"{{"currency":"USD","minor":{amount}}}"#);
            assert_eq!(refusal(&body), OrderError::Minor, "{amount}");
        }
    }

    #[test]
    fn refuses_numbers_json_does_not_know() {
        for amount in ["+1", "01", "0x10", "NaN", "Infinity", "1_000", "1,000", ".5", "５"] {
            let body = format!(r#"{{"currency":"USD","minor":{amount}}}"#);
            assert!(matches!(refusal(&body), OrderError::Json(_)), "{amount}");
        }
    }

    #[test]
    fn refuses_a_currency_that_is_not_a_code() {
        for currency in ["\"usd\"", "\"US\"", "\"USDX\"", "\"\"", "\"US1\"", "\"ÜSD\"", "\"USD \"", "5", "null"] {
            let body = format!(r#"{{"currency":{currency},"minor":5}}"#);
            assert_eq!(refusal(&body), OrderError::Currency, "{currency}");
        }
    }

    #[test]
    fn refuses_missing_unknown_and_duplicate_members() {
        assert_eq!(refusal(r#"{"minor":5}"#), OrderError::Missing("currency"));
        assert_eq!(refusal(r#"{"currency":"USD"}"#), OrderError::Missing("minor"));
        assert_eq!(refusal(r#"{"currency":"USD","minor":5,"dpr":"bob"}"#), OrderError::UnknownMember);
        let twice = refusal(r#"{"currency":"USD","minor":5,"m\u0069nor":6}"#);
        assert_eq!(twice, OrderError::Json(JsonError::DuplicateMember));
    }

    #[test]
    fn refuses_two_documents_garbage_and_depth() {
        let deep = format!(r#"{{"minor":{}"#, "[".repeat(60_000));
        let bodies = ["", "{", "[]", "\"x\"", r#"{"currency":"USD","minor":5}{"currency":"USD","minor":6}"#, &deep];
        for body in bodies {
            assert!(matches!(refusal(body), OrderError::Json(_)), "{body:.80}");
        }
        assert!(matches!(deposit(b"\xff\xfe{}"), Err(OrderError::Json(JsonError::Utf8))));
    }
}
