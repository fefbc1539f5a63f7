//! Cookies and other random names: 256 bits, never guessable, never readable by a script.

use axum_extra::extract::cookie::{Cookie, SameSite};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use subtle::ConstantTimeEq;

/// `N` random bytes as base64url.
pub(crate) fn random<const N: usize>() -> String {
    let mut bytes = [0; N];
    // Cannot fail: without the operating system's randomness no secret can be made, and nothing else can be done.
    #[expect(clippy::expect_used, reason = "a provider without randomness must not go on")]
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    BASE64.encode(bytes)
}

/// Compares two secrets in constant time.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// A session cookie for the whole provider. Browsers share cookies between ports, so `port` is part of the name.
pub(crate) fn make(name: &str, port: u16, value: String) -> Cookie<'static> {
    Cookie::build((named(name, port), value)).http_only(true).same_site(SameSite::Lax).path("/").build()
}

/// The cookie that makes a browser forget `name`.
pub(crate) fn gone(name: &str, port: u16) -> Cookie<'static> {
    Cookie::build(named(name, port)).path("/").build()
}

/// The name of a cookie at the provider on `port`.
pub(crate) fn named(name: &str, port: u16) -> String {
    format!("{name}_{port}")
}
