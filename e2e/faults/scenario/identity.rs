//! What the Workload API does while requests run: rotation, a new CA, an absence, a withdrawal.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Options, described, failures, judge};
use crate::driver::Load;
use crate::driver::browser::Browser;
use crate::driver::outcome::Log;
use crate::driver::visitor::Visitor;
use crate::lab::process::SOON;
use crate::lab::{IDENTITIES, Lab, id, person};
use crate::report::{Report, millis};

/// How old connections get while identities are withdrawn.
const MAX_AGE: Duration = Duration::from_secs(3);

/// Runs `fault` under load; no request may fail.
async fn unnoticed(
    options: &Options,
    mut report: Report,
    fault: impl AsyncFnOnce(&Lab, &Load, &mut Report) -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let mut lab = Lab::start(&options.settings()).await?;
    let load = options.load(&lab).await?;
    let before = load.records().len();
    fault(&lab, &load, &mut report).await?;
    let during = load.records().len() - before;
    let unready = lab.unready().await;
    let tally = load.stop().await;
    let failures = failures(&tally.records);
    report.requests(&tally.records);
    report.check("requests ran meanwhile", during > 10, during);
    report.check("no request failed", failures.is_empty(), described(&failures));
    report.check("everybody is ready", unready.is_empty(), unready.join(", "));
    judge(&lab, &tally, &mut report).await?;
    lab.down().await?;
    Ok(report)
}

/// Issues every SVID anew, again and again.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn rotate_svids(options: &Options, every: Duration, length: Duration) -> anyhow::Result<Report> {
    let report = Report::new(&format!("rotate-svid: every {every:?} for {length:?}"));
    unnoticed(options, report, async |lab, _, report| {
        let (begun, mut rotations) = (Instant::now(), 0);
        while begun.elapsed() < length {
            lab.spire.rotate()?;
            rotations += 1;
            sleep(every).await;
        }
        report.figure("rotations", rotations);
        Ok(())
    })
    .await
}

/// Makes a new CA, `times` times.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn rotate_ca(options: &Options, times: u32) -> anyhow::Result<Report> {
    let report = Report::new(&format!("rotate-ca: {times} times"));
    unnoticed(options, report, async |lab, _, report| {
        for _ in 0..times {
            lab.spire.rotate_ca().await?;
            sleep(Duration::from_secs(2)).await;
        }
        report.figure("new authorities", times);
        Ok(())
    })
    .await
}

/// Takes the Workload API away for `length`.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn agent_away(options: &Options, length: Duration) -> anyhow::Result<Report> {
    let report = Report::new(&format!("agent-away: for {length:?}"));
    unnoticed(options, report, async |lab, _, report| {
        lab.spire.set_available(false);
        let (begun, mut worst) = (Instant::now(), 0);
        while begun.elapsed() < length {
            worst = worst.max(lab.unready().await.len());
            sleep(Duration::from_millis(250)).await;
        }
        lab.spire.set_available(true);
        report.check("everybody stayed ready", worst == 0, format!("{worst} were not"));
        sleep(Duration::from_secs(1)).await;
        Ok(())
    })
    .await
}

/// Withdraws each identity in turn and gives it back.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn withdraw(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new(&format!("withdraw: each identity, connections at most {} old", millis(MAX_AGE)));
    let mut lab = Lab::start(&super::Settings { max_age: MAX_AGE, ..options.settings() }).await?;
    let mut alice = visitor(&lab)?;
    anyhow::ensure!(alice.sign_in().await.is_done(), "alice cannot sign in");
    for name in IDENTITIES {
        anyhow::ensure!(serves(&mut alice, name).await, "the bank does not serve alice");
        lab.spire.withdraw(&id(name)?);
        let begun = Instant::now();
        let mut last = begun.elapsed();
        let refused = until(SOON, async || {
            last = begun.elapsed();
            !serves(&mut alice, name).await
        });
        let refused = refused.await;
        report.check(format!("{name}: serves nobody"), refused.is_some(), "it goes on");
        report.figure(format!("{name}: serves nobody after"), millis(last));
        report.figure(format!("{name}: which is told within"), millis(begun.elapsed().saturating_sub(last)));
        let unready = until(SOON, async || lab.unready().await.iter().any(|unready| unready == name)).await;
        report.check(format!("{name}: not ready"), unready.is_some(), "it stays ready");
        lab.spire.restore(&id(name)?);
        let begun = Instant::now();
        lab.ready(SOON).await?;
        let back = until(SOON, async || serves(&mut alice, name).await).await;
        report.check(format!("{name}: back without a restart"), back.is_some(), "it does not serve");
        report.figure(format!("{name}: back after"), millis(begun.elapsed()));
    }
    lab.down().await?;
    Ok(report)
}

/// Whether what this workload does is done: asserting-wl mints, everybody else passes a balance on.
async fn serves(alice: &mut Visitor, name: &str) -> bool {
    if name == "asserting-wl" {
        // Only in plain mode does every payment need a DA-SVID of its own; another sign-in needs one in any mode.
        if !alice.sign_in().await.is_done() {
            return false;
        }
    }
    let answer = alice.balance().await;
    sleep(Duration::from_millis(50)).await;
    match answer {
        Ok(_) => true,
        // Nobody has an account here, and the target says so.
        Err(outcome) => outcome.label().contains("unknown-account"),
    }
}

fn visitor(lab: &Lab) -> anyhow::Result<Visitor> {
    let browser = Browser::new(Duration::from_secs(25), None)?;
    Ok(Visitor::new(0, person("alice"), lab.front.clone(), browser, Log::new()))
}

/// Waits until something is so; how long that took, none if it did not within `limit`.
pub(crate) async fn until(limit: Duration, mut is_so: impl AsyncFnMut() -> bool) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if is_so().await {
            return Some(begun.elapsed());
        }
        sleep(Duration::from_millis(20)).await;
    }
    None
}
