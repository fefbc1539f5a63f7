//! The words of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use spiffe::SpiffeId;
use url::Url;

mod bank;
mod chain;
mod dev;
mod init;
mod keys;
mod policy;
mod services;

pub use bank::{CheckConfig, Demo, Journey, WorkloadName};
pub use chain::{Append, Believe, CertsArg, Inspect, Mint, New, Verify};
pub use dev::{DevIdpAsk, DevIdpCommand, DevSpireCommand, DevTracesCommand};
pub use init::InitCommand;
pub use keys::{AtStore, Keys, KeysCommand, KindArg, ListKeys, RetireKey, Revoke, RotateKeys, ShowKeys};
pub use policy::{PolicyCommand, PolicyTest};
pub use services::{Ask, Call, Introspect, Svid};

/// Which workload asks, through which others, on behalf of which person.
///
/// Everything that talks to a service does it as a SPIFFE workload: set `SPIFFE_ENDPOINT_SOCKET` (SPIRE's agent, or the
/// socket `dasvid demo` prints). Tokens come from a file or, with `-`, from standard input; never from an argument.
#[derive(Debug, Parser)]
#[command(name = "dasvid", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  dasvid demo                                   the whole bank, at http://127.0.0.1:8080
  dasvid demo --journey                         the same bank, used once in every mode, attacked, and ended
  dasvid mint --mode id token.txt > root.json   trade an OAuth access token for a DA-SVID
  dasvid append --next spiffe://bank.example/middle-tier-1 root.json > chain.json
  dasvid inspect chain.json                     the chain as a tree";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the whole bank in one process: Workload API, OpenID Provider, four workloads, a database
    Demo(Demo),
    /// Uses a bank that is already up the way a person and an attacker would
    Journey(Journey),
    /// Trades an OAuth access token for a DA-SVID at asserting-wl
    Mint(Mint),
    /// Shows a chain as a tree of root and links; believes nothing it shows
    Inspect(Inspect),
    /// Makes a root offline with a key of its own, to try chains without services
    New(New),
    /// Appends links to a chain, offline or as the workload of the Workload API
    Append(Append),
    /// Verifies a chain as a service would, or every case of a vector file
    Verify(Verify),
    /// Asks asserting-wl to diagnose a chain
    #[command(after_help = "Example:\n  dasvid validate chain.json")]
    Validate(Ask),
    /// Asks asserting-wl whether a chain is active (RFC 7662)
    Introspect(Introspect),
    /// Ends a chain, or a link of your own and what follows it (RFC 7009); as an operator, everything minted before a moment
    Revoke(Revoke),
    /// Prints asserting-wl's public keys (JWKS); lists, rotates and retires those in its store
    Keys(Keys),
    /// Sends a request with a chain to a service
    Call(Call),
    /// Works with this workload's own X509-SVID
    #[command(subcommand)]
    Svid(Svid),
    /// Checks, tries and explains a policy file
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Runs a SPIFFE Workload API with its own CA, for development; never for production
    DevSpire(DevSpireCommand),
    /// Runs an OpenID Provider with two people, for development; never for production
    DevIdp(DevIdpCommand),
    /// Takes OTLP traces and shows them as waterfalls, for development; never for production
    DevTraces(DevTracesCommand),
    /// Makes the keys, certificates and passwords of a new deployment, once
    Init(InitCommand),
    /// Checks a workload's configuration file without starting anything
    CheckConfig(CheckConfig),
    /// Prints a completion script for a shell
    #[command(after_help = "Example:\n  dasvid completions bash > /etc/bash_completion.d/dasvid")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes a manual page for every command into a folder
    #[command(hide = true)]
    Manpages {
        /// The folder; made when absent.
        dir: PathBuf,
    },
}
/// A kind of chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// One signed token, unchanged through every hop
    Plain,
    /// Every hop signs with its own SVID key
    Id,
    /// Part of each signature is the next key; nobody on the way is named
    Anonymous,
}

impl From<ModeArg> for token::Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Plain => Self::Plain,
            ModeArg::Id => Self::Id,
            ModeArg::Anonymous => Self::Anonymous,
        }
    }
}

/// Who this process is.
#[derive(Args, Clone, Debug)]
pub struct Socket {
    /// The SPIFFE Workload API
    #[arg(long, env = "SPIFFE_ENDPOINT_SOCKET", value_name = "unix:PATH", global = true)]
    pub socket: Option<String>,
}

/// Where asserting-wl is.
#[derive(Args, Clone, Debug)]
pub struct Asserting {
    #[command(flatten)]
    pub(crate) socket: Socket,
    /// asserting-wl's address
    #[arg(long, env = "DASVID_ASSERTING_URL", default_value = "https://127.0.0.1:8443", value_name = "URL")]
    pub asserting_url: Url,
    /// asserting-wl's SPIFFE ID; /asserting-wl in the own trust domain when not given
    #[arg(long, env = "DASVID_ASSERTING_ID", value_name = "SPIFFE-ID")]
    pub asserting_id: Option<SpiffeId>,
}
