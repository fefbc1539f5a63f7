//! The laboratory: the bank as processes of its own on free loopback ports, in a folder that goes with it.
//!
//! The Workload API and the identity provider live in the laboratory itself, where they can be told to rotate, to be
//! away, or to log somebody out. Everything else is a program from a folder of built binaries.

mod configs;
pub(crate) mod disk;
pub(crate) mod line;
mod ports;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod relay;

use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use dev_idp::DevIdp;
use dev_spire::{DevSpire, Entry};
use spiffe::{SpiffeId, TrustDomain};
use tempfile::TempDir;
use url::Url;

use crate::driver::{self, Person};
use configs::{Own, Plan};
use line::Line;
use ports::Ports;
use postgres::Cluster;
use process::{Process, SOON};
use relay::Relay;

/// The bank's trust domain.
const TRUST_DOMAIN: &str = "bank.example";
/// Every identity of the bank.
pub(crate) const IDENTITIES: [&str; 5] = ["asserting-wl", "target-wl", "middle-tier-2", "middle-tier-1", "subject-wl"];

/// Where the workloads keep their state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StoreKind {
    /// Two files.
    Sqlite,
    /// A private cluster.
    Postgres,
}

/// How the bank is built.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The folder of built binaries.
    pub(crate) bin_dir: PathBuf,
    /// Where state is kept.
    pub(crate) store: StoreKind,
    /// Replicas of everything but the front end.
    pub(crate) replicas: u8,
    /// The life of an SVID.
    pub(crate) svid_life: Duration,
    /// How long a verifier does without a list of revocations.
    pub(crate) max_silence: Duration,
    /// The age at which connections are closed.
    pub(crate) max_age: Duration,
    /// Another folder for SQLite's files.
    pub(crate) disk: Option<PathBuf>,
    /// Leave the folder behind.
    pub(crate) keep: bool,
}

/// The bank.
pub(crate) struct Lab {
    /// The Workload API.
    pub(crate) spire: DevSpire,
    /// The identity provider.
    pub(crate) idp: DevIdp,
    /// The line to the identity provider.
    pub(crate) provider: Line,
    /// Brings logouts to asserting-wl.
    pub(crate) relay: Relay,
    /// The database server, if there is one.
    pub(crate) cluster: Option<Cluster>,
    /// The workloads, from asserting-wl to the front end.
    pub(crate) processes: Vec<Process>,
    /// The front door.
    pub(crate) front: Url,
    plan: Plan,
    _folder: Folder,
}

/// The folder of a laboratory.
enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn open(keep: bool) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("faults-").tempdir()?;
        Ok(if keep { Self::Kept(folder.keep()) } else { Self::Temporary(folder) })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }
}

/// The SPIFFE ID of a workload of the bank.
pub(crate) fn id(name: &str) -> anyhow::Result<SpiffeId> {
    Ok(SpiffeId::from_segments(TrustDomain::new(TRUST_DOMAIN)?, &[name])?)
}

impl Lab {
    /// Starts everything and waits until all of it is ready.
    ///
    /// # Errors
    /// What keeps a part from starting, with its name.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let mut lab = Self::prepare(settings).await?;
        lab.up().await?;
        Ok(lab)
    }

    /// The bank with everything in place but no workload running.
    ///
    /// # Errors
    /// What keeps a part from starting.
    pub(crate) async fn prepare(settings: &Settings) -> anyhow::Result<Self> {
        let folder = Folder::open(settings.keep)?;
        let mut ports = Ports::new();
        let spire = identities(folder.path(), settings.svid_life).await?;
        let (idp, provider) = provider(&mut ports).await?;
        let cluster = match settings.store {
            StoreKind::Sqlite => None,
            StoreKind::Postgres => Some(Cluster::start(ports.take()?).await?),
        };
        let plan = plan(settings, folder.path(), idp.issuer(), cluster.as_ref(), &mut ports)?;
        let mut street = Builder { settings, folder: folder.path(), plan: &plan, ports, processes: Vec::new() };
        let receivers = street.workloads()?;
        let front = street.front()?;
        let Builder { mut ports, processes, .. } = street;
        let relay = Relay::start(ports.take()?, receivers).await?;
        idp.tell_of_logouts("bank-web", relay.url.as_str());
        Ok(Self { spire, idp, provider, relay, cluster, processes, front, plan, _folder: folder })
    }

    /// Starts every workload that does not run, and waits until all are ready.
    ///
    /// # Errors
    /// One does not become ready.
    pub(crate) async fn up(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            if !process.is_alive() {
                process.start()?;
            }
        }
        self.ready(SOON).await
    }

    /// Waits until every workload is ready.
    ///
    /// # Errors
    /// One is not within `limit`.
    pub(crate) async fn ready(&mut self, limit: Duration) -> anyhow::Result<()> {
        for process in &mut self.processes {
            process.ready(limit).await?;
        }
        Ok(())
    }

    /// Ends everything, the front end first, each as it should end.
    ///
    /// # Errors
    /// A process does not end.
    pub(crate) async fn down(&mut self) -> anyhow::Result<()> {
        for process in self.processes.iter_mut().rev() {
            process.stop().await?;
        }
        Ok(())
    }

    /// Every process of one identity.
    pub(crate) fn of<'a>(&'a mut self, identity: &'a str) -> impl Iterator<Item = &'a mut Process> {
        self.processes.iter_mut().filter(move |process| process.identity == identity)
    }

    /// The names of those that are not ready.
    pub(crate) async fn unready(&self) -> Vec<String> {
        let mut names = Vec::new();
        for process in &self.processes {
            if !process.is_ready().await {
                names.push(process.identity.clone());
            }
        }
        names.dedup();
        names
    }

    /// The URL of asserting-wl's database.
    pub(crate) fn asserting_store(&self) -> &str {
        &self.plan.asserting_store
    }

    /// The URL of target-wl's database.
    pub(crate) fn target_store(&self) -> &str {
        &self.plan.target_store
    }

    /// A load of both people through the front door.
    pub(crate) fn load(&self, browsers: usize, pause: Duration) -> driver::Plan {
        driver::Plan {
            front: self.front.clone(),
            people: ["alice", "bob"].map(person).to_vec(),
            browsers,
            pause,
            patience: Duration::from_secs(25),
            persistence: Duration::from_mins(1),
            ca: None,
        }
    }
}

/// Somebody the identity provider knows.
pub(crate) fn person(name: &str) -> Person {
    Person { name: name.to_owned(), password: format!("{name}-pw") }
}

async fn identities(folder: &Path, life: Duration) -> anyhow::Result<DevSpire> {
    let mut settings = dev_spire::Settings::new(TrustDomain::new(TRUST_DOMAIN)?);
    settings.x509_ttl = life;
    let spire = DevSpire::start(settings).await?;
    for name in IDENTITIES {
        spire.issue_socket(&socket(folder, name), Entry::new(id(name)?)).await?;
    }
    Ok(spire)
}

fn socket(folder: &Path, name: &str) -> PathBuf {
    folder.join("sockets").join(format!("{name}.sock"))
}

/// The identity provider behind a line.
async fn provider(ports: &mut Ports) -> anyhow::Result<(DevIdp, Line)> {
    let (inner, outer) = (ports.take()?, ports.take()?);
    let issuer = Some(format!("http://{outer}"));
    let idp = DevIdp::start(dev_idp::Settings { listen: inner, issuer, ..dev_idp::Settings::default() }).await?;
    let mut line = Line::new(outer, inner);
    line.mend().await?;
    Ok((idp, line))
}

fn plan(
    settings: &Settings,
    folder: &Path,
    issuer: &str,
    cluster: Option<&Cluster>,
    ports: &mut Ports,
) -> anyhow::Result<Plan> {
    let disk = settings.disk.as_deref().unwrap_or(folder);
    let store = |database: &str| {
        let file = disk.join(format!("{database}-wl.sqlite"));
        cluster.map_or_else(|| format!("sqlite://{}?mode=rwc", file.display()), |cluster| cluster.url(database))
    };
    let (asserting_store, target_store) = (store("asserting"), store("target"));
    let mut replicas = || (0..settings.replicas).map(|_| ports.take()).collect::<anyhow::Result<Vec<_>>>();
    Ok(Plan {
        issuer: issuer.to_owned(),
        asserting: replicas()?,
        target: replicas()?,
        tiers: [replicas()?, replicas()?],
        asserting_store,
        target_store,
        seal: seal(folder)?.display().to_string(),
        max_age: settings.max_age,
        max_silence: settings.max_silence,
    })
}

/// A fresh sealing key.
fn seal(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut key = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let path = folder.join("seal.key");
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    std::io::Write::write_all(&mut file?, &key)?;
    Ok(path)
}

/// Builds the workloads' processes.
struct Builder<'a> {
    settings: &'a Settings,
    folder: &'a Path,
    plan: &'a Plan,
    ports: Ports,
    processes: Vec<Process>,
}

impl Builder<'_> {
    /// Everything but the front end; where asserting-wl hears of logouts.
    fn workloads(&mut self) -> anyhow::Result<Vec<Url>> {
        let plan = self.plan;
        let [first, second] = &plan.tiers;
        let mut receivers = Vec::new();
        for (index, listen) in plan.asserting.iter().enumerate() {
            let logouts = self.ports.take()?;
            receivers.push(Url::parse(&format!("http://{logouts}/backchannel-logout"))?);
            self.add("asserting-wl", index, *listen, |own| plan.asserting(own, logouts))?;
        }
        for (index, listen) in plan.target.iter().enumerate() {
            self.add("target-wl", index, *listen, |own| plan.target(own))?;
        }
        for (number, tier) in [(2, second), (1, first)] {
            for (index, listen) in tier.iter().enumerate() {
                self.add(&format!("middle-tier-{number}"), index, *listen, |own| plan.middle_tier(number, own))?;
            }
        }
        Ok(receivers)
    }

    fn front(&mut self) -> anyhow::Result<Url> {
        let (plan, listen) = (self.plan, self.ports.take()?);
        self.add("subject-wl", 0, listen, |own| plan.subject(own))?;
        Ok(Url::parse(&format!("http://{listen}/"))?)
    }

    fn add(
        &mut self,
        identity: &str,
        index: usize,
        listen: SocketAddr,
        config: impl Fn(&Own) -> String,
    ) -> anyhow::Result<()> {
        let is_replicated = self.settings.replicas > 1 && identity != "subject-wl";
        let letter = char::from(b'a'.saturating_add(u8::try_from(index)?));
        let name = if is_replicated { format!("{identity}-{letter}") } else { identity.to_owned() };
        let own = Own { socket: DevSpire::endpoint(&socket(self.folder, identity)), listen, admin: self.ports.take()? };
        fs::write(self.folder.join(format!("{name}.toml")), config(&own))?;
        let kind = if identity.starts_with("middle-tier") { "middle-tier" } else { identity };
        let program = self.settings.bin_dir.join(kind);
        let program = program.canonicalize().with_context(|| format!("{} is not built", program.display()))?;
        self.processes.push(Process::new(&name, identity, program, self.folder, own.admin));
        Ok(())
    }
}
