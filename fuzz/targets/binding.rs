//! Nothing in a request can forge a line of its signature base, and no path admits another reading.
//!
//! Input: method, target and field lines `name: value`, separated by NUL.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token::request::{Body, Request};
use token::{binding, path};

fuzz_target!(|text: &str| {
    let mut parts = text.split('\0');
    let (Some(method), Some(target)) = (parts.next(), parts.next()) else { return };
    let headers: Vec<(&str, &[u8])> =
        parts.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name, value.as_bytes())).collect();
    let request = Request { method, target, headers: &headers, trailers: &[], body: Body::Streaming };
    let Ok(base) = binding::signature_base(&request) else { return };
    assert!(path::is_origin_form(target));
    assert!(!path::is_ambiguous(path::raw_path(target)));
    // A method is a token; anything else never gets past HTTP.
    if method.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return;
    }
    let covered = ["content-digest", "content-type", "content-encoding", "idempotency-key"];
    let present =
        covered.iter().filter(|covered| headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(covered))).count();
    let lines: Vec<_> = base.split('\n').collect();
    assert_eq!(lines.len(), present + 3, "{base}");
    assert!(lines.iter().all(|line| line.starts_with('"')));
    assert!(lines.last().is_some_and(|last| last.ends_with(";tag=\"dasvid-rqd\"")));
    assert_eq!(binding::rqd(&request).ok(), Some(token::encoding::Digest::of(&base)));
});
