//! Amounts as people write and read them; integers of minor units everywhere else.

/// The largest amount the protocol carries: 2⁵³ − 1 minor units.
const MAX_MINOR: u64 = (1 << 53) - 1;

/// Why text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AmountError {
    #[error("Enter an amount such as 25 or 25.00.")]
    Syntax,
    #[error("This currency does not have that many digits after the point.")]
    Fraction,
    #[error("The amount must be more than zero.")]
    Zero,
    #[error("The amount is too large.")]
    TooLarge,
}

/// Digits after the point (ISO 4217).
fn decimals(currency: &str) -> usize {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Reads an amount: digits, and after a point at most as many as the currency has.
pub(crate) fn parse(text: &str, currency: &str) -> Result<u64, AmountError> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.trim().ends_with('.') {
        return Err(AmountError::Syntax);
    }
    let decimals = decimals(currency);
    if fraction.len() > decimals {
        return Err(AmountError::Fraction);
    }
    let minor: u64 = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| AmountError::TooLarge)?;
    match minor {
        0 => Err(AmountError::Zero),
        minor if minor > MAX_MINOR => Err(AmountError::TooLarge),
        minor => Ok(minor),
    }
}

/// Writes an amount with its currency: `USD 1,234.50`.
pub(crate) fn display(minor: i64, currency: &str) -> String {
    let decimals = decimals(currency);
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let sign = if minor < 0 { "−" } else { "" };
    let point = if decimals > 0 { "." } else { "" };
    format!("{currency} {sign}{}{point}{fraction}", grouped(whole))
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{AmountError, display, parse};

    #[test]
    fn reads_amounts_as_people_write_them() {
        for (text, currency, minor) in [
            ("25", "USD", 2500),
            (" 25.5 ", "USD", 2550),
            ("0.01", "USD", 1),
            ("25", "JPY", 25),
            ("1.234", "KWD", 1234),
        ] {
            assert_eq!(parse(text, currency), Ok(minor), "{text} {currency}");
        }
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for (text, error) in [
            ("", AmountError::Syntax),
            ("-1", AmountError::Syntax),
            ("1e3", AmountError::Syntax),
            ("1,000", AmountError::Syntax),
            ("1.", AmountError::Syntax),
            (".5", AmountError::Syntax),
            ("１", AmountError::Syntax),
            ("1.234", AmountError::Fraction),
            ("0.00", AmountError::Zero),
            ("90071992547409.92", AmountError::TooLarge),
            ("99999999999999999999999", AmountError::TooLarge),
        ] {
            assert_eq!(parse(text, "USD"), Err(error), "{text}");
        }
        assert_eq!(parse("1.5", "JPY"), Err(AmountError::Fraction));
    }

    #[test]
    fn writes_amounts_as_people_read_them() {
        for (minor, currency, text) in [
            (0, "USD", "USD 0.00"),
            (5, "USD", "USD 0.05"),
            (123_456_789, "USD", "USD 1,234,567.89"),
            (-2550, "EUR", "EUR −25.50"),
            (1234, "JPY", "JPY 1,234"),
            (i64::MIN, "KWD", "KWD −9,223,372,036,854,775.808"),
        ] {
            assert_eq!(display(minor, currency), text);
        }
    }
}
