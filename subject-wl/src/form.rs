//! Fields of a query or a form, each at most once.

use std::collections::BTreeMap;

use url::form_urlencoded;

/// What a browser sent. A field that comes twice counts as absent: no two readers may disagree about it.
#[derive(Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, Option<String>>);

impl Fields {
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            fields
                .entry(name.into_owned())
                .and_modify(|known| *known = None)
                .or_insert_with(|| Some(value.into_owned()));
        }
        Self(fields)
    }

    /// The value of a field; empty if it is absent or repeated.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(Option::as_deref).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn a_repeated_field_counts_as_absent() {
        let fields = Fields::parse(b"csrf=a&csrf=b&amount=1%2C5+");
        assert_eq!((fields.get("csrf"), fields.get("amount"), fields.get("none")), ("", "1,5 ", ""));
    }
}
