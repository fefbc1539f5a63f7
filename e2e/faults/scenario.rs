//! What can go wrong, each under load, and what must hold meanwhile and afterwards.

pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod disk;
pub(crate) mod identity;
pub(crate) mod kill;
pub(crate) mod postgres;
pub(crate) mod silence;

use std::path::PathBuf;
use std::time::Duration;

use crate::driver::outcome::{Outcome, Record};
use crate::driver::{Load, Tally};
use crate::judge::{Books, judge_asserter, judge_bank};
use crate::lab::{Lab, Settings, StoreKind};
use crate::report::{Report, millis};

/// How long a load may take until everybody has paid something.
const WARM: Duration = Duration::from_mins(1);

/// What every scenario is told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The folder of built binaries.
    pub(crate) bin_dir: PathBuf,
    /// Where state is kept.
    pub(crate) store: StoreKind,
    /// Replicas of everything but the front end.
    pub(crate) replicas: u8,
    /// How many browsers ask at once.
    pub(crate) browsers: usize,
    /// The pause between two actions of a browser.
    pub(crate) pause: Duration,
    /// Leave the folders behind.
    pub(crate) keep: bool,
}

impl Options {
    /// The bank these options describe.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            bin_dir: self.bin_dir.clone(),
            store: self.store,
            replicas: self.replicas,
            svid_life: Duration::from_hours(1),
            max_silence: Duration::from_secs(15),
            max_age: Duration::from_mins(10),
            disk: None,
            keep: self.keep,
        }
    }

    /// Starts a load and waits until everybody has paid something.
    ///
    /// # Errors
    /// They have not within a minute.
    pub(crate) async fn load(&self, lab: &Lab) -> anyhow::Result<Load> {
        let load = Load::start(lab.load(self.browsers, self.pause))?;
        if load.warm(WARM).await {
            return Ok(load);
        }
        let last = load.records().into_iter().rev().find(|record| !record.outcome.is_done());
        anyhow::bail!("the load does not get going: {last:?}")
    }
}

/// Judges the books of a bank whose load has ended.
///
/// # Errors
/// The books cannot be read.
pub(crate) async fn judge(lab: &Lab, tally: &Tally, report: &mut Report) -> anyhow::Result<()> {
    judge_bank(&Books::open(lab.target_store()).await?, &tally.orders, report).await?;
    judge_asserter(&Books::open(lab.asserting_store()).await?, &lab.relay.taken(), report).await
}

/// Requests that failed: neither done nor refused for the bank's own good reasons.
pub(crate) fn failures(records: &[Record]) -> Vec<&Record> {
    let is_failure = |outcome: &Outcome| match outcome {
        Outcome::Done => false,
        // An overdraft is an answer.
        Outcome::Refused { status, problem, .. } => !(*status == 409 && problem.as_deref() == Some("conflict")),
        _ => true,
    };
    records.iter().filter(|record| is_failure(&record.outcome)).collect()
}

/// What the first few failures were, for whoever reads why a promise is broken.
pub(crate) fn described(failures: &[&Record]) -> String {
    let some: Vec<_> = failures
        .iter()
        .take(5)
        .map(|record| {
            let at = millis(record.begun);
            format!("{} of browser {} at {at}: {:?}", record.action.name(), record.browser, record.outcome)
        })
        .collect();
    format!("{} failed: {}", failures.len(), some.join("; "))
}
