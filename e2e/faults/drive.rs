//! `faults drive`: the load alone, against a bank that somebody else runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use crate::driver::{Load, Person, Plan};
use crate::judge::{Books, judge_asserter, judge_bank};
use crate::report::Report;
use crate::scenario::{Options, described, failures};

/// How the load is set up.
#[derive(Debug, Args)]
pub(crate) struct Drive {
    /// The bank's front door.
    #[arg(long, value_name = "URL")]
    front: Url,
    /// Somebody who can sign in, as `name:password`; several take turns.
    #[arg(long = "person", value_name = "NAME:PASSWORD", value_parser = person, required = true)]
    people: Vec<Person>,
    /// Seconds until it stops and sees its orders through.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 30)]
    length: u64,
    /// Seconds a page may take; beyond it the request hangs.
    #[arg(long, default_value_t = 30)]
    patience: u64,
    /// Seconds an order is sent again before its fate stays open.
    #[arg(long, default_value_t = 60)]
    persistence: u64,
    /// A further certificate authority (PEM) for https.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// target-wl's database, judged at the end.
    #[arg(long, value_name = "URL")]
    judge_target: Option<String>,
    /// asserting-wl's database, judged at the end.
    #[arg(long, value_name = "URL")]
    judge_asserting: Option<String>,
    /// The most requests that may fail, if there is a limit.
    #[arg(long, value_name = "COUNT")]
    max_failures: Option<usize>,
}

fn person(text: &str) -> Result<Person, String> {
    let (name, password) = text.split_once(':').ok_or("expected NAME:PASSWORD")?;
    Ok(Person { name: name.to_owned(), password: password.to_owned() })
}

impl Drive {
    /// Loads the bank and judges its books.
    ///
    /// # Errors
    /// The load cannot be started, or the books cannot be read.
    pub(crate) async fn run(&self, options: &Options) -> anyhow::Result<Report> {
        let mut report = Report::new(&format!("drive: {} for {} s", self.front, self.length));
        let load = Load::start(Plan {
            front: self.front.clone(),
            people: self.people.clone(),
            browsers: options.browsers,
            pause: options.pause,
            patience: Duration::from_secs(self.patience),
            persistence: Duration::from_secs(self.persistence),
            ca: self.ca_file.as_ref().map(std::fs::read).transpose()?,
        })?;
        tokio::time::sleep(Duration::from_secs(self.length)).await;
        let tally = load.stop().await;
        report.requests(&tally.records);
        let failed = failures(&tally.records);
        report.figure("failed", failed.len());
        let unclean: Vec<_> = failed.iter().filter(|record| !record.outcome.is_clean()).copied().collect();
        report.figure("not cleanly", unclean.len());
        report.check("somebody paid", tally.orders.iter().any(|order| order.sent > 0), described(&failed));
        if let Some(most) = self.max_failures {
            report.check(format!("at most {most} failed"), failed.len() <= most, described(&failed));
        }
        if let Some(url) = &self.judge_target {
            judge_bank(&Books::open(url).await?, &tally.orders, &mut report).await?;
        }
        if let Some(url) = &self.judge_asserting {
            judge_asserter(&Books::open(url).await?, &BTreeSet::new(), &mut report).await?;
        }
        Ok(report)
    }
}
