//! The life of a chain: `mint`, `inspect`, `new`, `append` and `verify`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use spiffe::SpiffeId;

use super::{Asserting, ModeArg};

/// `dasvid mint`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dasvid dev-idp token alice | dasvid mint --mode id - > root.json")]
pub struct Mint {
    /// The OAuth access token: a file, or - for standard input
    pub access_token: PathBuf,
    /// The kind of chain
    #[arg(long, value_enum, default_value = "id")]
    pub mode: ModeArg,
    /// SPIFFE IDs where the chain may end; all that policy allows when not given
    #[arg(long, value_name = "SPIFFE-ID")]
    pub audience: Vec<SpiffeId>,
    /// OAuth scopes to ask for; all that policy allows when not given
    #[arg(long)]
    pub scope: Vec<String>,
    /// Plain mode: bind the token to this request, such as "GET /v1/balance"
    #[arg(long, value_name = "METHOD TARGET")]
    pub bind: Option<String>,
    /// Print the bare chain instead of JSON with its certificates
    #[arg(long)]
    pub bare: bool,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}

/// `dasvid inspect`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dasvid inspect chain.json\n  dasvid inspect --keys jwks.json --bundle bundle.pem --json chain.json"
)]
pub struct Inspect {
    /// The chain: a file (bare, or the JSON other commands print), or - for standard input
    pub chain: PathBuf,
    #[command(flatten)]
    pub(crate) trust: Believe,
    /// JSON instead of a tree
    #[arg(long)]
    pub json: bool,
}

/// `dasvid new`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  dasvid new --mode anonymous --dir lab > root.json\n\nThe folder then holds the key and the JWKS that verifies it."
)]
pub struct New {
    /// The kind of chain
    #[arg(long, value_enum, default_value = "id")]
    pub mode: ModeArg,
    /// Where the signing key and its JWKS are kept; made when absent
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Who asserts
    #[arg(long, default_value = "spiffe://bank.example/asserting-wl", value_name = "SPIFFE-ID")]
    pub iss: SpiffeId,
    /// Who may act
    #[arg(long, default_value = "spiffe://bank.example/subject-wl", value_name = "SPIFFE-ID")]
    pub sub: SpiffeId,
    /// Where the chain may end
    #[arg(long, default_value = "spiffe://bank.example/target-wl", value_name = "SPIFFE-ID")]
    pub aud: Vec<SpiffeId>,
    /// The identity provider
    #[arg(long, default_value = "https://idp.example/realms/bank", value_name = "URL")]
    pub dpa: String,
    /// The person
    #[arg(long, default_value = "alice")]
    pub dpr: String,
    /// What the chain allows
    #[arg(long, default_value = "accounts.read payments.write")]
    pub scope: String,
    /// Seconds of life, 600 at most
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub life: u64,
}

/// How signers' certificates travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CertsArg {
    /// Beside the chain
    #[default]
    Inline,
    /// Kept by asserting-wl, found by their hash
    ByReference,
}

impl From<CertsArg> for token::policy::Certs {
    fn from(certs: CertsArg) -> Self {
        match certs {
            CertsArg::Inline => Self::Inline,
            CertsArg::ByReference => Self::ByReference,
        }
    }
}

/// `dasvid append`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  dasvid append --next spiffe://bank.example/middle-tier-1 root.json
  dasvid append --svid DIR --bind 'GET /v1/balance' --next spiffe://bank.example/target-wl -n 3 root.json
  dasvid append --certs by-reference --next spiffe://bank.example/middle-tier-1 root.json
  dasvid append --keys lab/jwks.json --seal --bind 'GET /v1/balance' --next spiffe://bank.example/target-wl root.json

With -n, the links before the last name the signer itself (ID mode) or nobody (anonymous mode).")]
pub struct Append {
    /// The chain: a file, or - for standard input
    pub chain: PathBuf,
    /// The workload that may continue the chain; in anonymous mode only with --seal
    #[arg(long, value_name = "SPIFFE-ID")]
    pub next: Option<SpiffeId>,
    /// How many links
    #[arg(short = 'n', long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub links: u8,
    /// Sign with the SVID in this folder (see `dasvid svid write`) instead of the Workload API's
    #[arg(long, value_name = "DIR")]
    pub svid: Option<PathBuf>,
    /// Anonymous mode: the asserter's keys (JWKS file) instead of asking asserting-wl
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Bind the links to this request, such as "POST /v1/deposits"
    #[arg(long, value_name = "METHOD TARGET")]
    pub bind: Option<String>,
    /// With --bind: the request's body (a file)
    #[arg(long, value_name = "FILE", requires = "bind")]
    pub body: Option<PathBuf>,
    /// With --bind: its Content-Type
    #[arg(long, requires = "body")]
    pub content_type: Option<String>,
    /// With --bind: its Idempotency-Key
    #[arg(long, requires = "bind")]
    pub idempotency_key: Option<String>,
    /// Narrow what the chain allows: the JSON of an `only` claim
    #[arg(long, value_name = "JSON")]
    pub only: Option<String>,
    /// The last link: nothing may follow it
    #[arg(long)]
    pub seal: bool,
    /// ID mode: put this workload's certificate beside the chain, or leave it with asserting-wl first
    #[arg(long, value_enum, default_value = "inline", conflicts_with = "svid")]
    pub certs: CertsArg,
    /// Print the bare chain instead of JSON with its certificates
    #[arg(long)]
    pub bare: bool,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}

/// What to believe, for `verify` and `inspect`.
///
/// Keys and bundle come from files, or from asserting-wl and the Workload API where there is a socket; so do certificates
/// that the chain names and does not carry.
#[derive(Args, Clone, Debug)]
pub struct Believe {
    #[command(flatten)]
    pub(crate) asserting: Asserting,
    /// The asserter's keys (JWKS file)
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// The trust bundle (PEM file) of the trust domain
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// The policy file whose `accept` table decides; without it, whatever the chain itself names is accepted
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Who verifies; the last audience when not given
    #[arg(long, value_name = "SPIFFE-ID")]
    pub me: Option<SpiffeId>,
    /// Who presents the chain; its last signer when not given
    #[arg(long, value_name = "SPIFFE-ID")]
    pub peer: Option<SpiffeId>,
    /// The request it comes with, such as "GET /v1/balance": also check that it arrives where and how it may
    #[arg(long, value_name = "METHOD TARGET")]
    pub request: Option<String>,
    /// With --request: the scope the route demands
    #[arg(long, default_value = "accounts.read", requires = "request")]
    pub scope: String,
    /// With --request: judge as a hop in the middle, not as the end
    #[arg(long, requires = "request")]
    pub hop: bool,
    /// The moment to judge at, Unix seconds; now when not given
    #[arg(long, value_name = "SECONDS")]
    pub at: Option<u64>,
}

/// `dasvid verify`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  dasvid verify --keys jwks.json --bundle bundle.pem chain.json
  dasvid verify --vectors token/tests/vectors/dasvid.json")]
pub struct Verify {
    /// The chain: a file (bare, or the JSON other commands print), or - for standard input
    #[arg(required_unless_present = "vectors")]
    pub chain: Option<PathBuf>,
    /// Run every case of this vector file instead
    #[arg(long, value_name = "FILE", conflicts_with = "chain")]
    pub vectors: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Believe,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}
