//! SPIFFE IDs as settings: `#[serde(with = "chassis::config::spiffe_id")]`.

use serde::{Deserialize, Deserializer, Serializer, de};
use spiffe::SpiffeId;

/// Reads the SPIFFE ID of a workload, which has a path.
///
/// # Errors
/// It is not one.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SpiffeId, D::Error> {
    let text = String::deserialize(deserializer)?;
    let id = SpiffeId::new(&text).map_err(de::Error::custom)?;
    if id.path().is_empty() {
        return Err(de::Error::custom("the SPIFFE ID of a workload has a path"));
    }
    Ok(id)
}

/// Writes a SPIFFE ID.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(id: &SpiffeId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}
