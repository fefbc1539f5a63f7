//! `dasvid mint`: an OAuth access token for a DA-SVID.

use std::process::ExitCode;

use anyhow::ensure;
use token::Mode;

use crate::cli::{Asserting, Mint};
use crate::outgoing::Outgoing;
use crate::teller::{Teller, Wanted};
use crate::{input, output};

/// Mints and prints the chain.
pub(super) async fn run(arguments: &Mint) -> anyhow::Result<ExitCode> {
    let access_token = input::text(&arguments.access_token)?;
    let mode = Mode::from(arguments.mode);
    ensure!(arguments.bind.is_none() || mode == Mode::Plain, "--bind is for plain mode; the links of a chain bind it");
    let rqd = match &arguments.bind {
        Some(request) => Some(Outgoing::parse(request)?.rqd()?.to_string()),
        None => None,
    };
    let wanted = Wanted { audience: arguments.audience.clone(), scope: arguments.scope.clone(), rqd };
    let chain = connect(&arguments.asserting).await?.mint(mode, &access_token, &wanted).await?;
    output::line(&chain.render(arguments.bare)?)?;
    Ok(ExitCode::SUCCESS)
}

/// This process as a workload, with its way to asserting-wl.
pub(super) async fn connect(asserting: &Asserting) -> anyhow::Result<Teller> {
    let socket = asserting.socket.socket.as_deref();
    Teller::connect(socket, &asserting.asserting_url, asserting.asserting_id.as_ref()).await
}
