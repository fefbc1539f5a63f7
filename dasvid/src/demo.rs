//! The whole bank in one process: Workload API, OpenID Provider, four workloads and their databases.

mod configs;
mod home;
pub mod log;
mod ports;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use asserting_wl::AssertingWl;
use chassis::{Handle, Metrics, SystemClock, Workload};
use dev_idp::DevIdp;
use dev_spire::{DevSpire, Entry};
use middle_tier::MiddleTier;
use spiffe::{SpiffeId, TrustDomain};
use subject_wl::SubjectWl;
use target_wl::TargetWl;
use token::policy::Certs;
use tokio::net::TcpListener;
use url::Url;

use crate::place::{Endpoint, Person, Place, Stranger, Verification};
use configs::Plan;
use home::Home;

/// The first port of the admin listeners.
const ADMIN: u16 = 9440;

/// The bank's trust domain.
const TRUST_DOMAIN: &str = "bank.example";

/// How the demo is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many middle tiers, 1 to 15.
    pub middle_tiers: u8,
    /// Where sockets, databases, keys and configurations are kept; a temporary folder when not given.
    pub dir: Option<PathBuf>,
    /// Where the pages are served.
    pub listen: SocketAddr,
    /// How services have the OAuth signature proven.
    pub verification: Verification,
    /// How the identity provider signs.
    pub idp_alg: dev_idp::Algorithm,
    /// How signers' certificates travel.
    pub certs: Certs,
    /// Try the bank's usual ports first, or take any free one.
    pub usual_ports: bool,
    /// What stands in target-wl's `[store]` section (TOML); a SQLite file in the folder when not given.
    pub target_store: Option<String>,
}

/// A bank that is up.
pub struct Bank {
    /// Where everything is.
    pub place: Place,
    /// Every listener: name and address, in the order of a request.
    pub listeners: Vec<(String, String)>,
    /// Where each workload's admin listener is, in the order of a request.
    pub admin: Vec<(String, SocketAddr)>,
    /// Ports that were taken: what for, the port, and the one used instead.
    pub moved: Vec<String>,
    /// How long it took until all were ready.
    pub ready_ms: f64,
    /// Where the identity provider reports logouts.
    pub logouts: Url,
    /// The Workload API everyone's identity comes from.
    pub spire: DevSpire,
    /// The identity provider.
    pub idp: DevIdp,
    home: Home,
    workloads: Vec<Handle>,
}

impl Bank {
    /// Starts everything and waits until all of it is ready.
    ///
    /// # Errors
    /// What keeps a part from starting, with its name.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let home = Home::open(settings.dir.as_deref())?;
        let spire = identities(&home, settings.middle_tiers).await?;
        let mut start = Start {
            settings,
            home: &home,
            listeners: Vec::new(),
            admin: Vec::new(),
            moved: Vec::new(),
            workloads: Vec::new(),
        };
        let idp = start.provider().await?;
        let place = start.workloads(idp.issuer()).await?;
        let logouts = start.tell_of_logouts(&idp)?;
        let Start { mut listeners, mut admin, moved, workloads, .. } = start;
        for workload in &workloads {
            workload.ready.ready().await;
        }
        listeners.reverse();
        admin.reverse();
        home.publish(&place, &admin)?;
        let ready_ms = begun.elapsed().as_secs_f64() * 1000.0;
        Ok(Self { place, listeners, admin, moved, ready_ms, logouts, spire, idp, home, workloads })
    }

    /// The metrics of each workload.
    #[must_use]
    pub fn metrics(&self) -> Vec<(&str, &Metrics)> {
        let names = self.admin.iter().rev().map(|(name, _)| name.as_str());
        names.zip(self.workloads.iter().map(|workload| &workload.metrics)).collect()
    }

    /// The file that tells a shell where this bank is.
    #[must_use]
    pub fn env_file(&self) -> PathBuf {
        self.home.env_file()
    }

    /// Stops everything, front first; true if every request under way could finish.
    pub async fn shutdown(self) -> bool {
        let mut is_clean = true;
        for workload in self.workloads.into_iter().rev() {
            is_clean &= workload.shutdown().await;
        }
        self.idp.shutdown().await;
        self.spire.shutdown().await;
        is_clean
    }
}

/// One socket an identity: the workloads, the tool, and a stranger.
async fn identities(home: &Home, middle_tiers: u8) -> anyhow::Result<DevSpire> {
    let spire = DevSpire::start(dev_spire::Settings::new(TrustDomain::new(TRUST_DOMAIN)?)).await?;
    let tiers = (1..=middle_tiers).map(middle_tier);
    let fixed = ["subject-wl", "asserting-wl", "target-wl", "cli", "stranger"].map(str::to_owned);
    for name in fixed.into_iter().chain(tiers) {
        let entry = Entry { dns: vec!["localhost".to_owned()], ..Entry::new(id(&name)?) };
        spire.issue_socket(&home.socket_path(&name), entry).await?;
    }
    Ok(spire)
}

/// The SPIFFE ID of a workload of the bank.
fn id(name: &str) -> anyhow::Result<SpiffeId> {
    Ok(SpiffeId::from_segments(TrustDomain::new(TRUST_DOMAIN)?, &[name])?)
}

fn middle_tier(number: u8) -> String {
    format!("middle-tier-{number}")
}

/// The start-up, from the identity provider to the front end.
struct Start<'a> {
    settings: &'a Settings,
    home: &'a Home,
    listeners: Vec<(String, String)>,
    admin: Vec<(String, SocketAddr)>,
    moved: Vec<String>,
    workloads: Vec<Handle>,
}

impl Start<'_> {
    async fn provider(&mut self) -> anyhow::Result<DevIdp> {
        let listen = self.port("dev-idp", (Ipv4Addr::LOCALHOST, 8090).into());
        let alg = self.settings.idp_alg;
        let idp = DevIdp::start(dev_idp::Settings { listen, alg, ..dev_idp::Settings::default() }).await;
        let idp = idp.context("dev-idp does not start")?;
        self.listeners.push(("dev-idp".to_owned(), idp.issuer().to_owned()));
        Ok(idp)
    }

    /// asserting-wl, the target, the middle tiers from the last to the first, the front end.
    async fn workloads(&mut self, issuer: &str) -> anyhow::Result<Place> {
        let mut plan = Plan::new(self.home, issuer, self.settings);
        let logouts = self.port("the logout listener", (Ipv4Addr::LOCALHOST, 8453).into());
        let asserting =
            self.mesh::<AssertingWl>("asserting-wl", 8443, |address| plan.asserting(address, logouts)).await?;
        plan.asserting_url = asserting.url.to_string();
        let target = self.mesh::<TargetWl>("target-wl", 8444, |address| plan.target(address)).await?;
        let mut next = target.clone();
        for number in (1..=self.settings.middle_tiers).rev() {
            let name = middle_tier(number);
            let port = 8444 + u16::from(number);
            next = self.mesh::<MiddleTier>(&name, port, |address| plan.middle_tier(number, address, &next)).await?;
        }
        let listen = self.port("subject-wl", self.settings.listen);
        let front = self.start::<SubjectWl>("subject-wl", &plan.subject(listen, &next)).await?;
        let front = Url::parse(&format!("http://{front}/"))?;
        self.listeners.push(("subject-wl".to_owned(), front.to_string()));
        let [alice, bob] = [dev_idp::Person::alice(), dev_idp::Person::bob()];
        Ok(Place {
            front,
            issuer: issuer.to_owned(),
            client_id: "bank-cli".to_owned(),
            person: Person { name: alice.name, password: alice.password },
            payee: Person { name: bob.name, password: bob.password },
            asserting,
            entry: next,
            target,
            socket: Some(self.home.socket("cli")),
            stranger: Stranger::Socket(self.home.socket("stranger")),
            verification: self.settings.verification,
        })
    }

    /// Has the provider tell asserting-wl when somebody logs out.
    fn tell_of_logouts(&self, idp: &DevIdp) -> anyhow::Result<Url> {
        let listener = self.workloads.iter().find_map(|workload| workload.address("logout"));
        let address = listener.context("asserting-wl does not listen for logouts")?;
        let url = Url::parse(&format!("http://{address}{}", asserting_wl::logout::PATH))?;
        idp.tell_of_logouts("bank-web", url.as_str());
        Ok(url)
    }

    /// Starts a workload of the mesh at its usual port or another.
    async fn mesh<W: Workload>(
        &mut self,
        name: &str,
        port: u16,
        config: impl FnOnce(SocketAddr) -> String,
    ) -> anyhow::Result<Endpoint> {
        let listen = self.port(name, (Ipv4Addr::LOCALHOST, port).into());
        let address = self.start::<W>(name, &config(listen)).await?;
        let url = Url::parse(&format!("https://{address}/"))?;
        self.listeners.push((name.to_owned(), url.to_string()));
        Ok(Endpoint { url, id: id(name)? })
    }

    async fn start<W: Workload>(&mut self, name: &str, config: &str) -> anyhow::Result<SocketAddr> {
        self.home.keep(&format!("{name}.toml"), config)?;
        let config = chassis::config::parse::<W::Config>(config).with_context(|| format!("{name} is set up wrong"))?;
        let handle = chassis::spawn_as::<W>(name, config, Arc::new(SystemClock)).await;
        let handle = handle.with_context(|| format!("{name} does not start"))?;
        let address = handle.addresses.first().map(|(_, address)| *address);
        self.observe(name, &handle).await?;
        self.workloads.push(handle);
        address.with_context(|| format!("{name} does not listen"))
    }

    /// Opens the workload's admin listener.
    async fn observe(&mut self, name: &str, workload: &Handle) -> anyhow::Result<()> {
        let usual = ADMIN + u16::try_from(self.admin.len()).unwrap_or_default();
        let listen = self.port(&format!("the admin listener of {name}"), (Ipv4Addr::LOCALHOST, usual).into());
        let listener = TcpListener::bind(listen).await.with_context(|| format!("{name} opens no admin listener"))?;
        self.admin.push((name.to_owned(), listener.local_addr()?));
        workload.serve_admin(listener);
        Ok(())
    }

    fn port(&mut self, name: &str, usual: SocketAddr) -> SocketAddr {
        if !self.settings.usual_ports {
            return SocketAddr::new(usual.ip(), 0);
        }
        let (address, moved) = ports::free_or_other(usual);
        if moved {
            self.moved.push(format!("port {} is taken: {name} takes another", usual.port()));
        }
        address
    }
}

impl Bank {
    /// Where everything is and who can log in, for the person at the terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        for (name, address) in &self.listeners {
            let admin = self.admin.iter().find(|(known, _)| known == name);
            let metrics = admin.map_or_else(String::new, |(_, address)| format!("http://{address}/metrics"));
            table.add_row([name, address, &metrics]);
        }
        let mut lines = self.moved.clone();
        lines.push(format!(
            "The bank is ready after {ready:.0} ms.\n\n{table}\n\n\
             Open {front}\n\
             Log in as alice (password alice-pw) or bob (bob-pw).\n\
             For the tool, in another shell: . {env}\n\
             Ctrl-C ends it. Not for production: identities and people here are for trying out.\n",
            ready = self.ready_ms,
            front = self.place.front,
            env = self.env_file().display(),
        ));
        lines.join("\n")
    }
}
