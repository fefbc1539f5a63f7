//! Rule 13 in policy: whether and how a verifier has the identity provider's signature proven.

use serde::{Deserialize, Serialize};

use super::text;
use crate::provenance::Rounds;

/// What a verifier asks of the proof; by default nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provenance {
    /// Whether the asserter is asked about every chain.
    pub verification: Verification,
    /// Whether a proof must come with every chain.
    pub proof: Proof,
    /// One of these is required in the OAuth token's `aud`.
    pub oauth_audience: Vec<String>,
    /// How many rounds a proof for an RSA key has: exactly as many as the asserter's `zkp.rounds`.
    #[serde(with = "text::rounds")]
    pub rounds: Rounds,
}

impl Default for Provenance {
    fn default() -> Self {
        Self {
            verification: Verification::Offline,
            proof: Proof::None,
            oauth_audience: vec!["asserting-wl".to_owned()],
            rounds: Rounds::Eight,
        }
    }
}

impl Provenance {
    /// Whether proofs are demanded and no OAuth audience is listed, so that none could ever hold.
    #[must_use]
    pub fn believes_nothing(&self) -> bool {
        self.is_demanded() && self.oauth_audience.is_empty()
    }

    /// Whether rule 13 asks for anything at all.
    #[must_use]
    pub fn is_demanded(&self) -> bool {
        self.verification == Verification::Introspect || self.proof == Proof::Embedded
    }
}

/// How a chain that passed every other rule is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verification {
    /// With what this service has: bundles, keys, revocations.
    Offline,
    /// Also by its asserter, which answers `/introspect` with a proof for a fresh nonce.
    Introspect,
}

/// Whether a proof travels with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Nobody looks at `DA-SVID-Proof`.
    None,
    /// `DA-SVID-Proof` holds a proof made at mint. It is replayable by design.
    Embedded,
}
