//! A clock that steps under a running process, by the library `faketime`.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use super::identity::until;
use super::{Options, described, failures, judge};
use crate::driver::outcome::{Outcome, Record};
use crate::lab::Lab;
use crate::lab::process::SOON;
use crate::report::{Report, millis};

/// How long a clock stays wrong.
const WRONG: Duration = Duration::from_secs(4);

/// Steps each verifier's clock forward and back, far and near.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("clock-step: the clock of target-wl, asserting-wl and middle-tier-1");
    let Some(library) = library() else {
        report.figure("not run", "the library faketime is not installed");
        return Ok(report);
    };
    let clocks = tempfile::tempdir()?;
    let mut lab = Lab::prepare(&super::Settings { replicas: 1, ..options.settings() }).await?;
    let names = ["target-wl", "asserting-wl", "middle-tier-1"];
    for name in names {
        let file = clocks.path().join(name);
        std::fs::write(&file, "+0")?;
        for process in lab.of(name) {
            process.environment = [
                ("LD_PRELOAD", library.display().to_string()),
                ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
                ("FAKETIME_CACHE_DURATION", "1".to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        }
    }
    lab.up().await?;
    let load = options.load(&lab).await?;
    let mut slowest = Duration::ZERO;
    for name in names {
        for step in ["+20", "+300", "-20", "-300"] {
            std::fs::write(clocks.path().join(name), step)?;
            sleep(WRONG).await;
            std::fs::write(clocks.path().join(name), "+0")?;
            sleep(Duration::from_secs(1)).await;
            let before = load.acknowledged();
            let back = until(SOON, async || load.acknowledged() > before + 2).await;
            report.check(format!("{name} {step} s: goes on with the right time"), back.is_some(), "no payment passes");
            slowest = slowest.max(back.unwrap_or_default());
        }
    }
    let alive = lab.processes.iter_mut().all(crate::lab::process::Process::is_alive);
    let tally = load.stop().await;
    report.requests(&tally.records);
    report.figure("slowest return", millis(slowest));
    report.check("no process ended", alive, "one has");
    let failed = failures(&tally.records);
    let unclean = failed.iter().filter(|record: &&&Record| !record.outcome.is_clean()).copied();
    let unclean: Vec<_> = unclean.collect();
    report.check("each failure is clean", unclean.is_empty(), described(&unclean));
    let hung = failed.iter().filter(|record| record.outcome == Outcome::Hung).count();
    report.promise("nothing hangs", hung);
    judge(&lab, &tally, &mut report).await?;
    lab.down().await?;
    Ok(report)
}

/// The library, where Debian puts it.
fn library() -> Option<PathBuf> {
    let architectures = std::fs::read_dir("/usr/lib").ok()?;
    let paths = architectures.filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")));
    paths.filter(|path| path.exists()).min()
}
