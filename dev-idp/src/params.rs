//! Parameters of a query or a form: each at most once (RFC 6749 §3.1, §3.2).

use std::collections::BTreeMap;

use url::form_urlencoded;

/// A parameter was given more than once.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the parameter \"{0}\" is given more than once")]
pub(crate) struct Repeated(pub(crate) String);

/// What a browser or client sent; an empty value counts as absent.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn parse(encoded: &[u8]) -> Result<Self, Repeated> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            if found.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Repeated(name.into_owned()));
            }
        }
        Ok(Self(found))
    }

    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn find_owned(&self, name: &str) -> Option<String> {
        self.find(name).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::{Params, Repeated};

    #[test]
    fn refuses_a_repeated_parameter() {
        assert_eq!(Params::parse(b"scope=a&scope=b").unwrap_err(), Repeated("scope".to_owned()));
    }

    #[test]
    fn takes_an_empty_value_for_an_absent_one() {
        assert_eq!(Params::parse(b"state=&nonce=n").unwrap().find("state"), None);
    }
}
