//! `dasvid demo`: the bank, for a browser or for the story.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use super::dev::until_signal;
use super::journey::{finish, tell};
use crate::cli::Demo;
use crate::demo::{Bank, Settings};
use crate::{journey, output};

/// What the log shows while the bank runs for a browser: one line a request, and whatever goes wrong.
const BROWSER_LOG: &str = "warn,chassis::service=info";
/// What it shows during a story, which tells its own steps.
const STORY_LOG: &str = "error";

/// Runs the bank until Ctrl-C, or through the story.
pub(super) async fn run(arguments: &Demo) -> anyhow::Result<ExitCode> {
    log(if arguments.journey { STORY_LOG } else { BROWSER_LOG });
    let settings = Settings {
        middle_tiers: arguments.middle_tiers,
        dir: arguments.dir.clone(),
        listen: arguments.listen,
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

fn log(default: &str) {
    let filter = EnvFilter::try_from_env("DASVID_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A process that has a subscriber already keeps it.
    drop(subscriber.try_init());
}
