//! Whole-system proofs: all workloads in one process on ephemeral ports, each with its own identity over real mTLS.
//!
//! [`Bank`] starts everything; an [`Actor`] is somebody with an identity of the trust domain, honest or not;
//! [`reply`] reads what they are answered; [`raw`] speaks HTTP/1.1 by hand; [`browser`] is a person at the front door.

#![expect(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a fixture of tests: whatever goes wrong here fails the test"
)]

pub mod actor;
pub mod bank;
pub mod browser;
pub mod museum;
pub mod raw;
pub mod reply;
pub mod street;

pub use actor::Actor;
pub use bank::Bank;
pub use reply::{Refused, refused};
pub use street::Street;

/// The three modes a chain can have.
pub const MODES: [token::Mode; 3] = [token::Mode::Plain, token::Mode::Id, token::Mode::Anonymous];
