//! PostgreSQL restarted and killed under load.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Options, described, failures, judge};
use crate::driver::outcome::{Outcome, Record};
use crate::lab::postgres::Ending;
use crate::lab::{Lab, StoreKind};
use crate::report::{Report, millis};

/// How long the server stays away.
const AWAY: Duration = Duration::from_secs(2);
/// How long after the server's return the bank must be paid again.
const BACK: Duration = Duration::from_secs(15);

/// Ends the server `rounds` times, as it should end and at once in turn, and starts it again.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn run(options: &Options, rounds: usize) -> anyhow::Result<Report> {
    let mut report = Report::new(&format!("postgres-restart: {rounds} times"));
    let mut lab = Lab::start(&super::Settings { store: StoreKind::Postgres, ..options.settings() }).await?;
    let load = options.load(&lab).await?;
    let Some(cluster) = &lab.cluster else { anyhow::bail!("there is no server to restart") };
    let (mut slowest, mut stuck) = (Duration::ZERO, 0);
    let mut absences = Vec::new();
    for round in 0..rounds {
        let ending = if round % 2 == 0 { Ending::Fast } else { Ending::Immediate };
        let from = load.elapsed();
        cluster.end(ending).await?;
        sleep(AWAY).await;
        cluster.begin().await?;
        let (begun, before) = (Instant::now(), load.acknowledged());
        while load.acknowledged() == before && begun.elapsed() < BACK {
            sleep(Duration::from_millis(20)).await;
        }
        stuck += usize::from(load.acknowledged() == before);
        slowest = slowest.max(begun.elapsed());
        // What was asked just before is answered a moment later.
        sleep(Duration::from_secs(2)).await;
        absences.push((from, load.elapsed()));
    }
    let mut died = Vec::new();
    for process in &mut lab.processes {
        if !process.is_alive() {
            died.push(process.name.clone());
        }
    }
    let tally = load.stop().await;
    report.requests(&tally.records);
    report.figure("slowest first payment after its return", millis(slowest));
    report.promise("paid again within 15 s of its return", stuck);
    report.check("no process ended", died.is_empty(), died.join(", "));
    let failed = failures(&tally.records);
    let is_503 = |record: &&&Record| matches!(record.outcome, Outcome::Refused { status: 503, .. });
    report.figure("answered 503", failed.iter().filter(is_503).count());
    let otherwise: Vec<_> = failed.iter().filter(|record| !is_503(record)).copied().collect();
    report.check("every failure is 503 unavailable", otherwise.is_empty(), described(&otherwise));
    let apart = |record: &&&Record| !absences.iter().any(|(from, to)| record.ended() >= *from && record.begun <= *to);
    let apart: Vec<_> = failed.iter().filter(apart).copied().collect();
    report.check("failures only while it was away", apart.is_empty(), described(&apart));
    judge(&lab, &tally, &mut report).await?;
    lab.down().await?;
    Ok(report)
}
