//! The bank's front end: logs a person in and shows their account.
//!
//! A browser speaks plain HTML to it; behind, it trades the person's OAuth token for a DA-SVID at asserting-wl, appends
//! the first link and calls the bank through the mesh. The OAuth token stays in the server-side session.

mod account;
mod bank;
mod config;
mod deposit;
mod form;
mod front;
mod guard;
mod money;
mod oidc;
mod once;
mod origin;
mod pages;
mod problem;
mod random;
mod session;
mod sign_in;
mod sign_out;
#[cfg(test)]
mod tests;
mod trail;
mod transactions;
mod transfer;
mod workload;

pub use config::{BankSettings, Config, Hop, LoginSettings, SessionSettings, WebSettings};
pub use workload::SubjectWl;
