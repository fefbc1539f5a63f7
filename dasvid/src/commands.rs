//! The commands, one module each.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::{Cli, Command};
use crate::output;

mod append;
mod ask;
mod call;
mod check_config;
mod demo;
mod dev;
mod init;
mod inspect;
mod journey;
mod judge;
mod keys;
mod manpages;
mod mint;
mod new;
mod policy;
mod svid;
mod verify;

/// Does what a command says.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "dasvid", &mut script);
            output::line(String::from_utf8_lossy(&script).trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Manpages { dir } => manpages::run(&dir),
        Command::CheckConfig(arguments) => check_config::run(&arguments),
        Command::Init(arguments) => init::run(arguments),
        Command::Policy(arguments) => policy::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        other => tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(online(other)),
    }
}

/// The commands that speak to someone.
async fn online(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(arguments) => demo::run(&arguments).await,
        Command::Journey(arguments) => journey::run(&arguments).await,
        Command::Mint(arguments) => mint::run(&arguments).await,
        Command::Inspect(arguments) => inspect::run(&arguments).await,
        Command::Append(arguments) => append::run(&arguments).await,
        Command::Verify(arguments) => verify::run(&arguments).await,
        Command::Validate(arguments) => ask::validate(&arguments).await,
        Command::Revoke(arguments) => ask::revoke(&arguments).await,
        Command::Introspect(arguments) => ask::introspect(&arguments).await,
        Command::Keys(arguments) => keys::run(&arguments).await,
        Command::Call(arguments) => call::run(&arguments).await,
        Command::Svid(arguments) => svid::run(&arguments).await,
        Command::DevSpire(arguments) => dev::spire(&arguments).await,
        Command::DevIdp(arguments) => dev::idp(&arguments).await,
        Command::DevTraces(arguments) => dev::traces(&arguments).await,
        // Cannot fail: `run` has taken these.
        Command::Completions { .. }
        | Command::Manpages { .. }
        | Command::CheckConfig(_)
        | Command::Init(_)
        | Command::Policy(_)
        | Command::New(_) => Ok(ExitCode::SUCCESS),
    }
}
