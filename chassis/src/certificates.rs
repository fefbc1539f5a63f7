//! Certificates by reference: a signer leaves its certificate with the asserting workload, a verifier fetches what a chain
//! names and does not carry.
//!
//! [`Publisher`] posts this process's own certificate, at start and after each rotation; until one is kept, it travels
//! inline. [`Fetcher`] is what a [`Gate`](crate::gate::Gate) asks. The asserting workload is a mere cache: what it gives
//! counts by its hash and its path to the bundle, so it can withhold, never forge.
//!
//! | limit | |
//! |---|---|
//! | one request in flight a hash | whoever comes meanwhile shares its answer |
//! | [`PER_SECOND`] a second a peer, [`BURST`] at once | what is known, also as absent, counts nothing |
//! | [`Pace::absent`], [`Pace::away`] | how long a hash nobody keeps, or an asserter that does not answer, is not asked again |
//! | [`Pace::patience`] | how long an answer may take, in all |
//! | [`MOST`] | certificates remembered, each until it expires |

mod fetcher;
mod limit;
mod publisher;
mod source;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use fetcher::{Fetcher, MOST};
pub use limit::{BURST, PER_SECOND};
pub use publisher::Publisher;
pub use source::{CertificateSource, MeshCertificates, SourceError};

/// How long answers are waited for and remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// An answer may take this long in all.
    pub patience: Duration,
    /// A hash that nobody keeps, or under which something else is kept, is not asked for again for this long.
    pub absent: Duration,
    /// A hash for which no answer came is not asked for again for this long.
    pub away: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { patience: Duration::from_secs(3), absent: Duration::from_mins(1), away: Duration::from_secs(2) }
    }
}
