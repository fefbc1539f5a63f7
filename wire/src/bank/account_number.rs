//! Account numbers: short enough to be typed, and safe against a slip of the hand.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many payloads there are: ten digits, the first of them not 0.
const PAYLOADS: u64 = 9_000_000_000;
const LOWEST: u64 = 1_000_000_000;
/// The modulus of ISO/IEC 7064 MOD 97-10, as in IBANs.
const MODULUS: u64 = 97;

/// The number of a person's account: twelve digits, the last two a check (ISO/IEC 7064 MOD 97-10).
///
/// One wrong digit and two digits in each other's place are always noticed. It is a name, not a secret: it is told to
/// whoever shall pay, and knowing it gives no right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(into = "String", try_from = "String")]
#[schema(value_type = String, pattern = "^[1-9][0-9]{11}$", example = "123456789092")]
pub struct AccountNumber(u64);

/// Why text is no account number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNumberError {
    /// Not twelve digits, the first of them not 0.
    Form,
    /// The check digits do not fit the others.
    Check,
}

impl fmt::Display for AccountNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "an account number has twelve digits, the first of them not 0",
            Self::Check => "the account number is mistyped: its check digits do not fit",
        })
    }
}

impl std::error::Error for AccountNumberError {}

impl AccountNumber {
    /// The number that belongs to a random `draw`. Different draws may share a number.
    #[must_use]
    pub const fn of(draw: u64) -> Self {
        let shifted = (LOWEST + draw % PAYLOADS) * 100;
        Self(shifted + (MODULUS + 1 - shifted % MODULUS))
    }

    /// Reads a number as people write it: digits, with spaces and hyphens between them wherever they like.
    ///
    /// # Errors
    /// [`AccountNumberError`] as for [`str::parse`], which takes the twelve digits only.
    pub fn typed(text: &str) -> Result<Self, AccountNumberError> {
        text.replace([' ', '-', '\u{a0}'], "").parse()
    }

    /// The digits in groups of four, for people to read: `1234 5678 9092`.
    #[must_use]
    pub fn grouped(self) -> String {
        let (high, middle, low) = (self.0 / 100_000_000, self.0 / 10_000 % 10_000, self.0 % 10_000);
        format!("{high} {middle:04} {low:04}")
    }
}

impl FromStr for AccountNumber {
    type Err = AccountNumberError;

    fn from_str(text: &str) -> Result<Self, AccountNumberError> {
        if text.len() != 12 || text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AccountNumberError::Form);
        }
        let number: u64 = text.parse().map_err(|_| AccountNumberError::Form)?;
        // Made again rather than divided by 97: of 01 and 98, which both leave 1, only 98 is ever made.
        let known = Self::of(number / 100 - LOWEST);
        if known.0 == number { Ok(known) } else { Err(AccountNumberError::Check) }
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl From<AccountNumber> for String {
    fn from(number: AccountNumber) -> Self {
        number.to_string()
    }
}

impl TryFrom<String> for AccountNumber {
    type Error = AccountNumberError;

    fn try_from(text: String) -> Result<Self, AccountNumberError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_draw_is_a_number_that_reads_back() {
        for draw in (0..20_000).chain([PAYLOADS - 1, PAYLOADS, u64::MAX, u64::MAX - 1]) {
            let number = AccountNumber::of(draw);
            let text = number.to_string();
            assert_eq!((text.len(), text.parse()), (12, Ok(number)), "{draw}");
            assert_eq!(number.0 % MODULUS, 1);
        }
        assert_eq!(AccountNumber::of(PAYLOADS), AccountNumber::of(0));
        assert_eq!(AccountNumber::of(0).to_string(), "100000000093");
        assert_eq!(AccountNumber::of(PAYLOADS - 1).to_string(), "999999999951");
    }

    #[test]
    fn notices_every_wrong_digit() {
        for draw in [0, 234_567_890, PAYLOADS - 1] {
            let digits = AccountNumber::of(draw).to_string().into_bytes();
            for (place, wrong) in (0..digits.len()).flat_map(|place| (b'0'..=b'9').map(move |wrong| (place, wrong))) {
                let mut typed = digits.clone();
                typed[place] = wrong;
                let read = String::from_utf8(typed).unwrap().parse::<AccountNumber>();
                assert_eq!(read.is_ok(), wrong == digits[place], "{place} {wrong}");
            }
        }
    }

    #[test]
    fn notices_two_digits_in_each_others_place() {
        for draw in (0..PAYLOADS).step_by(123_456_789) {
            let digits = AccountNumber::of(draw).to_string().into_bytes();
            for (one, other) in (0..12).flat_map(|one| (0..one).map(move |other| (one, other))) {
                let mut typed = digits.clone();
                typed.swap(one, other);
                let read = String::from_utf8(typed.clone()).unwrap().parse::<AccountNumber>();
                assert_eq!(read.is_ok(), typed == digits, "{draw} {one} {other}");
            }
        }
    }

    #[test]
    fn refuses_what_is_no_number() {
        for text in
            ["", "1", "10000000001", "1000000000930", "000000000098", "+10000000093", "1000 0000 0093", "１00000000093"]
        {
            assert_eq!(text.parse::<AccountNumber>(), Err(AccountNumberError::Form), "{text}");
        }
        assert_eq!("100000000094".parse::<AccountNumber>(), Err(AccountNumberError::Check));
        assert!(serde_json::from_str::<AccountNumber>("100000000093").is_err(), "a number is text");
        assert!(serde_json::from_str::<AccountNumber>("\"1000 0000 0093\"").is_err());
    }

    #[test]
    fn people_may_write_it_in_groups() {
        let number = AccountNumber::of(0);
        assert_eq!(number.grouped(), "1000 0000 0093");
        for typed in ["1000 0000 0093", " 1000-0000-0093 ", "100000000093", "1000\u{a0}0000\u{a0}0093"] {
            assert_eq!(AccountNumber::typed(typed), Ok(number), "{typed}");
        }
        assert_eq!(AccountNumber::typed("1000.0000.0093"), Err(AccountNumberError::Form));
    }
}
