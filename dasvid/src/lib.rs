//! The command line of the suite: the demo, the journey, and a tool for every step of a chain's life.

pub mod cli;
mod commands;
pub mod demo;
pub mod folder;
pub mod init;
pub mod input;
pub mod journey;
pub mod outgoing;
pub mod output;
pub mod place;
pub mod proof;
pub mod references;
pub mod registry;
pub mod teller;

use std::process::ExitCode;

use cli::Cli;

/// Does what the command line says.
///
/// # Errors
/// What keeps it from being done; one line for the person.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    commands::run(cli.command)
}
