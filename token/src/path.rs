//! Raw request paths: which are refused outright and which a pattern admits. Nothing is ever normalised.

/// The raw path of an origin-form target: up to the first `?`.
#[must_use]
pub fn raw_path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// Whether `pattern` admits `path`: the whole path, or for `P/*` every longer path that starts with `P/`.
#[must_use]
pub fn admits(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) if prefix.ends_with('/') => path.len() > prefix.len() && path.starts_with(prefix),
        _ => path == pattern,
    }
}

/// Whether a target is in origin form, of printable ASCII without `#`: what `mesh` carries.
#[must_use]
pub fn is_origin_form(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#')
}

/// Whether two readers may take `path` for different ones: dot segments, `//`, `\`, an escape of a separator, dot or NUL,
/// a lower-case escape, or `%` without two hex digits.
#[must_use]
pub fn is_ambiguous(path: &str) -> bool {
    path.contains("//")
        || path.contains('\\')
        || path.split('/').any(|segment| matches!(segment, "." | ".."))
        || path.split('%').skip(1).any(|rest| !is_plain_escape(rest))
}

/// Whether what follows a `%` is two upper-case hex digits that stand for no separator, dot or NUL.
fn is_plain_escape(rest: &str) -> bool {
    let Some(escape) = rest.get(..2) else { return false };
    escape.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')) && !matches!(escape, "2F" | "5C" | "2E" | "00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_a_whole_path_or_whole_segments_below() {
        for (pattern, path, admitted) in [
            ("/v1/balance", "/v1/balance", true),
            ("/v1/balance", "/v1/balance/", false),
            ("/v1/balance", "/v1/balances", false),
            ("/v1/*", "/v1/deposits/7", true),
            ("/v1/*", "/v1/", false),
            ("/v1/*", "/v1", false),
            ("/v1/*", "/v10/deposits", false),
            ("/*", "/a", true),
            ("/*", "/", false),
            ("/v1/a*", "/v1/ab", false),
            ("/v1/a*", "/v1/a*", true),
            ("/v1/*/b", "/v1/x/b", false),
            ("*", "/v1", false),
        ] {
            assert_eq!(admits(pattern, path), admitted, "{pattern} {path}");
        }
    }

    #[test]
    fn refuses_paths_two_readers_may_take_for_different_ones() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/..",
            "/.",
            "//a",
            "/a//b",
            "/a\\b",
            "/a%2fb",
            "/a%2Fb",
            "/a%5c",
            "/a%5C",
            "/%2e%2e/b",
            "/%2E",
            "/a%00",
            "/a%c3%a9",
            "/a%",
            "/a%4",
            "/a%4g",
            "/a%zz",
        ] {
            assert!(is_ambiguous(path), "{path}");
        }
        for path in ["/", "/v1/deposits", "/v1/deposits/", "/a%20b", "/a%C3%A9", "/.well-known/x", "/...", "/a.b"] {
            assert!(!is_ambiguous(path), "{path}");
        }
    }

    #[test]
    fn takes_the_path_up_to_the_first_question_mark() {
        assert_eq!(raw_path("/v1/x?a=/../b"), "/v1/x");
        assert_eq!(raw_path("/v1/x?"), "/v1/x");
        for target in ["http://target/v1", "*", "", "target:443", "/a#b", "/a b", "/é"] {
            assert!(!is_origin_form(target), "{target}");
        }
    }
}
