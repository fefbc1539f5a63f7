//! What is asked of services and of the Workload API.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use spiffe::SpiffeId;
use url::Url;

use super::{Asserting, CertsArg, Socket};

/// `dasvid validate`.
#[derive(Args, Debug)]
pub struct Ask {
    /// The chain: a file (bare, or the JSON other commands print), or - for standard input
    pub chain: PathBuf,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}

/// `dasvid introspect`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  dasvid introspect chain.json              exit code 1 when it is not active
  dasvid introspect --nonce chain.json      and proof that the identity provider signed the OAuth token")]
pub struct Introspect {
    #[command(flatten)]
    pub(crate) ask: Ask,
    /// Ask for a zero-knowledge proof with a fresh nonce and check it with the identity provider's own keys
    #[arg(long)]
    pub nonce: bool,
    /// With --nonce: what the OAuth token must be for; one of several
    #[arg(long, value_name = "AUD", default_value = "asserting-wl")]
    pub oauth_audience: Vec<String>,
    /// With --nonce: how many rounds a proof for an RSA key must have (8 or 16)
    #[arg(long, default_value_t = 8)]
    pub rounds: u64,
    /// With --nonce: further certificate authorities of the identity provider (PEM)
    #[arg(long, value_name = "FILE")]
    pub idp_ca: Option<PathBuf>,
}

/// `dasvid call`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  dasvid call --server spiffe://bank.example/middle-tier-1 --chain chain.json GET https://127.0.0.1:8445/v1/balance")]
pub struct Call {
    /// The method
    pub method: String,
    /// The URL
    pub url: Url,
    /// The one workload to accept as server
    #[arg(long, value_name = "SPIFFE-ID")]
    pub server: SpiffeId,
    /// The chain to send, with its certificates
    #[arg(long, value_name = "FILE")]
    pub chain: Option<PathBuf>,
    /// The body (a file)
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// The body's Content-Type
    #[arg(long, default_value = "application/json", requires = "body")]
    pub content_type: String,
    /// The Idempotency-Key
    #[arg(long)]
    pub idempotency_key: Option<String>,
    /// Send all certificates of the chain, or only those that asserting-wl does not keep
    #[arg(long, value_enum, default_value = "inline", requires = "chain")]
    pub certs: CertsArg,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}

/// `dasvid svid`.
#[derive(Debug, Subcommand)]
pub enum Svid {
    /// Writes svid.pem, key.pem (mode 0600) and bundle.pem
    #[command(after_help = "Example:\n  dasvid svid write ./me")]
    Write {
        /// The folder; made when absent
        dir: PathBuf,
        #[command(flatten)]
        #[doc(hidden)]
        socket: Socket,
    },
}
