//! A full disk and one that turns read-only under SQLite, under load.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::identity::until;
use super::{Options, Settings, described, failures};
use crate::driver::outcome::{Action, Outcome, Record};
use crate::driver::{Load, Tally};
use crate::judge::{Books, judge_asserter, judge_bank};
use crate::lab::disk::{Disk, empty, fill, seen_from_here};
use crate::lab::process::Process;
use crate::lab::{Lab, StoreKind};
use crate::report::{Report, millis};

/// How large the disks are, in bytes.
const SIZE: u64 = 24 * 1024 * 1024;
/// How long a disk may take to be felt, and its mending.
const FELT: Duration = Duration::from_secs(20);

/// Fills target-wl's disk, then asserting-wl's, and makes room again.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn full(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("full-disk: SQLite on a small disk in a mount namespace");
    let disk = Disk::Memory { bytes: SIZE };
    let (mut lab, mount) = on_disk(options, &disk, &["target-wl", "asserting-wl"]).await?;
    let load = options.load(&lab).await?;
    for name in ["target-wl", "asserting-wl"] {
        let folder = folder_of(&mut lab, name, mount.path())?;
        let from = load.elapsed();
        fill(&folder)?;
        let felt = until(FELT, async || refusals(&load, from) > 0).await;
        sleep(Duration::from_secs(1)).await;
        let alive = lab.of(name).all(Process::is_alive);
        let (to, shown) = (load.elapsed(), done_since(&load, from, Action::Balance));
        empty(&folder)?;
        let before = load.acknowledged();
        let back = until(FELT, async || load.acknowledged() > before + 2).await;
        report.figure(format!("{name}: refuses after"), millis(felt.unwrap_or_default()));
        report.figure(format!("{name}: refused meanwhile"), refusals(&load, from));
        report.figure(format!("{name}: balances shown within {}", millis(to.saturating_sub(from))), shown);
        report.check(format!("{name}: a full disk is felt"), felt.is_some(), "nothing was refused");
        report.check(format!("{name}: alive"), alive, "it has ended");
        report.check(format!("{name}: goes on once there is room"), back.is_some(), "payments do not pass");
        // What was under way is over before the next disk fills.
        sleep(Duration::from_secs(2)).await;
    }
    let tally = load.stop().await;
    judge(&mut lab, mount.path(), &tally, &mut report).await?;
    lab.down().await?;
    Ok(report)
}

/// Turns target-wl's disk read-only, as a kernel does that finds an error; repairs it and starts target-wl again.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn read_only(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("read-only-disk: SQLite on a disk with an error");
    let images = tempfile::tempdir()?;
    let disk = Disk::image(&images.path().join("disk.img"), SIZE).await?;
    let (mut lab, mount) = on_disk(options, &disk, &["target-wl"]).await?;
    let load = options.load(&lab).await?;
    let from = load.elapsed();
    disk.break_down().await?;
    let felt = until(FELT, async || refusals(&load, from) > 0).await;
    sleep(Duration::from_secs(1)).await;
    let alive = lab.of("target-wl").all(Process::is_alive);
    let shown = done_since(&load, from, Action::Balance);
    report.figure("refuses after", millis(felt.unwrap_or_default()));
    report.figure("refused meanwhile", refusals(&load, from));
    report.figure("balances shown meanwhile", shown);
    report.check("a read-only disk is felt", felt.is_some(), "nothing was refused");
    report.check("alive", alive, "it has ended");
    for process in lab.of("target-wl") {
        process.stop().await?;
        disk.repair().await?;
    }
    lab.up().await?;
    let before = load.acknowledged();
    let back = until(FELT, async || load.acknowledged() > before + 2).await;
    report.check("goes on from the repaired disk", back.is_some(), "payments do not pass");
    let tally = load.stop().await;
    judge(&mut lab, mount.path(), &tally, &mut report).await?;
    lab.down().await?;
    Ok(report)
}

/// A bank in which these processes have the disk, and where it is mounted.
async fn on_disk(options: &Options, disk: &Disk, names: &[&str]) -> anyhow::Result<(Lab, tempfile::TempDir)> {
    let mount = tempfile::Builder::new().prefix("faults-disk-").tempdir()?;
    let settings =
        Settings { store: StoreKind::Sqlite, replicas: 1, disk: Some(mount.path().to_owned()), ..options.settings() };
    let mut lab = Lab::prepare(&settings).await?;
    for name in names {
        for process in lab.of(name) {
            process.wrapper = disk.wrapper(mount.path());
        }
    }
    lab.up().await?;
    Ok((lab, mount))
}

fn folder_of(lab: &mut Lab, name: &str, mount: &Path) -> anyhow::Result<PathBuf> {
    let pid = lab.of(name).find_map(|process| process.pid());
    let pid = pid.ok_or_else(|| anyhow::anyhow!("{name} does not run"))?;
    Ok(seen_from_here(pid, mount))
}

/// Payments and balances refused since then.
fn refusals(load: &Load, from: Duration) -> usize {
    let records: Vec<Record> = load.records().into_iter().filter(|record| record.begun >= from).collect();
    failures(&records).len()
}

fn done_since(load: &Load, from: Duration, action: Action) -> usize {
    let is_one = |record: &&Record| record.begun >= from && record.action == action && record.outcome.is_done();
    load.records().iter().filter(is_one).count()
}

/// Whatever failed was refused for want of a store, and the books are whole.
async fn judge(lab: &mut Lab, mount: &Path, tally: &Tally, report: &mut Report) -> anyhow::Result<()> {
    report.requests(&tally.records);
    let failed = failures(&tally.records);
    let otherwise = failed.iter().filter(|record| !is_for_want_of_a_store(&record.outcome)).copied();
    let otherwise: Vec<_> = otherwise.collect();
    report.check("every failure is a problem of 5xx", otherwise.is_empty(), described(&otherwise));
    let copies = tempfile::tempdir()?;
    let target = copy(&folder_of(lab, "target-wl", mount)?, "target-wl.sqlite", copies.path())?;
    let asserting = copy(&folder_of(lab, "asserting-wl", mount)?, "asserting-wl.sqlite", copies.path())?;
    judge_bank(&Books::open(&target).await?, &tally.orders, report).await?;
    judge_asserter(&Books::open(&asserting).await?, &lab.relay.taken(), report).await
}

/// Brings a database nobody writes to now here: SQLite itself does not find its way into another's file systems.
fn copy(from: &Path, name: &str, to: &Path) -> anyhow::Result<String> {
    for suffix in ["", "-wal"] {
        let file = format!("{name}{suffix}");
        if from.join(&file).exists() {
            std::fs::copy(from.join(&file), to.join(&file))?;
        }
    }
    Ok(format!("sqlite://{}", to.join(name).display()))
}

fn is_for_want_of_a_store(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { status: 500..=504, problem: Some(_), .. })
}
