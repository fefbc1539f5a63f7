//! The parts a developer's machine lacks: `dev-spire` and `dev-idp`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use url::Url;

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
    /// The issuer, where browsers reach the provider under another address than it listens on
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Tell of logouts there (OpenID Connect Back-Channel Logout)
    #[arg(long, value_name = "URL")]
    pub backchannel_logout: Option<Url>,
    /// Listen on an address that others may reach: only in a container whose port is published on loopback
    #[arg(long)]
    pub danger_listen_anywhere: bool,
    /// Serve the same over https there too, for containers that cannot reach the browsers' loopback
    #[arg(long, value_name = "ADDR", requires = "tls_dir")]
    pub https: Option<SocketAddr>,
    /// The folder of tls.pem and tls.key, as `dasvid init` makes it
    #[arg(long, value_name = "DIR")]
    pub tls_dir: Option<PathBuf>,
    /// Whose tokens to imitate: rfc9068, keycloak, okta, entra or auth0; the issuer has that provider's path
    #[arg(long, default_value = "rfc9068")]
    pub shape: dev_idp::Shape,
    /// How tokens are signed: RS256, PS256, ES256 or `EdDSA`
    #[arg(long, default_value = "ES256")]
    pub alg: dev_idp::Algorithm,
}

/// `dasvid dev-traces`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  dasvid dev-traces --listen 127.0.0.1:4318
  OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 target-wl --config target-wl.toml")]
pub struct DevTracesCommand {
    /// Where to take OTLP over HTTP, and where the page is
    #[arg(long, default_value = "127.0.0.1:4318", value_name = "ADDR")]
    pub listen: SocketAddr,
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
