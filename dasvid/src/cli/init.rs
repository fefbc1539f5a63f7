//! The words of `dasvid init`.

use std::path::PathBuf;

use clap::Args;

/// `dasvid init`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  dasvid init secrets --owner spire-server=1000 --owner postgres=999

The folder `vault` holds everything; keep a copy of it, and show it to no service. Each other folder is one service's.")]
pub struct InitCommand {
    /// The folder; made when absent
    pub dir: PathBuf,
    /// Give a service's folder to a user
    #[arg(long = "owner", value_name = "SERVICE=UID", value_parser = owner)]
    pub owners: Vec<(String, u32)>,
    /// The trust domain
    #[arg(long, default_value = "bank.example")]
    pub trust_domain: String,
    /// The name SPIRE's agent attests with
    #[arg(long, default_value = "compose-node")]
    pub node: String,
    /// The host name of the database server
    #[arg(long, default_value = "postgres")]
    pub postgres: String,
    /// The host name of the identity provider
    #[arg(long, default_value = "keycloak")]
    pub keycloak: String,
}

fn owner(text: &str) -> Result<(String, u32), String> {
    let pair = text.split_once('=').and_then(|(name, uid)| Some((name.to_owned(), uid.parse().ok()?)));
    pair.ok_or_else(|| "expected SERVICE=UID, such as postgres=999".to_owned())
}
