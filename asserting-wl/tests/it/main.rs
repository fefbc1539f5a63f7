//! asserting-wl as its callers see it: over SPIFFE mTLS, with an identity provider that says what a test wants.

#[cfg(test)]
mod attacks_oauth;
#[cfg(test)]
mod bank;
#[cfg(test)]
mod certs;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod introspection;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod logout;
#[cfg(test)]
mod minting;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod provenance;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod silence;
