//! Which addresses a host name stands for.

use std::{fmt, io, net::SocketAddr};

use futures::future::BoxFuture;

/// Finds the addresses of a host.
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// Every address of `host` with this port, in no special order.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;
}

/// What the operating system says: `/etc/hosts`, DNS, and whatever else it is set up to ask.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dns;

impl Resolver for Dns {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}
