//! Generators and checks of the repository.
//!
//! One module a command; every generator takes `--check`, which compares and writes nothing.

mod attacks;
mod layers;
mod protobuf;

use clap::{Parser, Subcommand};

/// Generators and checks of the repository.
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generates `docs/attacks.md` from `e2e/attacks`, and checks that every attack has its tests.
    Attacks(attacks::Arguments),
    /// Generates `dev-spire/src/pb/workload.rs` from `dev-spire/proto/workload.proto`.
    Protobuf(protobuf::Arguments),
    /// Checks that dependency arrows between the workspace's crates point downwards only.
    Layers,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Attacks(arguments) => attacks::run(&arguments),
        Command::Protobuf(arguments) => protobuf::run(&arguments),
        Command::Layers => layers::run(),
    }
}
