//! `dasvid manpages`: a manual page for every command, from the same words as `--help`.

use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::cli::Cli;
use crate::folder;

/// Writes the pages.
pub(super) fn run(dir: &Path) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(dir)?;
    let mut root = Cli::command().disable_help_subcommand(true);
    // Gives every subcommand its full name.
    root.build();
    write(dir, root)?;
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path, command: Command) -> anyhow::Result<()> {
    let commands: Vec<_> = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned().collect();
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let mut page = Vec::new();
    // The version changes every release; a page without it changes when its words do.
    Man::new(command.version(None::<&str>)).date("").render(&mut page)?;
    folder::write(&dir.join(format!("{name}.1")), &page, false)?;
    commands.into_iter().try_for_each(|command| write(dir, command))
}
