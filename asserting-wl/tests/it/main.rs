//! asserting-wl as its callers see it: over SPIFFE mTLS, with an identity provider that says what a test wants.

mod attacks_oauth;
mod bank;
mod endpoints;
mod introspection;
mod minting;
mod provider;
mod silence;
