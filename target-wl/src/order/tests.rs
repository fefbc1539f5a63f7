//! What is read and refused.

use wire::bank::AccountNumber;

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
    assert_eq!(
        refusal(r#"{"currency":"USD","minor":5,"dpr":"bob"}"#),
        OrderError::UnknownMember("`currency` and `minor`")
    );
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

fn transfer_refusal(members: &str) -> OrderError {
    let body = format!(r#"{{"currency":"USD","minor":5,{members}}}"#);
    transfer(body.as_bytes()).unwrap_err()
}

fn noted(note: &str) -> Result<Option<String>, OrderError> {
    let note = serde_json::Value::from(note);
    let body = format!(r#"{{"to":"100000000093","currency":"USD","minor":5,"note":{note}}}"#);
    transfer(body.as_bytes()).map(|order| order.note)
}

#[test]
fn reads_a_transfer() {
    let order = transfer(br#"{"to":"100000000093","currency":"USD","minor":2500}"#).unwrap();
    assert_eq!((order.to, order.minor, order.note), (AccountNumber::of(0), 2500, None));
    for note in ["for lunch", "Füße, 食事, \u{1f371}", "e\u{301}", "\"it's\" \\ <b>", &"é".repeat(LONGEST_NOTE)] {
        assert_eq!(noted(note), Ok(Some(note.to_owned())), "{note}");
    }
}

#[test]
fn refuses_a_recipient_that_is_no_account_number() {
    for to in ["\"\"", "100000000093", "null", "\"1000 0000 0093\"", "{\"dpa\":\"x\",\"dpr\":\"bob\"}"] {
        assert_eq!(transfer_refusal(&format!("\"to\":{to}")), OrderError::To(AccountNumberError::Form), "{to}");
    }
    let mistyped = transfer_refusal(r#""to":"100000000094""#);
    assert_eq!(mistyped, OrderError::To(AccountNumberError::Check));
    assert_eq!(transfer_refusal(r#""note":"x""#), OrderError::Missing("to"));
}

#[test]
fn refuses_a_note_that_is_empty_too_long_or_not_printable() {
    let long = "é".repeat(LONGEST_NOTE + 1);
    let notes = [
        "",
        " ",
        "\n",
        "a\nb",
        "a\0",
        "a\u{7f}",
        "a\u{85}",
        "a\u{2028}",
        "\u{202e}evil",
        "a\u{200b}b",
        "a\u{feff}",
        "a\u{e000}",
        "a\u{2066}",
        "a\u{ad}b",
        "\u{301}",
        "a\u{a0}b",
        &long,
    ];
    for note in notes {
        assert_eq!(noted(note), Err(OrderError::Note), "{note:?}");
    }
    for note in ["5", "null", "[]"] {
        let refused = transfer_refusal(&format!(r#""to":"100000000093","note":{note}"#));
        assert_eq!(refused, OrderError::Note, "{note}");
    }
}

#[test]
fn refuses_the_same_amounts_and_members_in_a_transfer() {
    for amount in ["-1", "0", "2.5", "9007199254740992", "1e3"] {
        let body = format!(r#"{{"to":"100000000093","currency":"USD","minor":{amount}}}"#);
        assert_eq!(transfer(body.as_bytes()), Err(OrderError::Minor), "{amount}");
    }
    let other = OrderError::UnknownMember("`to`, `currency`, `minor` and `note`");
    assert_eq!(transfer_refusal(r#""to":"100000000093","from":"bob""#), other);
    let twice = transfer_refusal(r#""to":"100000000093","to":"999999999951""#);
    assert_eq!(twice, OrderError::Json(JsonError::DuplicateMember));
}
