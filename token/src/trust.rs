//! What a verifier believes about keys at one moment: a snapshot, shared and never changed.

use std::collections::HashMap;

use spiffe::SpiffeId;

use crate::{Bundles, RootKeys};

/// The asserters' published keys and the trust domains' anchors, as last fetched.
///
/// Whoever fetches replaces the whole snapshot; a verification sees exactly one.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Each asserter's own JWKS, fetched over mTLS from exactly that SPIFFE ID.
    pub keys: HashMap<SpiffeId, RootKeys>,
    /// The X.509 bundle of each trust domain.
    pub bundles: Bundles,
}
