//! The `dasvid` program.

use std::process::ExitCode;

use clap::Parser as _;
use dasvid::cli::Cli;

fn main() -> ExitCode {
    match dasvid::run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            dasvid::output::note(&format!("dasvid: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
