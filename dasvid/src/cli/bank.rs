//! The bank as a whole: `demo`, `journey` and `check-config`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::CertsArg;
use crate::place::Verification;

/// `dasvid demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  dasvid demo --dir bank --middle-tiers 3\n  dasvid demo --traces\n  dasvid demo --journey --json\n  dasvid demo --journey --verification introspect --idp-alg PS256"
)]
pub struct Demo {
    /// How many middle tiers stand between the front end and the account (1 to 15)
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=15))]
    pub middle_tiers: u8,
    /// Keep sockets, databases and keys in this folder; without it they go when the demo ends
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where the bank's pages are served; a taken port is replaced by a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Take the traces of every request and show them as waterfalls at <http://127.0.0.1:4318>; without it they go to
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, if that is set
    #[arg(long)]
    pub traces: bool,
    /// Tell the whole story without a browser, then end: exit code 0 if every step went as it must
    #[arg(long)]
    pub journey: bool,
    /// Whether services verify proofs that the identity provider signed the OAuth token: offline, introspect, embedded
    #[arg(long, value_name = "HOW", default_value = "offline")]
    pub verification: Verification,
    /// How the identity provider signs: RS256, PS256, ES256 or `EdDSA`
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    pub idp_alg: dev_idp::Algorithm,
    /// How signers' certificates travel
    #[arg(long, value_enum, default_value = "inline")]
    pub certs: CertsArg,
    /// With --journey: one JSON document on standard output
    #[arg(long, requires = "journey")]
    pub json: bool,
}

/// `dasvid journey`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  dasvid journey bank.toml --json\n\nThe file says where the bank is: see docs/operations.md."
)]
pub struct Journey {
    /// Where the bank is (TOML)
    pub bank: PathBuf,
    /// One JSON document on standard output
    #[arg(long)]
    pub json: bool,
}

/// `dasvid check-config`.
#[derive(Args, Debug)]
#[command(
    override_usage = "dasvid check-config WORKLOAD FILE [WORKLOAD FILE]...",
    after_help = "Example:\n  dasvid check-config target-wl config/target-wl.toml\n\nThe environment counts too, as when the workload starts."
)]
pub struct CheckConfig {
    /// A workload (subject-wl, asserting-wl, middle-tier, target-wl), or dev-spire, and its file (TOML), as often as needed
    #[arg(required = true, num_args = 2.., value_names = ["WORKLOAD", "FILE"])]
    pub pairs: Vec<String>,
}

/// A workload by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorkloadName {
    /// The front end
    SubjectWl,
    /// The asserter
    AssertingWl,
    /// A hop
    MiddleTier,
    /// The account service
    TargetWl,
    /// A Workload API of its own
    DevSpire,
}
