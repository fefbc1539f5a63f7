//! One hop: verifies the chain, appends its own link, forwards.
//!
//! A streaming reverse proxy for any method and path over HTTP/1.1 and HTTP/2. `hygiene` decides which header fields
//! travel, `stream` watches the bodies, `link` writes this hop's own link, `proxy` puts them in order. Nothing is
//! kept between two requests, so a hop scales by adding replicas.

pub mod config;
mod exchange;
mod hygiene;
mod link;
mod proxy;
mod refused;
mod stream;
mod watch;
mod workload;

pub use config::Config;
pub use workload::MiddleTier;
