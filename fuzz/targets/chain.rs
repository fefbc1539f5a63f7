//! A chain that parses is its own canonical text, and every view of it holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token::Chain;

fuzz_target!(|text: &str| {
    let Ok(chain) = Chain::parse(text) else { return };
    assert_eq!(chain.as_str(), text);
    let segments: Vec<_> = (0..chain.segments()).map(|index| chain.segment(index)).collect();
    assert_eq!(segments.join("~"), text);
    assert_eq!(chain.segments(), chain.links().len() + 1);
    for index in 0..chain.segments() {
        assert!(chain.segment(index).starts_with(chain.signed(index)));
        assert!(!chain.tail(index).is_empty());
    }
    let again = Chain::parse(chain.as_str()).expect("it parsed before");
    assert_eq!(again.root(), chain.root());
    assert_eq!(again.expires(), chain.expires());
    // What is written of the claims is read again.
    let json = chain.root().to_json().to_string();
    assert!(token::json::read_object(json.as_bytes()).is_ok());
});
