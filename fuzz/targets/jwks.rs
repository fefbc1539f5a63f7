//! A key set that parses parses to the same again, and holds no more keys than it lists.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token::RootKeys;

fuzz_target!(|bytes: &[u8]| {
    let Ok(keys) = RootKeys::parse(bytes) else { return };
    assert_eq!(RootKeys::parse(bytes).as_ref(), Ok(&keys));
    // The target `json` compares the two readers.
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else { return };
    let listed = json["keys"].as_array().expect("the strict reader took it");
    assert!(keys.len() <= listed.len());
    for key in listed {
        let Some(found) = key["kid"].as_str().and_then(|kid| keys.find(kid)) else { continue };
        assert_eq!(Some(found.thumbprint().as_str()), key["kid"].as_str());
    }
});
