//! Settings that are an https URL: `#[serde(default, deserialize_with = "chassis::config::https::deserialize")]`.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use url::Url;

/// Reads one.
///
/// # Errors
/// The text is not a URL, or its scheme is not https.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let url = Url::deserialize(deserializer)?;
    if url.scheme() == "https" { Ok(Some(url)) } else { Err(D::Error::custom("must be https")) }
}
