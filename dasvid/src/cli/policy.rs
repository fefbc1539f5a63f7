//! `dasvid policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use spiffe::SpiffeId;

use super::ModeArg;

/// `dasvid policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Says whether a policy file is well formed and free of rows that can never apply
    #[command(after_help = "Example:\n  dasvid policy check config/asserting-wl.policy.toml")]
    Check {
        /// The policy (TOML)
        file: PathBuf,
    },
    /// Says what a mint request would be granted
    #[command(after_help = "Example:
  dasvid policy test policy.toml --caller spiffe://bank.example/subject-wl --issuer https://idp.example \\
      --mode id --scope 'accounts.read payments.write'")]
    Test(PolicyTest),
    /// Says in words what a policy allows
    #[command(after_help = "Example:\n  dasvid policy explain config/target-wl.policy.toml")]
    Explain {
        /// The policy (TOML)
        file: PathBuf,
    },
}

/// `dasvid policy test`.
#[derive(Args, Debug)]
pub struct PolicyTest {
    /// The policy (TOML)
    pub file: PathBuf,
    /// Who asks
    #[arg(long, value_name = "SPIFFE-ID")]
    pub caller: SpiffeId,
    /// Whose OAuth token
    #[arg(long, value_name = "URL")]
    pub issuer: String,
    /// The kind of chain
    #[arg(long, value_enum, default_value = "id")]
    pub mode: ModeArg,
    /// The OAuth token's scope
    #[arg(long, default_value = "")]
    pub scope: String,
    /// Where the chain shall end
    #[arg(long, value_name = "SPIFFE-ID")]
    pub audience: Vec<SpiffeId>,
}
