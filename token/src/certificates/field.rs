//! The value of the field: a list of byte sequences without parameters (RFC 8941 §4.2.1, §4.2.7).

use super::{CertificateError, MAX_BYTES, MAX_CERTIFICATES};
use crate::encoding;

/// Reads a list; an empty value is an empty list.
pub(super) fn parse(value: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    if value.len() > MAX_BYTES {
        return Err(CertificateError::TooMany);
    }
    // Spaces, not tabs, may stand around a list; both may stand around its commas.
    let mut rest = trim_start(value, b" ");
    let mut list = Vec::new();
    if rest.is_empty() {
        return Ok(list);
    }
    loop {
        let (item, after) = byte_sequence(rest).ok_or(CertificateError::Syntax)?;
        if list.len() == MAX_CERTIFICATES {
            return Err(CertificateError::TooMany);
        }
        list.push(item);
        if trim_start(after, b" ").is_empty() {
            return Ok(list);
        }
        let after_comma = trim_start(after, b" \t").strip_prefix(b",").ok_or(CertificateError::Syntax)?;
        rest = trim_start(after_comma, b" \t");
    }
}

fn byte_sequence(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let text = text.strip_prefix(b":")?;
    let end = text.iter().position(|byte| *byte == b':')?;
    let (base64, rest) = text.split_at_checked(end)?;
    Some((encoding::from_base64(base64)?, rest.get(1..)?))
}

fn trim_start<'a>(text: &'a [u8], blanks: &[u8]) -> &'a [u8] {
    let start = text.iter().position(|byte| !blanks.contains(byte)).unwrap_or(text.len());
    text.get(start..).unwrap_or_default()
}

/// Writes a list.
pub(super) fn write(list: &[Vec<u8>]) -> String {
    let items: Vec<_> = list.iter().map(|der| format!(":{}:", encoding::base64(der))).collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for list in [vec![], vec![vec![1]], vec![vec![1, 2, 3], vec![0xff; 1000], vec![]]] {
            assert_eq!(parse(write(&list).as_bytes()), Ok(list));
        }
        assert_eq!(write(&[vec![1], vec![2]]), ":AQ==:, :Ag==:");
    }

    #[test]
    fn takes_blanks_where_rfc_8941_does() {
        for text in [":AQ==:,:Ag==:", "  :AQ==: \t,\t :Ag==:  ", ":AQ==:, :Ag==:"] {
            assert_eq!(parse(text.as_bytes()), Ok(vec![vec![1], vec![2]]), "{text:?}");
        }
        assert_eq!(parse(b"  "), Ok(vec![]));
    }

    #[test]
    fn refuses_anything_but_a_list_of_byte_sequences() {
        for text in [
            "AQ==",
            ":AQ==",
            ":AQ==:,",
            ",:AQ==:",
            ":AQ==:;a",
            ":AQ==: :Ag==:",
            "(:AQ==:)",
            "\t:AQ==:",
            ":AQ==:\t",
            ":AQ:",
            ":AR==:",
            ":A-==:",
            ":AQ= =:",
            ":AQ==:,,:Ag==:",
            "a",
            "\"AQ==\"",
        ] {
            assert_eq!(parse(text.as_bytes()), Err(CertificateError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn refuses_more_than_34_certificates() {
        assert_eq!(parse(write(&vec![vec![1]; 34]).as_bytes()).map(|list| list.len()), Ok(34));
        assert_eq!(parse(write(&vec![vec![1]; 35]).as_bytes()), Err(CertificateError::TooMany));
    }

    #[test]
    fn refuses_more_than_48_kib() {
        let mut value = write(&[vec![1; 36_000]]).into_bytes();
        value.resize(MAX_BYTES, b' ');
        assert!(parse(&value).is_ok());
        value.push(b' ');
        assert_eq!(parse(&value), Err(CertificateError::TooMany));
    }
}
