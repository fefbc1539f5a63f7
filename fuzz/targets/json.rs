//! What the strict reader takes, a common reader takes too, with the same members.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token::json::{Value, read_object};

fuzz_target!(|bytes: &[u8]| {
    let Ok(object) = read_object(bytes) else { return };
    let common: serde_json::Value = match serde_json::from_slice(bytes) {
        Ok(common) => common,
        // RFC 8259 has no range; unknown claims may hold any number.
        Err(error) if error.to_string().starts_with("number out of range") => return,
        Err(error) => panic!("the strict reader took it: {error}"),
    };
    let common = common.as_object().expect("an object");
    assert_eq!(common.len(), object.len());
    for (name, value) in &object {
        let same = common.get(name).expect("the same member");
        assert_eq!(value.as_str(), same.as_str());
        if let Some(integer) = value.as_integer() {
            assert_eq!(same.as_u64(), Some(integer));
        }
        assert_eq!(value.as_array().map(<[Value]>::len), same.as_array().map(Vec::len));
    }
});
