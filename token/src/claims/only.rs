//! `only`: what a segment restricts. Every `only` of a chain must hold, so a link narrows and never widens.

use std::str::FromStr;

use spiffe::SpiffeId;

use super::{audience, list, optional, string};
use crate::json::{self, Object, Value};
use crate::refusal::Reason;

/// The largest `max_links`.
const MAX_LINKS: u64 = 16;

/// A limit on the amount of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxAmount {
    /// Three letters of A–Z (ISO 4217).
    pub currency: String,
    /// The limit in minor units, 0…2⁵³ − 1.
    pub minor: u64,
}

/// A closed set of restrictions; an absent member restricts nothing, an empty array admits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// The OAuth scopes that may be used.
    pub scope: Option<Vec<String>>,
    /// The HTTP methods that may be used, case-sensitive.
    pub methods: Option<Vec<String>>,
    /// The paths that may be used: whole, or everything below one that ends in `/*`.
    pub paths: Option<Vec<String>>,
    /// The largest amount of one operation.
    pub max_amount: Option<MaxAmount>,
    /// The most links the whole chain may have, 0…16.
    pub max_links: Option<usize>,
    /// Where the chain may end: workloads or whole trust domains.
    pub aud: Option<Vec<SpiffeId>>,
}

impl Only {
    pub(crate) fn read(members: &Object) -> Result<Option<Self>, Reason> {
        let Some(value) = members.get("only") else { return Ok(None) };
        Self::of(value.as_object().ok_or(Reason::Malformed("only"))?).map(Some)
    }

    fn of(only: &Object) -> Result<Self, Reason> {
        if only.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Reason::UnknownRestriction);
        }
        Ok(Self {
            scope: optional(only, "scope", |value| distinct(value).map(owned))?,
            methods: optional(only, "methods", |value| distinct(value).map(owned))?,
            paths: optional(only, "paths", |value| distinct(value).map(owned))?,
            max_amount: optional(only, "max_amount", max_amount)?,
            max_links: optional(only, "max_links", max_links)?,
            aud: optional(only, "aud", |value| distinct(value).and_then(|_| list(value, audience)))?,
        })
    }

    /// The object as it stands in claims.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::Map::new();
        let mut put = |name: &str, value: Option<serde_json::Value>| {
            if let Some(value) = value {
                json.insert(name.to_owned(), value);
            }
        };
        put("scope", self.scope.clone().map(Into::into));
        put("methods", self.methods.clone().map(Into::into));
        put("paths", self.paths.clone().map(Into::into));
        let amount = |limit: &MaxAmount| serde_json::json!({ "currency": limit.currency, "minor": limit.minor });
        put("max_amount", self.max_amount.as_ref().map(amount));
        put("max_links", self.max_links.map(Into::into));
        let ids = |ids: &Vec<SpiffeId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>().into();
        put("aud", self.aud.as_ref().map(ids));
        json.into()
    }
}

impl FromStr for Only {
    type Err = Reason;

    /// Reads the object as it stands in claims.
    fn from_str(text: &str) -> Result<Self, Reason> {
        Self::of(&json::read_object(text.as_bytes()).map_err(|error| Reason::Json("only", error))?)
    }
}

const MEMBERS: [&str; 6] = ["scope", "methods", "paths", "max_amount", "max_links", "aud"];

/// An array of non-empty strings without repeats.
fn distinct(value: &Value) -> Option<Vec<&str>> {
    let mut seen = Vec::new();
    for element in value.as_array()? {
        let text = element.as_str().filter(|text| !text.is_empty() && !seen.contains(text))?;
        seen.push(text);
    }
    Some(seen)
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(ToOwned::to_owned).collect()
}

fn max_amount(value: &Value) -> Option<MaxAmount> {
    let members = value.as_object().filter(|members| members.len() == 2)?;
    let currency = members.get("currency").and_then(string)?;
    let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    let minor = members.get("minor").and_then(Value::as_integer)?;
    is_code.then_some(MaxAmount { currency, minor })
}

fn max_links(value: &Value) -> Option<usize> {
    value.as_integer().filter(|links| *links <= MAX_LINKS).and_then(|links| usize::try_from(links).ok())
}
