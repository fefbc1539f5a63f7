//! JWT SVIDs.

/// Why a JWT SVID was not issued or is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {}
