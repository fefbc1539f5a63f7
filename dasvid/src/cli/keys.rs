//! `dasvid keys` and `dasvid revoke`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Asserting;

/// `dasvid keys`.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  dasvid keys --alg ES256 > jwks.json                    what asserting-wl publishes
  dasvid keys list --config asserting-wl.toml            what its store holds, and until when
  dasvid keys rotate --config asserting-wl.toml          another key, without a failed request
  dasvid keys retire --config asserting-wl.toml KID      after a theft: everything it signed dies"
)]
pub struct Keys {
    /// What to do; `show` when not given.
    #[command(subcommand)]
    pub command: Option<KeysCommand>,
    #[command(flatten)]
    #[doc(hidden)]
    pub show: ShowKeys,
}

/// What `dasvid keys` does.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Prints the public keys asserting-wl publishes (JWKS)
    #[command(after_help = "Example:\n  dasvid keys show --alg ES256 > jwks.json")]
    Show(ShowKeys),
    /// Lists the keys in asserting-wl's store: kind, algorithm, state, since when, until when
    List(ListKeys),
    /// Makes another key: published at once, it signs when every verifier has it; no request fails
    Rotate(RotateKeys),
    /// Takes a key out of use at once: everything it signed is refused everywhere
    Retire(RetireKey),
}

/// `dasvid keys show`.
#[derive(Args, Debug)]
pub struct ShowKeys {
    /// Only keys of this algorithm, for JOSE libraries that refuse a set with others
    #[arg(long)]
    pub alg: Option<String>,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}

/// Which store asserting-wl's replicas share, and the key that seals what is in it.
#[derive(Args, Debug)]
pub struct AtStore {
    /// asserting-wl's settings; its environment counts too
    #[arg(long, value_name = "FILE", conflicts_with_all = ["store", "seal_key"])]
    pub config: Option<PathBuf>,
    /// Instead of its settings: the address of its store (a password belongs into the settings' environment, not here)
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// With --store: the file with the sealing key; beside a SQLite database when not given
    #[arg(long, value_name = "FILE", requires = "store")]
    pub seal_key: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `dasvid keys list`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  dasvid keys list --config asserting-wl.toml
  dasvid keys list --store sqlite:///var/lib/dasvid/asserting-wl.db --json")]
pub struct ListKeys {
    #[command(flatten)]
    #[doc(hidden)]
    pub at: AtStore,
}

/// `dasvid keys rotate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Without --now the present keys go on signing until every verifier has the new ones: keys.publish_before and a minute. They
stay published until everything they signed has expired. Nothing fails, and asking twice changes nothing.

With --now the new keys sign at once, and keys that waited for their turn are refused. Until a verifier has fetched them
(dasvid's own do when they meet a key they do not know, at most every 3 seconds; other libraries when their cache of /keys
ends, a minute) it refuses what is minted. What was minted before stays valid: `dasvid keys retire` ends that.

Examples:
  dasvid keys rotate --config asserting-wl.toml
  dasvid keys rotate --kind jose --now --store postgres://dasvid@db/asserting --seal-key seal.key")]
pub struct RotateKeys {
    /// Only keys of this kind
    #[arg(long, value_enum)]
    pub kind: Option<KindArg>,
    /// In an emergency: sign with the new keys at once, although no verifier has them
    #[arg(long)]
    pub now: bool,
    #[command(flatten)]
    #[doc(hidden)]
    pub at: AtStore,
}

/// `dasvid keys retire`.
#[derive(Args, Debug)]
#[command(after_help = "\
/keys shows it no longer, and every verifier hears within about a second that whatever it signed is revoked: DA-SVIDs under
way are refused and must be minted again. If it was the key that signs, a fresh one signs at once, as with `rotate --now`.

Example:
  dasvid keys retire --config asserting-wl.toml NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
pub struct RetireKey {
    /// The key's `kid`, as `dasvid keys list` shows it
    #[arg(allow_hyphen_values = true)]
    pub kid: String,
    #[command(flatten)]
    #[doc(hidden)]
    pub at: AtStore,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// Signs plain and ID roots, and the list of revocations
    Jose,
    /// Signs anonymous roots
    Schnorr,
}

/// `dasvid revoke`.
#[derive(Args, Debug)]
#[command(after_help = "\
With --minted-before it is asserting-wl's operator who speaks, at its store: every DA-SVID it minted before that moment is
refused by every verifier within about a second, whoever asked for it. Logins live: front ends mint anew, after one round
to the identity provider at most.

Examples:
  dasvid revoke chain.json                                              as a workload of the chain
  dasvid revoke --minted-before now --config asserting-wl.toml          as the operator, after a theft
  dasvid revoke --minted-before 2026-11-25T02:00:00Z --store sqlite:///var/lib/dasvid/asserting-wl.db")]
pub struct Revoke {
    /// The chain: a file (bare, or the JSON other commands print), or - for standard input
    #[arg(required_unless_present = "minted_before")]
    pub chain: Option<PathBuf>,
    /// Instead of a chain: everything asserting-wl minted before this moment (RFC 3339, Unix seconds, or now)
    #[arg(long, value_name = "TIME", conflicts_with = "chain")]
    pub minted_before: Option<String>,
    #[command(flatten)]
    #[doc(hidden)]
    pub at: AtStore,
    #[command(flatten)]
    pub(crate) asserting: Asserting,
}
