//! `dasvid journey`: the story at a bank that is already up.

use std::process::ExitCode;

use token::Mode;

use crate::cli::Journey;
use crate::journey::{self, Step, Story};
use crate::output;
use crate::place::Place;

/// Tells the story; exit code 1 when a step went wrong.
pub(super) async fn run(arguments: &Journey) -> anyhow::Result<ExitCode> {
    let place = Place::read(&arguments.bank)?;
    let story = journey::run(&place, tell).await?;
    finish(&story, arguments.json)
}

/// One line a step, for whoever watches.
pub(super) fn tell(mode: Mode, step: &Step) {
    let mark = if step.ok { "ok  " } else { "FAIL" };
    output::note(&format!("{mark} {:<9} {:<30} {:>8.1} ms  {}", mode.name(), step.step, step.ms, step.seen));
}

/// Prints the document and says by the exit code how the story ended.
pub(super) fn finish(story: &Story, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(story)?;
    }
    Ok(if story.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
