//! What this service asks of whoever comes (RFC 9728), told to every workload that may connect, without a chain.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{Router, routing};
use chassis::json::Json;
use spiffe::SpiffeId;
use url::Url;
use wire::oauth::{PROTECTED_RESOURCE, ProtectedResource};

use crate::config::Config;
use crate::routes::Rules;

/// The document of the service `me` that listens at `listening`.
pub(crate) fn document(config: &Config, me: &SpiffeId, rules: &Rules, listening: SocketAddr) -> ProtectedResource {
    let Rules { balance, deposits, transfers, transactions } = rules;
    let mut scopes: Vec<_> = [balance, deposits, transfers, transactions].map(|rule| rule.scope.clone()).into();
    scopes.sort();
    scopes.dedup();
    ProtectedResource {
        resource: config.public_url.as_ref().map_or_else(|| address(listening), identifier),
        spiffe_id: me.to_string(),
        authorization_servers: config.asserting.url.urls().map(identifier).collect(),
        scopes_supported: scopes,
        bearer_methods_supported: Vec::new(),
    }
}

/// `GET /.well-known/oauth-protected-resource`.
pub(crate) fn router(document: ProtectedResource) -> Router {
    Router::new().route(PROTECTED_RESOURCE, routing::get(async move || Json(document)))
}

fn identifier(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn address(listening: SocketAddr) -> String {
    let ip = if listening.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { listening.ip() };
    format!("https://{}", SocketAddr::new(ip, listening.port()))
}
