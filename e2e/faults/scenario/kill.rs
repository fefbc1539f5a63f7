//! kill -9 of each process in turn under load.
//!
//! Only requests in flight on the killed process may fail, and each cleanly. What is away alone, without a replica, may
//! fail what is asked of it meanwhile too.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Options, described, failures, judge};
use crate::driver::browser::Browser;
use crate::driver::outcome::{Log, Outcome, Record};
use crate::driver::visitor::Visitor;
use crate::lab::process::SOON;
use crate::lab::{Lab, person};
use crate::report::{Report, millis};

/// How long a killed process stays away before it is started again.
const AWAY: Duration = Duration::from_millis(200);
/// How long the load runs undisturbed between two kills.
const PEACE: Duration = Duration::from_millis(250);
/// How far clocks of record and kill may be apart, and how long a broken connection takes to be noticed.
const SLACK: Duration = Duration::from_millis(250);

/// When a process was away.
#[derive(Clone, Debug)]
struct Absence {
    name: String,
    identity: String,
    /// Whether another replica is there meanwhile.
    is_covered: bool,
    from: Duration,
    to: Duration,
}

/// How a failure is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
    /// It was under way when a process was killed.
    InFlight,
    /// It began while a process without replica was away.
    Away,
    /// A session that the front end had in its memory.
    Session,
    /// Nothing explains it.
    None,
}

/// Kills each process `rounds` times.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn run(options: &Options, rounds: usize) -> anyhow::Result<Report> {
    let mut report = Report::new(&format!("kill: each process {rounds} times, {:?}", options.store));
    let mut lab = Lab::start(&options.settings()).await?;
    let load = options.load(&lab).await?;
    let leaving = Leaving::start(&lab);
    let mut absences = Vec::new();
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds {
        for process in &mut lab.processes {
            sleep(PEACE).await;
            let from = load.elapsed();
            process.kill().await?;
            sleep(AWAY).await;
            process.start()?;
            slowest = slowest.max(process.ready(SOON).await?);
            absences.push(Absence {
                name: process.name.clone(),
                identity: process.identity.clone(),
                is_covered: options.replicas > 1 && process.identity != "subject-wl",
                from,
                to: load.elapsed(),
            });
        }
    }
    sleep(PEACE).await;
    leaving.stop().await;
    let tally = load.stop().await;
    report.figure("processes killed", absences.len());
    report.figure("slowest restart until ready", millis(slowest));
    report.requests(&tally.records);
    explain(&tally.records, &absences, &mut report);
    judge(&lab, &tally, &mut report).await?;
    lab.down().await?;
    Ok(report)
}

/// Finds for every failure the kill that explains it.
fn explain(records: &[Record], absences: &[Absence], report: &mut Report) {
    let mut causes: BTreeMap<Cause, usize> = BTreeMap::new();
    let (mut unexplained, mut unclean) = (Vec::new(), Vec::new());
    let mut by_process: BTreeMap<&str, usize> = BTreeMap::new();
    for failure in failures(records) {
        let (cause, absence) = cause(failure, absences);
        *causes.entry(cause).or_default() += 1;
        if let Some(absence) = absence {
            *by_process.entry(&absence.name).or_default() += 1;
        }
        if cause == Cause::None {
            unexplained.push(failure);
        }
        let is_front = absence.is_some_and(|absence| absence.identity == "subject-wl");
        let is_cut_off = is_front && matches!(failure.outcome, Outcome::Broken { .. });
        if !failure.outcome.is_clean() && !is_cut_off {
            unclean.push(failure);
        }
    }
    for (cause, what) in [
        (Cause::InFlight, "failed in flight on a killed process"),
        (Cause::Away, "failed while a process without replica was away"),
        (Cause::Session, "signed out with the front end's memory"),
    ] {
        report.figure(what, causes.get(&cause).copied().unwrap_or(0));
    }
    for (name, count) in by_process {
        report.figure(format!("  at kills of {name}"), count);
    }
    report.check("only requests of killed processes fail", unexplained.is_empty(), described(&unexplained));
    report.check("each failure is clean", unclean.is_empty(), described(&unclean));
}

fn cause<'a>(failure: &Record, absences: &'a [Absence]) -> (Cause, Option<&'a Absence>) {
    let overlaps = |absence: &&Absence| failure.begun <= absence.to + SLACK && failure.ended() >= absence.from;
    if failure.outcome == Outcome::SignedOut {
        let front =
            absences.iter().rfind(|absence| absence.identity == "subject-wl" && absence.from <= failure.ended());
        return (if front.is_some() { Cause::Session } else { Cause::None }, None);
    }
    // Only the front end's own death breaks a browser's connection.
    let is_front =
        |absence: &&Absence| absence.identity == "subject-wl" || !matches!(failure.outcome, Outcome::Broken { .. });
    let around: Vec<_> = absences.iter().filter(overlaps).filter(is_front).collect();
    if let Some(absence) = around.iter().find(|absence| failure.begun <= absence.from + SLACK) {
        return (Cause::InFlight, Some(absence));
    }
    match around.iter().find(|absence| !absence.is_covered) {
        Some(absence) => (Cause::Away, Some(absence)),
        None => (Cause::None, None),
    }
}

/// Somebody who signs in and out again, so that there are logouts to lose.
struct Leaving {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Leaving {
    fn start(lab: &Lab) -> Self {
        let stop = CancellationToken::new();
        let front = lab.front.clone();
        let told = stop.clone();
        let log = Log::new();
        let task = tokio::spawn(async move {
            while !told.is_cancelled() {
                if let Ok(window) = Browser::new(SOON, None) {
                    let mut visitor = Visitor::new(0, person("bob"), front.clone(), window, log.clone());
                    if visitor.sign_in().await.is_done() {
                        visitor.sign_out().await;
                    }
                }
                sleep(Duration::from_millis(300)).await;
            }
        });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        // It ends after the visit under way.
        let _ = self.task.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::outcome::Action;

    fn absence(identity: &str, from: u64, to: u64, is_covered: bool) -> Absence {
        let [from, to] = [from, to].map(Duration::from_millis);
        Absence { name: identity.to_owned(), identity: identity.to_owned(), is_covered, from, to }
    }

    fn failure(begun: u64, took: u64, outcome: Outcome) -> Record {
        let [begun, took] = [begun, took].map(Duration::from_millis);
        Record { browser: 0, action: Action::Balance, begun, took, outcome }
    }

    #[test]
    fn a_failure_is_explained_by_the_kill_it_was_under_way_at() {
        let absences = [absence("target-wl", 1000, 2000, true), absence("subject-wl", 5000, 6000, false)];
        let of = |record: &Record| cause(record, &absences).0;
        assert_eq!(of(&failure(900, 200, Outcome::Hung)), Cause::InFlight);
        assert_eq!(of(&failure(1800, 100, Outcome::Hung)), Cause::None);
        assert_eq!(of(&failure(5500, 10, Outcome::Hung)), Cause::Away);
        assert_eq!(of(&failure(100, 10, Outcome::Hung)), Cause::None);
        assert_eq!(of(&failure(4000, 10, Outcome::SignedOut)), Cause::None);
        assert_eq!(of(&failure(9000, 10, Outcome::SignedOut)), Cause::Session);
    }
}
