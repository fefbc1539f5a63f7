//! `dasvid check-config`: a workload's settings, without starting it.

use std::path::Path;
use std::process::ExitCode;

use chassis::config::{self, Sources};
use chassis::{ConfigError, Workload};

use crate::cli::{CheckConfig, WorkloadName};
use crate::output;

/// A configuration that is wrong (`EX_USAGE`).
const BAD_CONFIG: u8 = 64;

/// Says whether the file is valid; exit code 64 when it is not.
pub(super) fn run(arguments: &CheckConfig) -> anyhow::Result<ExitCode> {
    let file = &arguments.file;
    let checked = match arguments.workload {
        WorkloadName::SubjectWl => check::<subject_wl::SubjectWl>(file),
        WorkloadName::AssertingWl => check::<asserting_wl::AssertingWl>(file),
        WorkloadName::MiddleTier => check::<middle_tier::MiddleTier>(file),
        WorkloadName::TargetWl => check::<target_wl::TargetWl>(file),
    };
    match checked {
        Ok(name) => {
            output::line(&format!("{name}: the configuration is valid"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            output::note(&format!("dasvid: {error}"));
            Ok(ExitCode::from(BAD_CONFIG))
        }
    }
}

fn check<W: Workload>(file: &Path) -> Result<&'static str, ConfigError> {
    let loaded = config::load::<W::Config>(W::NAME, &Sources::ambient(Some(file)))?;
    W::check(&loaded.workload)?;
    Ok(W::NAME)
}
