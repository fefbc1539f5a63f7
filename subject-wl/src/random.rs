//! Names nobody can guess, and comparing them without telling where they differ.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use subtle::ConstantTimeEq;

/// `N` bytes of the operating system's randomness.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Cannot fail: an operating system without randomness gives nobody a session, and nothing else can be done.
    #[expect(clippy::expect_used, reason = "a front end without randomness must not go on")]
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// `N` random bytes as base64url.
pub(crate) fn name<const N: usize>() -> String {
    BASE64.encode(bytes::<N>())
}

/// Whether `text` has the form of what [`name`] makes of 16 bytes.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() == 22 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Compares two secrets in constant time.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}
