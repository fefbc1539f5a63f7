//! An embedded OpenID Provider. For development and tests, **never for production**.
//!
//! It speaks plain HTTP on loopback, keeps everything in memory and knows its people's passwords; within those
//! limits it is a real provider: OpenID Connect Core (code flow), PKCE (RFC 7636), access tokens of RFC 9068,
//! discovery, userinfo, RP-initiated logout and back-channel logout. Its tokens can imitate Keycloak's, Okta's, Entra's
//! and Auth0's ([`Shape`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), dev_idp::StartError> {
//! let idp = dev_idp::DevIdp::start(dev_idp::Settings::default()).await?;
//! assert!(idp.issuer().starts_with("http://127.0.0.1:"));
//! idp.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod authorize;
mod backchannel;
mod clock;
mod cookie;
mod discovery;
mod exchange;
mod issue;
mod keys;
mod login;
mod logout;
mod pages;
mod params;
mod provider;
mod redirect;
mod server;
mod settings;
mod shape;
#[cfg(test)]
mod tests;
mod userinfo;

pub use clock::Clock;
pub use exchange::GrantError;
pub use keys::{Algorithm, KeyError, UnknownAlgorithm};
pub use server::{DevIdp, StartError};
pub use settings::{Client, Grant, Https, Person, Settings};
pub use shape::{Shape, UnknownShape};
