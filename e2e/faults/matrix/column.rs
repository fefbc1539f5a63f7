//! One column: a bank of its own, one part of it away, every row measured.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::driver::browser::Browser;
use crate::driver::order::{Kind, Order};
use crate::driver::outcome::{Log, Outcome};
use crate::driver::visitor::Visitor;
use crate::lab::postgres::Ending;
use crate::lab::process::SOON;
use crate::lab::{IDENTITIES, Lab, Settings, person};
use crate::report::Report;
use crate::scenario::Options;
use crate::scenario::identity::until;

/// What is asked, in the order of the cells.
pub(super) const ROWS: [&str; 9] = [
    "balance, DA-SVID at hand",
    "deposit, DA-SVID at hand",
    "new DA-SVID for somebody signed in",
    "new sign-in",
    "logout at the provider felt",
    "not ready",
    "balance after `max_silence`",
    "deposit after `max_silence`",
    "not ready when started meanwhile",
];

/// How long verifiers do without a list of revocations here.
const MAX_SILENCE: Duration = Duration::from_secs(4);
/// How long after that everybody has noticed what is away, and verifiers have done without a list for too long.
const NOTICED: Duration = Duration::from_secs(10);
/// The life of an SVID where it is to run out.
const SHORT_LIFE: Duration = Duration::from_secs(20);
/// How long a process that is started has to become ready.
const STARTED: Duration = Duration::from_secs(3);

/// What is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The Workload API, for less than an SVID's life.
    Spire,
    /// The Workload API, until every SVID has run out.
    SpireLong,
    /// The identity provider.
    Provider,
    /// Every replica of asserting-wl.
    Asserting,
    /// The database server.
    Store,
}

/// Who asks.
struct People {
    alice: Visitor,
    bob: Visitor,
    paid: u64,
}

impl Column {
    /// Every column.
    pub(super) const ALL: [Self; 5] = [Self::Spire, Self::SpireLong, Self::Provider, Self::Asserting, Self::Store];

    /// Its title.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Spire => "SPIRE",
            Self::SpireLong => "SPIRE, until SVIDs expire",
            Self::Provider => "identity provider",
            Self::Asserting => "asserting-wl",
            Self::Store => "PostgreSQL",
        }
    }

    /// Whether there is something to take away only with a database server.
    pub(super) const fn needs_server(self) -> bool {
        matches!(self, Self::Store)
    }

    /// Measures every row, and whether the bank is itself again afterwards without a restart.
    ///
    /// # Errors
    /// The bank cannot be run.
    pub(super) async fn measure(self, options: &Options, report: &mut Report) -> anyhow::Result<Vec<String>> {
        let life = if self == Self::SpireLong { SHORT_LIFE } else { Duration::from_hours(1) };
        let settings = Settings { max_silence: MAX_SILENCE, svid_life: life, ..options.settings() };
        let mut lab = Lab::start(&settings).await?;
        let mut people = People::arrive(&lab).await?;
        // Verifiers have a list of revocations that is younger than the DA-SVIDs at hand.
        sleep(Duration::from_millis(2500)).await;
        self.take_away(&mut lab).await?;
        let begun = Instant::now();
        let mut cells = people.ask(&lab).await?;
        sleep(NOTICED.saturating_sub(begun.elapsed())).await;
        cells.push(listed(&lab.unready().await));
        cells.push(told(&people.balance().await));
        cells.push(told(&people.pay().await));
        self.bring_back(&mut lab).await?;
        let back = until(SOON, async || people.alice.sign_in().await.is_done() && people.pay().await.is_done()).await;
        let what = format!("{} back: everything goes on without a restart", self.title());
        report.check(what, back.is_some(), "payments do not pass");
        self.take_away(&mut lab).await?;
        cells.push(started(&mut lab).await?);
        self.bring_back(&mut lab).await?;
        lab.up().await?;
        lab.down().await?;
        Ok(cells)
    }

    async fn take_away(self, lab: &mut Lab) -> anyhow::Result<()> {
        match self {
            Self::Spire => lab.spire.set_available(false),
            Self::SpireLong => {
                lab.spire.set_available(false);
                sleep(SHORT_LIFE + Duration::from_secs(1)).await;
            }
            Self::Provider => {
                lab.provider.cut().await;
                lab.relay.set_cut(true);
            }
            Self::Asserting => {
                for process in lab.of("asserting-wl") {
                    process.kill().await?;
                }
            }
            Self::Store => {
                if let Some(cluster) = &lab.cluster {
                    cluster.end(Ending::Immediate).await?;
                }
            }
        }
        sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    async fn bring_back(self, lab: &mut Lab) -> anyhow::Result<()> {
        match self {
            Self::Spire | Self::SpireLong => lab.spire.set_available(true),
            Self::Provider => {
                lab.provider.mend().await?;
                lab.relay.set_cut(false);
            }
            Self::Asserting => {
                for process in lab.of("asserting-wl") {
                    if !process.is_alive() {
                        process.start()?;
                    }
                }
            }
            Self::Store => {
                if let Some(cluster) = &lab.cluster {
                    cluster.begin().await?;
                }
            }
        }
        Ok(())
    }
}

impl People {
    /// Both sign in and pay, so that both have an account and a DA-SVID at hand.
    async fn arrive(lab: &Lab) -> anyhow::Result<Self> {
        let mut people = Self { alice: visitor(lab, "alice")?, bob: visitor(lab, "bob")?, paid: 0 };
        for person in [&mut people.alice, &mut people.bob] {
            anyhow::ensure!(person.sign_in().await.is_done(), "{} cannot sign in", person.name());
            let name = person.name().to_owned();
            let paid = person.send(&mut Order::new(&name, Kind::Deposit, 1)).await;
            anyhow::ensure!(paid.is_done(), "{name} cannot pay: {paid:?}");
        }
        Ok(people)
    }

    async fn balance(&mut self) -> Outcome {
        self.alice.balance().await.map_or_else(|outcome| outcome, |_| Outcome::Done)
    }

    async fn pay(&mut self) -> Outcome {
        self.paid += 1;
        self.alice.send(&mut Order::new("alice", Kind::Deposit, 1 + self.paid)).await
    }

    /// The rows that can be asked at once.
    async fn ask(&mut self, lab: &Lab) -> anyhow::Result<Vec<String>> {
        let mut cells = vec![told(&self.balance().await), told(&self.pay().await)];
        // Another mode needs another DA-SVID.
        self.alice.travel("anonymous").await;
        cells.push(told(&self.balance().await));
        self.alice.travel("id").await;
        let signed_in = visitor(lab, "alice")?.sign_in().await;
        let is_broken = matches!(signed_in, Outcome::Broken { .. });
        cells.push(if is_broken { "the provider does not answer".to_owned() } else { told(&signed_in) });
        lab.idp.log_out("bob").await;
        let bob = &mut self.bob;
        let felt = until(Duration::from_millis(2500), async || {
            let answer = bob.balance().await;
            matches!(&answer, Err(Outcome::Refused { problem: Some(problem), .. }) if problem == "revoked")
        });
        cells.push(if felt.await.is_some() { "yes" } else { "no" }.to_owned());
        Ok(cells)
    }
}

/// Starts every process anew while the part is away, and says which do not become ready.
async fn started(lab: &mut Lab) -> anyhow::Result<String> {
    let mut unready = Vec::new();
    for process in &mut lab.processes {
        // What is away itself is not started.
        if process.is_alive() {
            process.kill().await?;
            process.start()?;
        }
    }
    sleep(STARTED).await;
    for name in IDENTITIES {
        for process in lab.of(name) {
            if !process.is_ready().await && !unready.contains(&name.to_owned()) {
                unready.push(name.to_owned());
            }
        }
    }
    Ok(listed(&unready))
}

fn visitor(lab: &Lab, name: &str) -> anyhow::Result<Visitor> {
    let browser = Browser::new(Duration::from_secs(25), None)?;
    Ok(Visitor::new(0, person(name), lab.front.clone(), browser, Log::new()))
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => "works".to_owned(),
        Outcome::Refused { status, problem: None, .. } => status.to_string(),
        Outcome::Refused { status, problem: Some(problem), .. } => format!("{status} `{problem}`"),
        other => other.label(),
    }
}

fn listed(names: &[String]) -> String {
    if names.len() == IDENTITIES.len() {
        return "everybody".to_owned();
    }
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}
