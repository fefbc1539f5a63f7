//! Text as PostgreSQL can keep it.
//!
//! It cannot keep U+0000, which a JSON string may hold: a provider that calls somebody `"alice\u0000"` does not mean alice.
//! U+0000 is written as U+0001 `0`, and U+0001 as U+0001 `1`: no two texts become equal, and none changes its place in a
//! bytewise order.

use std::borrow::Cow;

use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::StoreError;

/// The text as it is kept.
pub(super) fn kept(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', '\u{1}']) {
        Cow::Owned(text.replace('\u{1}', "\u{1}1").replace('\0', "\u{1}0"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text as it was given.
fn given(text: &str) -> String {
    text.replace("\u{1}0", "\0").replace("\u{1}1", "\u{1}")
}

/// A column of text.
pub(super) fn column(row: &PgRow, name: &'static str) -> Result<String, StoreError> {
    Ok(given(row.try_get(name)?))
}

/// A column of text that may be absent.
pub(super) fn optional_column(row: &PgRow, name: &'static str) -> Result<Option<String>, StoreError> {
    Ok(row.try_get::<Option<&str>, _>(name)?.map(given))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_ordinary_text_as_it_is() {
        assert!(matches!(kept("é https://idp.example\n"), Cow::Borrowed("é https://idp.example\n")));
    }

    proptest! {
        #[test]
        fn comes_back_as_it_was_given_and_in_order(a in "[\u{0}-\u{3}01é]{0,8}", b in "[\u{0}-\u{3}01é]{0,8}") {
            prop_assert!(!kept(&a).contains('\0'));
            prop_assert_eq!(given(&kept(&a)), a.clone());
            prop_assert_eq!(kept(&a).cmp(&kept(&b)), a.cmp(&b));
        }
    }
}
