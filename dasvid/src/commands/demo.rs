//! `dasvid demo`: the bank, for a browser or for the story.

use std::process::ExitCode;

use super::dev::until_signal;
use super::journey::{finish, tell};
use crate::cli::Demo;
use crate::demo::{Bank, Settings, log};
use crate::{journey, output};

/// Runs the bank until Ctrl-C, or through the story.
pub(super) async fn run(arguments: &Demo) -> anyhow::Result<ExitCode> {
    log::init(!arguments.journey);
    let settings = Settings {
        middle_tiers: arguments.middle_tiers,
        dir: arguments.dir.clone(),
        listen: arguments.listen,
        verification: arguments.verification,
        idp_alg: arguments.idp_alg,
        usual_ports: !arguments.journey,
    };
    let bank = Bank::start(&settings).await?;
    let code = if arguments.journey { story(&bank, arguments.json).await } else { serve(&bank).await };
    let is_clean = bank.shutdown().await;
    if !is_clean {
        output::note("dasvid: requests were still under way");
    }
    code
}

async fn story(bank: &Bank, json: bool) -> anyhow::Result<ExitCode> {
    output::note(&format!("ready after {:.0} ms", bank.ready_ms));
    let mut story = journey::run(&bank.place, tell).await?;
    story.ready_ms = Some(bank.ready_ms);
    finish(&story, json)
}

async fn serve(bank: &Bank) -> anyhow::Result<ExitCode> {
    output::line(&bank.table())?;
    until_signal().await?;
    output::note("stopping");
    Ok(ExitCode::SUCCESS)
}
