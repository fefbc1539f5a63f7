//! The strict reader: what JSON it refuses.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Object, JsonError> {
    read_object(text.as_bytes())
}

#[test]
fn reads_every_kind_of_value() {
    let object =
        read(r#" { "a" : [1, -1, 1.5, 1e3, null, true, false, "x\u00e9\ud83d\ude00\n"] , "b" : {} } "#).unwrap();
    let elements = object["a"].as_array().unwrap();
    assert_eq!(elements[0], Value::Integer(1));
    assert!(elements[1..4].iter().all(|value| *value == Value::OtherNumber));
    assert_eq!(elements[4..7], [Value::Null, Value::Bool(true), Value::Bool(false)]);
    assert_eq!(elements[7].as_str(), Some("xé😀\n"));
    assert_eq!(object["b"].as_object(), Some(&Object::new()));
}

#[test]
fn reads_the_escapes_of_rfc_8259_and_no_other() {
    let object = read(r#"{"a":"\"\\\/\b\f\n\r\t\u0000"}"#).unwrap();
    assert_eq!(object["a"].as_str(), Some("\"\\/\u{8}\u{c}\n\r\t\0"));
    for escape in ["\\a", "\\0", "\\'", "\\x41", "\\B", "\\"] {
        assert!(read(&format!("{{\"a\":\"{escape}\"}}")).is_err(), "{escape}");
    }
}

#[test]
fn an_array_and_an_object_end_as_they_began() {
    for text in [r#"{"a":[1}}"#, r#"{"a":[1}"#, r#"{"a":{"b":1]}"#, r#"{"a":1]"#, r#"{"a":[1;2]}"#, r#"{"a":[1:"#] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn refuses_duplicate_members_after_unescaping_at_every_level() {
    for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"a":1,"a":2}]}"#] {
        assert_eq!(read(text), Err(JsonError::DuplicateMember), "{text}");
    }
}

#[test]
fn refuses_the_ninth_level() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(read(&nested(8)).is_ok());
    assert_eq!(read(&nested(9)), Err(JsonError::TooDeep));
    assert_eq!(read(&nested(100_000)), Err(JsonError::TooDeep));
}

#[test]
fn reads_integers_up_to_two_to_the_53_only() {
    let value = |text: &str| read(&format!("{{\"n\":{text}}}")).map(|object| object["n"].clone());
    assert_eq!(value("0"), Ok(Value::Integer(0)));
    assert_eq!(value("9007199254740991"), Ok(Value::Integer(MAX_INTEGER)));
    for other in ["9007199254740992", "-0", "-1", "1.0", "1e0", "1E+2", "99999999999999999999999"] {
        assert_eq!(value(other), Ok(Value::OtherNumber), "{other}");
    }
    for wrong in ["01", "+1", "1.", ".5", "1e", "-", "0x1", "NaN", "Infinity", "--1"] {
        assert!(value(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn refuses_lone_surrogates() {
    for text in
        [r#"{"a":"\ud800"}"#, r#"{"a":"\udc00"}"#, r#"{"a":"\ud800\u0041"}"#, r#"{"a":"\ud800\n"}"#, r#"{"\udfff":1}"#]
    {
        assert_eq!(read(text), Err(JsonError::LoneSurrogate), "{text}");
    }
    assert_eq!(read_object(b"{\"a\":\"\xed\xa0\x80\"}"), Err(JsonError::Utf8));
}

#[test]
fn refuses_a_byte_order_mark_and_bytes_that_are_not_utf8() {
    assert_eq!(read("\u{feff}{}"), Err(JsonError::Utf8));
    assert_eq!(read_object(b"{\"a\":\"\xff\"}"), Err(JsonError::Utf8));
    assert_eq!(read_object(b"{\"a\":\"\xc0\x80\"}"), Err(JsonError::Utf8));
}

#[test]
fn refuses_bytes_after_the_document() {
    assert!(read("{} \r\n\t").is_ok());
    for text in ["{}x", "{}{}", "{},", "{}\u{a0}", "{}\0"] {
        assert_eq!(read(text), Err(JsonError::Trailing), "{text:?}");
    }
}

#[test]
fn refuses_what_is_not_an_object() {
    for text in ["[]", "1", "\"a\"", "null"] {
        assert_eq!(read(text), Err(JsonError::NotAnObject), "{text}");
    }
}

#[test]
fn refuses_what_is_nearly_json() {
    let nearly = [
        "",
        "{",
        "}",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":tru}",
        "{\"a\":True}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u+123\"}",
        "{\"a\":\"",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}/*x*/x",
        "\u{b}{}",
        "{\"a\" 1}",
    ];
    for text in nearly {
        assert!(read(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_object(&bytes);
    }

    #[test]
    fn never_panics_on_json_like_text(text in "[\\[\\]{}\",:0-9eE.+\\-\\\\u a-ftrn]{0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn agrees_with_serde_on_strings(text in any::<String>()) {
        let written = serde_json::json!({ "a": text }).to_string();
        let document = read(&written).unwrap();
        prop_assert_eq!(document["a"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn accepts_nothing_that_serde_refuses(text in "\\{\"a\":[\\[\\]{}\",:0-9eE.+\\-\\\\u a-ftrn]{0,20}\\}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let out_of_range = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
        prop_assert!(read(&text).is_err() || theirs.is_ok() || out_of_range);
    }
}
