//! Which addresses a browser may be sent to.

/// The hosts whose port is the client's own choice at run time (RFC 8252 §7.3, and `localhost` for development).
const LOOPBACK: [&str; 3] = ["http://127.0.0.1/", "http://[::1]/", "http://localhost/"];

/// Whether `asked` is one of `registered`: the same bytes, except for the port of a loopback address.
///
/// Bytes are compared, never parsed addresses, so no two parsers can disagree about where the browser goes.
pub(crate) fn is_registered(registered: &[String], asked: &str) -> bool {
    registered.iter().any(|known| known == asked || matches_any_port(known, asked))
}

fn matches_any_port(known: &str, asked: &str) -> bool {
    let Some(prefix) = LOOPBACK.iter().find(|prefix| known.starts_with(**prefix)) else { return false };
    // Cannot fail: `known` starts with `prefix`, and both hold a `/` there.
    let (Some(host), Some(path)) = (prefix.strip_suffix('/'), known.get(prefix.len() - 1..)) else { return false };
    let Some(rest) = asked.strip_prefix(host).and_then(|rest| rest.strip_prefix(':')) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (port, tail) = rest.split_at(digits);
    port.parse::<u16>().is_ok_and(|port| port > 0) && tail == path
}

#[cfg(test)]
mod tests {
    use super::is_registered;

    fn asked(uri: &str) -> bool {
        is_registered(&["http://127.0.0.1/callback".to_owned(), "https://bank.example/callback".to_owned()], uri)
    }

    #[test]
    fn admits_a_registered_address_and_any_port_on_loopback() {
        for uri in ["https://bank.example/callback", "http://127.0.0.1/callback", "http://127.0.0.1:8080/callback"] {
            assert!(asked(uri), "{uri}");
        }
    }

    #[test]
    fn refuses_every_other_address() {
        for uri in [
            "",
            "/callback",
            "https://bank.example:443/callback",
            "https://bank.example/callback/",
            "https://bank.example/callback?next=evil",
            "https://bank.example.evil/callback",
            "http://127.0.0.1:8080/callback/../x",
            "http://127.0.0.1:1@evil/callback",
            "http://127.0.0.1:@evil/callback",
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:8080/callback#x",
            "http://127.0.0.1.evil/callback",
            "https://127.0.0.1:8080/callback",
            "http://localhost:8080/callback",
            "javascript:alert(1)",
        ] {
            assert!(!asked(uri), "{uri}");
        }
    }
}
