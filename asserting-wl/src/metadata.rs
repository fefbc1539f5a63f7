//! What this authorization server offers (RFC 8414), for clients that ask before they speak.

use std::net::{Ipv4Addr, SocketAddr};

use spiffe::SpiffeId;
use token::policy::Mint;
use url::Url;
use wire::introspect::INTROSPECT;
use wire::keys::KEYS;
use wire::oauth::{AuthorizationServer, REVOKE, TOKEN, TOKEN_EXCHANGE};

use crate::provenance::ProofTime;

/// How callers are known: by the SPIFFE ID in their certificate (RFC 8705 §2.1).
const TLS: &str = "tls_client_auth";

/// The URL this service is reached at, where the settings do not say: the address it listens on.
#[must_use]
pub fn address(listening: SocketAddr) -> String {
    let ip = if listening.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listening.ip() };
    format!("https://{}", SocketAddr::new(ip, listening.port()))
}

/// The URL of a setting as an issuer identifier: without a slash at its end.
#[must_use]
pub fn identifier(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// The document for the service `me` at `base`, which makes proofs at `proofs`.
#[must_use]
pub fn document(base: &str, me: &SpiffeId, rows: &[Mint], proofs: ProofTime) -> AuthorizationServer {
    let at = |path: &str| format!("{base}{path}");
    let tls = || vec![TLS.to_owned()];
    let mut scopes: Vec<_> = rows.iter().flat_map(|row| row.scopes.iter().cloned()).collect();
    scopes.sort();
    scopes.dedup();
    AuthorizationServer {
        issuer: base.to_owned(),
        spiffe_id: me.to_string(),
        token_endpoint: at(TOKEN),
        introspection_endpoint: at(INTROSPECT),
        revocation_endpoint: at(REVOKE),
        jwks_uri: at(KEYS),
        response_types_supported: Vec::new(),
        grant_types_supported: vec![TOKEN_EXCHANGE.to_owned()],
        scopes_supported: scopes,
        token_endpoint_auth_methods_supported: tls(),
        introspection_endpoint_auth_methods_supported: tls(),
        revocation_endpoint_auth_methods_supported: tls(),
        dasvid_proofs_at: Some(proofs.name().to_owned()),
    }
}
