//! The words of the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use spiffe::SpiffeId;
use url::Url;

use crate::place::Verification;

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
    Validate(Ask),
    /// Asks asserting-wl whether a chain is active (RFC 7662)
    Introspect(Introspect),
    /// Prints asserting-wl's public keys (JWKS)
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

/// `dasvid demo`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  dasvid demo --dir bank --middle-tiers 3\n  dasvid demo --journey --json\n  dasvid demo --journey --verification introspect --idp-alg PS256")]
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
    /// Tell the whole story without a browser, then end: exit code 0 if every step went as it must
    #[arg(long)]
    pub journey: bool,
    /// Whether services verify proofs that the identity provider signed the OAuth token: offline, introspect, embedded
    #[arg(long, value_name = "HOW", default_value = "offline")]
    pub verification: Verification,
    /// How the identity provider signs: RS256, PS256, ES256 or `EdDSA`
    #[arg(long, value_name = "ALG", default_value = "ES256")]
    pub idp_alg: dev_idp::Algorithm,
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

/// `dasvid append`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  dasvid append --next spiffe://bank.example/middle-tier-1 root.json
  dasvid append --svid DIR --bind 'GET /v1/balance' --next spiffe://bank.example/target-wl -n 3 root.json
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
    /// Print the bare chain instead of JSON with its certificates
    #[arg(long)]
    pub bare: bool,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}

/// What to believe, for `verify` and `inspect`.
///
/// Keys and bundle come from files, or from asserting-wl and the Workload API where there is a socket.
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
    /// The policy file whose [accept] table decides; without it, whatever the chain itself names is accepted
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

/// `dasvid validate` and `dasvid introspect`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  dasvid validate chain.json"
)]
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

/// `dasvid keys`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dasvid keys --alg ES256 > jwks.json")]
pub struct Keys {
    /// Only keys of this algorithm, for JOSE libraries that refuse a set with others
    #[arg(long)]
    pub alg: Option<String>,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
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
    #[command(flatten)]
    pub(crate) socket: Socket,
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

/// `dasvid dev-spire`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  dasvid dev-spire --dir sockets subject-wl target-wl
  SPIFFE_ENDPOINT_SOCKET=unix:sockets/subject-wl.sock dasvid svid write ./me
  dasvid dev-spire --config config/dev-spire.toml     one socket for all, which finds out who calls")]
pub struct DevSpireCommand {
    /// One socket an identity, for whoever opens it: names below the trust domain
    #[arg(required_unless_present = "config")]
    pub identities: Vec<String>,
    /// The folder of the sockets; made when absent
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub dir: Option<PathBuf>,
    /// Identities for callers attested by user and executable, on shared sockets (TOML; see config/dev-spire.toml)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["identities", "dir", "trust_domain", "x509_ttl"])]
    pub config: Option<PathBuf>,
    /// The trust domain
    #[arg(long, default_value = "bank.example")]
    pub trust_domain: String,
    /// Seconds an X509-SVID lives
    #[arg(long, default_value_t = 3600, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    pub x509_ttl: u64,
}

/// `dasvid dev-idp`.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  dasvid dev-idp --listen 127.0.0.1:8090
  dasvid dev-idp --shape okta --alg RS256      tokens as Okta's, from http://127.0.0.1:8090/oauth2/default
  dasvid dev-idp token alice"
)]
pub struct DevIdpCommand {
    /// Ask a running provider for a token instead of running one
    #[command(subcommand)]
    pub ask: Option<DevIdpAsk>,
    /// Where to listen, on loopback
    #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Whose tokens to imitate: rfc9068, keycloak, okta, entra or auth0; the issuer has that provider's path
    #[arg(long, default_value = "rfc9068")]
    pub shape: dev_idp::Shape,
    /// How tokens are signed: RS256, PS256, ES256 or `EdDSA`
    #[arg(long, default_value = "ES256")]
    pub alg: dev_idp::Algorithm,
}

/// What to ask a running dev-idp.
#[derive(Debug, Subcommand)]
pub enum DevIdpAsk {
    /// Prints an access token of alice or bob (direct grant; for development)
    Token {
        /// The person
        person: String,
        /// The provider
        #[arg(long, env = "DASVID_ISSUER", default_value = "http://127.0.0.1:8090", value_name = "URL")]
        issuer: Url,
        /// OAuth scopes
        #[arg(long, default_value = "openid accounts.read payments.write")]
        scope: String,
    },
}

/// `dasvid check-config`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  dasvid check-config target-wl config/target-wl.toml")]
pub struct CheckConfig {
    /// Whose configuration
    pub workload: WorkloadName,
    /// The file (TOML)
    pub file: PathBuf,
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
}
