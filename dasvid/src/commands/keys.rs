//! `dasvid keys`: asserting-wl's public keys.

use std::process::ExitCode;

use serde_json::Value;

use super::mint::connect;
use crate::cli::Keys;
use crate::output;

/// Prints the JWKS.
pub(super) async fn run(arguments: &Keys) -> anyhow::Result<ExitCode> {
    let jwks = connect(&arguments.asserting).await?.jwks(arguments.alg.as_deref()).await?;
    output::json(&serde_json::from_slice::<Value>(&jwks)?)?;
    Ok(ExitCode::SUCCESS)
}
