//! A bank of its own for one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chassis::{Clock, Handle, SystemClock, Workload};
use dasvid::demo::{self, Settings};
use dasvid::place::{Endpoint, Place, Verification};
use dev_spire::{DevSpire, Entry};
use spiffe::{SpiffeId, TrustDomain};
use store::conformance::Scratch;
use tempfile::TempDir;
use token::policy::Certs;

use crate::Actor;

/// Every scope the bank knows, and an ID token.
pub const SCOPE: &str = "openid accounts.read payments.write";

/// A bank on free ports, in a folder that goes with it.
pub struct Bank {
    /// The bank as the demo runs it.
    pub demo: demo::Bank,
    folder: PathBuf,
    _database: Option<Scratch>,
    _temporary: Option<TempDir>,
}

impl Bank {
    /// A bank with two middle tiers. The accounts are in PostgreSQL where the environment names a server for tests.
    pub async fn open() -> Self {
        Self::with_middle_tiers(2).await
    }

    /// A bank with this many middle tiers.
    pub async fn with_middle_tiers(middle_tiers: u8) -> Self {
        let temporary = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
        let folder = temporary.path().join("bank");
        let database = Scratch::shared(temporary.path()).await.unwrap();
        // A whole bank on one thread keeps its database waiting.
        let limits = "acquire_timeout = \"60s\"\nstatement_timeout = \"60s\"";
        let store = format!("url = \"{}\"\n{limits}", database.url());
        let settings = Settings { middle_tiers, target_store: Some(store), ..settings() };
        let bank = Self::with(&folder, settings).await;
        Self { _database: Some(database), _temporary: Some(temporary), ..bank }
    }

    /// A bank in a folder that stays.
    pub async fn at(folder: &Path, middle_tiers: u8) -> Self {
        Self::with(folder, Settings { middle_tiers, ..settings() }).await
    }

    /// A bank whose services have the OAuth signature proven, at a provider that signs with `idp_alg`.
    pub async fn proving(verification: Verification, idp_alg: dev_idp::Algorithm) -> Self {
        let temporary = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
        let folder = temporary.path().join("bank");
        let settings = Settings { verification, idp_alg, ..settings() };
        Self { _temporary: Some(temporary), ..Self::with(&folder, settings).await }
    }

    /// A bank with this many middle tiers whose certificates travel by reference.
    pub async fn by_reference(middle_tiers: u8) -> Self {
        let temporary = tempfile::Builder::new().prefix("e2e-").tempdir().unwrap();
        let folder = temporary.path().join("bank");
        let settings = Settings { middle_tiers, certs: Certs::ByReference, ..settings() };
        Self { _temporary: Some(temporary), ..Self::with(&folder, settings).await }
    }

    async fn with(folder: &Path, settings: Settings) -> Self {
        let settings = Settings { dir: Some(folder.to_owned()), ..settings };
        let demo = demo::Bank::start(&settings).await.unwrap();
        Self { demo, folder: folder.canonicalize().unwrap(), _database: None, _temporary: None }
    }

    /// Where everything is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.demo.place
    }

    /// A workload of the mesh by its name.
    #[must_use]
    pub fn endpoint(&self, name: &str) -> Endpoint {
        let (_, url) = self.demo.listeners.iter().find(|(known, _)| known == name).unwrap();
        Endpoint { url: url.parse().unwrap(), id: id(name) }
    }

    /// The settings a workload runs with.
    #[must_use]
    pub fn config(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(format!("{name}.toml"))).unwrap()
    }

    /// The folder everything is kept in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every file in that folder.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// The Workload API socket of an identity, as `SPIFFE_ENDPOINT_SOCKET`.
    #[must_use]
    pub fn socket(&self, name: &str) -> String {
        DevSpire::endpoint(&self.socket_path(name))
    }

    fn socket_path(&self, name: &str) -> PathBuf {
        self.folder.join("sockets").join(format!("{name}.sock"))
    }

    /// Somebody who acts with the identity `name`; one nobody had before is issued now.
    pub async fn actor(&self, name: &str) -> Actor {
        if !self.socket_path(name).exists() {
            self.issue(name).await;
        }
        Actor::connect(&self.socket(name), self.place()).await
    }

    /// Issues a new identity of the trust domain.
    pub async fn issue(&self, name: &str) {
        self.demo.spire.issue_socket(&self.socket_path(name), Entry::new(id(name))).await.unwrap();
    }

    /// An access token of a person, with every scope.
    pub async fn token(&self, person: &str) -> String {
        self.demo.idp.direct_grant(person, SCOPE).await.unwrap()
    }

    /// Starts another workload from the text of its settings and waits until it is ready.
    pub async fn spawn<W: Workload>(&self, config: &str) -> Handle {
        let handle = self.spawn_at::<W>(config, Arc::new(SystemClock)).await;
        handle.ready.ready().await;
        handle
    }

    /// Starts another workload that believes `clock`. It need not become ready.
    pub async fn spawn_at<W: Workload>(&self, config: &str, clock: Arc<dyn Clock>) -> Handle {
        chassis::spawn::<W>(chassis::config::parse(config).unwrap(), clock).await.unwrap()
    }

    /// Stops everything; every request under way must be able to finish.
    pub async fn close(self) {
        assert!(self.demo.shutdown().await, "a request did not finish");
    }
}

fn settings() -> Settings {
    Settings {
        middle_tiers: 2,
        dir: None,
        listen: ([127, 0, 0, 1], 0).into(),
        verification: Verification::Offline,
        idp_alg: dev_idp::Algorithm::Es256,
        certs: Certs::Inline,
        usual_ports: false,
        target_store: None,
    }
}

/// The SPIFFE ID of a workload of the bank.
#[must_use]
pub fn id(name: &str) -> SpiffeId {
    SpiffeId::from_segments(TrustDomain::new("bank.example").unwrap(), &[name]).unwrap()
}
