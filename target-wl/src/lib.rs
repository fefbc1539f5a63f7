//! The last hop: verifies the whole chain, then acts on the account.
//!
//! A request passes the [gate](chassis::gate) first; [`routes`] declares what each route requires of a chain. Handlers
//! take the believed chain, so none can run without one. [`bank`] keeps the books: a change, what keeps it from
//! happening twice and the events that tell of it are one transaction. [`order`] reads what a person orders,
//! [`rejections`] tells of chains that were refused.

mod balance;
pub mod bank;
pub mod config;
mod deposit;
#[cfg(test)]
mod fixture;
mod metadata;
pub mod order;
mod payment;
pub mod rejections;
pub mod request_error;
pub mod routes;
mod transactions;
mod transfer;
mod workload;

pub use config::{Config, Seed};
pub use workload::TargetWl;
