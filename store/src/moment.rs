//! The store's one unit of time.

use std::fmt;

/// Microseconds since the Unix epoch.
///
/// The store has no clock; callers pass the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(pub i64);

const PER_SECOND: i64 = 1_000_000;

impl Moment {
    /// The start of this Unix second; times past the year 294,000 saturate.
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Self {
        Self(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(PER_SECOND))
    }

    /// Whole seconds since the Unix epoch, 0 before it.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.div_euclid(PER_SECOND)).unwrap_or(0)
    }

    /// This moment and so many seconds.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(Self::from_seconds(seconds).0))
    }

    /// Microseconds since the last whole second.
    #[must_use]
    pub fn subsecond_micros(self) -> u32 {
        u32::try_from(self.0.rem_euclid(PER_SECOND)).unwrap_or(0)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.div_euclid(PER_SECOND), self.subsecond_micros())
    }
}
