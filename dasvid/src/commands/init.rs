//! `dasvid init`: the keys, certificates and passwords of a new deployment.

use std::process::ExitCode;

use chassis::{Clock as _, SystemClock};
use time::OffsetDateTime;

use crate::cli::InitCommand;
use crate::init::Init;
use crate::output;

/// Makes them once.
pub(super) fn run(arguments: InitCommand) -> anyhow::Result<ExitCode> {
    let now = OffsetDateTime::from_unix_timestamp(i64::try_from(SystemClock.now().0)?)?;
    let init = Init {
        dir: arguments.dir,
        trust_domain: arguments.trust_domain,
        node: arguments.node,
        postgres: arguments.postgres,
        keycloak: arguments.keycloak,
        owners: arguments.owners.into_iter().collect(),
    };
    init.run(now)?;
    output::note(&format!("everything is in {}", init.dir.display()));
    Ok(ExitCode::SUCCESS)
}
