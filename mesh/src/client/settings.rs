//! How a client behaves.

use std::{sync::Arc, time::Duration};

use super::{ClientMetrics, Dns, Resolver};

/// Limits and timeouts of a client, and whom it asks and tells.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Longest TCP connect and TLS handshake together.
    pub connect_timeout: Duration,
    /// Longest wait for the response head after the last piece of the request was taken.
    pub first_byte_timeout: Duration,
    /// Longest time [`Client::call`](super::Client::call) and the helpers take to read a whole body.
    pub body_timeout: Duration,
    /// Connections idle for this long are closed; keep it below the server's own limit.
    pub idle_timeout: Duration,
    /// Idle HTTP/1.1 connections kept to one replica.
    pub max_idle: usize,
    /// How long a connection of HTTP/2 with requests under way may be silent before it is asked for a sign of life.
    pub ping_after: Duration,
    /// How long that sign may take before the connection counts as broken.
    pub ping_timeout: Duration,
    /// After about this long no connection takes new requests, so that a revoked server cannot live on.
    pub max_age: Duration,
    /// Largest response head, bytes.
    pub max_header_list: u32,
    /// Largest body [`Client::call`](super::Client::call) and the helpers read, bytes.
    pub max_answer: usize,
    /// Do not offer HTTP/2.
    pub http1_only: bool,
    /// How often host names are looked up again; at once when a replica fails.
    pub refresh: Duration,
    /// Requests sent once more, as a share of the requests of the last ten seconds, 0…1.
    pub repeat_share: f32,
    /// Requests that may be sent once more in ten seconds beyond that share.
    pub repeat_floor: u32,
    /// Finds the addresses of host names.
    pub resolver: Arc<dyn Resolver>,
    /// Where requests are counted.
    pub metrics: ClientMetrics,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            first_byte_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(15),
            max_idle: 64,
            ping_after: Duration::from_secs(3),
            ping_timeout: Duration::from_secs(5),
            max_age: Duration::from_mins(10),
            max_header_list: 64 * 1024,
            max_answer: 1024 * 1024,
            http1_only: false,
            refresh: Duration::from_secs(5),
            repeat_share: 0.2,
            repeat_floor: 100,
            resolver: Arc::new(Dns),
            metrics: ClientMetrics::default(),
        }
    }
}
