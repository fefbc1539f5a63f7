//! `dasvid check-config`: workloads' settings, without starting any.

use std::path::Path;
use std::process::ExitCode;

use chassis::config::{self, Sources};
use chassis::{ConfigError, Workload};
use clap::ValueEnum as _;

use crate::cli::{CheckConfig, WorkloadName};
use crate::output;

/// A configuration that is wrong (`EX_USAGE`).
const BAD_CONFIG: u8 = 64;

/// Says whether the files are valid; exit code 64 at the first that is not.
pub(super) fn run(arguments: &CheckConfig) -> anyhow::Result<ExitCode> {
    for pair in arguments.pairs.chunks(2) {
        let valid = match pair {
            [workload, file] => check_one(workload, Path::new(file)),
            _ => Err("every workload needs its file".to_owned()),
        };
        match valid {
            Ok(name) => output::line(&format!("{name}: the configuration is valid"))?,
            Err(problem) => {
                output::note(&format!("dasvid: {problem}"));
                return Ok(ExitCode::from(BAD_CONFIG));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check_one(workload: &str, file: &Path) -> Result<&'static str, String> {
    let known = |_| {
        format!("{workload:?} is no workload: subject-wl, asserting-wl, middle-tier or target-wl; nor is it dev-spire")
    };
    let checked = match WorkloadName::from_str(workload, false).map_err(known)? {
        WorkloadName::SubjectWl => check::<subject_wl::SubjectWl>(file),
        WorkloadName::AssertingWl => check::<asserting_wl::AssertingWl>(file),
        WorkloadName::MiddleTier => check::<middle_tier::MiddleTier>(file),
        WorkloadName::TargetWl => check::<target_wl::TargetWl>(file),
        WorkloadName::DevSpire => {
            return dev_spire::Config::load(file).map(|_| "dev-spire").map_err(|error| error.to_string());
        }
    };
    checked.map_err(|error| error.to_string())
}

fn check<W: Workload>(file: &Path) -> Result<&'static str, ConfigError> {
    let loaded = config::load::<W::Config>(W::NAME, &Sources::ambient(Some(file)))?;
    W::check(&loaded.workload)?;
    Ok(W::NAME)
}
