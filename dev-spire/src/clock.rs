//! The one place that reads the wall clock: TLS compares certificates with it, so they are dated by it.

use time::OffsetDateTime;

#[expect(clippy::disallowed_methods, reason = "this module owns the clock of the CA")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
