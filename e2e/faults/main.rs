//! The fault laboratory: the bank as processes of its own, under load, while something goes wrong; then the books are
//! held against what was acknowledged.
//!
//! `faults kill` kills every process again and again, `faults matrix` measures what works while a part is away, `faults
//! drive` loads any bank through its front door. Exit code 1: a promise was broken; 2: the scenario could not be run.

mod drive;
mod driver;
mod judge;
mod lab;
mod matrix;
mod report;
mod scenario;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use drive::Drive;
use lab::StoreKind;
use matrix::Matrix;
use report::Report;
use scenario::{Options, clock, config, disk, identity, kill, postgres, silence};

/// Breaks the bank, and says what held.
#[derive(Debug, Parser)]
#[command(name = "faults", version)]
struct Cli {
    /// The folder of built binaries.
    #[arg(long, value_name = "DIR", default_value = "target/release", global = true)]
    bin_dir: PathBuf,
    /// Where the workloads keep their state; PostgreSQL is a private cluster of the laboratory's own.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite, global = true)]
    store: StoreKind,
    /// Replicas of everything but the front end.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4), global = true)]
    replicas: u8,
    /// How many browsers ask at once.
    #[arg(long, default_value_t = 6, global = true)]
    browsers: usize,
    /// The pause between two actions of a browser, in milliseconds.
    #[arg(long, default_value_t = 20, global = true)]
    pause: u64,
    /// Print one line of JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Leave the folders with configurations, logs and databases behind.
    #[arg(long, global = true)]
    keep: bool,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// kill -9 of each process in turn
    Kill {
        /// How often each.
        #[arg(long, default_value_t = 1)]
        rounds: usize,
    },
    /// SVID rotation, faster than anybody does it
    RotateSvid {
        /// Milliseconds between two rotations.
        #[arg(long, default_value_t = 1000)]
        every: u64,
        /// Seconds in all.
        #[arg(long, default_value_t = 10)]
        length: u64,
    },
    /// A new CA, several times
    RotateCa {
        /// How often.
        #[arg(long, default_value_t = 3)]
        times: u32,
    },
    /// The Workload API away
    AgentAway {
        /// Seconds.
        #[arg(long, default_value_t = 20)]
        length: u64,
    },
    /// Each identity withdrawn and given back
    Withdraw,
    /// asserting-wl away for longer than verifiers do without it
    Silence,
    /// PostgreSQL restarted and killed
    PostgresRestart {
        /// How often.
        #[arg(long, default_value_t = 2)]
        rounds: usize,
    },
    /// A full disk under SQLite; needs root
    FullDisk,
    /// A disk that turns read-only under SQLite; needs root and a loop device
    ReadOnlyDisk,
    /// A clock that steps; needs the library faketime
    ClockStep,
    /// One wrong setting each
    BadConfig,
    /// What works while one part is away, as a table for a page
    Matrix(Matrix),
    /// Loads any bank through its front door
    Drive(Drive),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    mesh::install_crypto();
    let ran = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ran = ran.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(&cli)));
    match ran.and_then(|report| report.print(cli.json)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("faults: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(cli: &Cli) -> anyhow::Result<Report> {
    let options = Options {
        bin_dir: cli.bin_dir.clone(),
        store: cli.store,
        replicas: cli.replicas,
        browsers: cli.browsers,
        pause: Duration::from_millis(cli.pause),
        keep: cli.keep,
    };
    let (options, seconds) = (&options, Duration::from_secs);
    match &cli.scenario {
        Scenario::Kill { rounds } => kill::run(options, *rounds).await,
        Scenario::RotateSvid { every, length } => {
            identity::rotate_svids(options, Duration::from_millis(*every), seconds(*length)).await
        }
        Scenario::RotateCa { times } => identity::rotate_ca(options, *times).await,
        Scenario::AgentAway { length } => identity::agent_away(options, seconds(*length)).await,
        Scenario::Withdraw => identity::withdraw(options).await,
        Scenario::Silence => silence::run(options).await,
        Scenario::PostgresRestart { rounds } => postgres::run(options, *rounds).await,
        Scenario::FullDisk => disk::full(options).await,
        Scenario::ReadOnlyDisk => disk::read_only(options).await,
        Scenario::ClockStep => clock::run(options).await,
        Scenario::BadConfig => config::run(options).await,
        Scenario::Matrix(matrix) => matrix.run(options).await,
        Scenario::Drive(drive) => drive.run(options).await,
    }
}
