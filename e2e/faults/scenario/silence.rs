//! asserting-wl away for longer than verifiers do without its list of revocations.

use std::time::Duration;

use tokio::time::sleep;

use super::Options;
use super::identity::until;
use crate::driver::browser::Browser;
use crate::driver::order::{Kind, Order};
use crate::driver::outcome::{Log, Outcome};
use crate::driver::visitor::Visitor;
use crate::lab::process::SOON;
use crate::lab::{Lab, person};
use crate::report::{Report, millis};

/// How long verifiers do without a list here.
const MAX_SILENCE: Duration = Duration::from_secs(4);

/// Takes every replica of asserting-wl away for longer than `max_silence`, and brings them back.
///
/// # Errors
/// The bank cannot be run.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new(&format!("silence: asserting-wl away beyond max_silence of {}", millis(MAX_SILENCE)));
    let mut lab = Lab::start(&super::Settings { max_silence: MAX_SILENCE, ..options.settings() }).await?;
    let browser = Browser::new(Duration::from_secs(25), None)?;
    let mut alice = Visitor::new(0, person("alice"), lab.front.clone(), browser, Log::new());
    anyhow::ensure!(alice.sign_in().await.is_done(), "alice cannot sign in");
    let opened = pay(&mut alice, 1).await;
    anyhow::ensure!(opened.is_done(), "alice cannot pay: {opened:?}");
    // Verifiers have a list that is younger than the DA-SVID.
    sleep(Duration::from_millis(2500)).await;
    for process in lab.of("asserting-wl") {
        process.kill().await?;
    }
    let (paid, seen) = (pay(&mut alice, 2).await, alice.balance().await);
    report.check("at first a payment passes", paid.is_done(), paid.label());
    report.check("at first a balance is shown", seen.is_ok(), format!("{seen:?}"));
    sleep(MAX_SILENCE + Duration::from_secs(2)).await;
    let (paid, seen) = (pay(&mut alice, 3).await, alice.balance().await.map_or_else(|no| no, |_| Outcome::Done));
    report.check("beyond it a payment is answered 503", is_unavailable(&paid), paid.label());
    report.check("and a balance with a DA-SVID as old as the silence", is_unavailable(&seen), seen.label());
    let unready = lab.unready().await;
    report.figure("not ready meanwhile", unready.join(", "));
    lab.up().await?;
    let mut amount = 4;
    let back = until(SOON, async || {
        amount += 1;
        pay(&mut alice, amount).await.is_done()
    });
    let back = back.await;
    report.check("back without a restart of anybody else", back.is_some(), "payments do not pass");
    report.figure("payments pass again after", millis(back.unwrap_or_default()));
    lab.down().await?;
    Ok(report)
}

async fn pay(alice: &mut Visitor, minor: u64) -> Outcome {
    alice.send(&mut Order::new("alice", Kind::Deposit, minor)).await
}

fn is_unavailable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { status: 503, problem: Some(problem), .. } if problem == "unavailable")
}
