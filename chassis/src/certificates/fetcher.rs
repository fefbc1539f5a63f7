//! What a verifier asks for certificates that a chain names and does not carry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mesh::{Client, ClientSettings, Identity, Origins};
use moka::Expiry;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use spiffe::SpiffeId;
use token::certificates::{CertificateError, MAX_PEM_BYTES};
use token::encoding::Digest;
use token::policy::{Accept, Certs};
use token::{SignerChain, Timestamp};

use super::limit::PeerLimit;
use super::{CertificateSource, MeshCertificates, Pace};
use crate::clock::Clock;
use crate::process::Process;
use crate::trust::TrustStore;

/// The most certificates remembered, and the most hashes remembered as absent.
pub const MOST: u64 = 4096;
/// A certificate is good for this long after its end, as rule 7 has it.
const LEEWAY: u64 = 5;

/// Fetches signers' certificates and remembers them. Cheap to clone.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    source: Box<dyn CertificateSource>,
    trust: TrustStore,
    clock: Arc<dyn Clock>,
    pace: Pace,
    known: moka::future::Cache<Digest, Arc<SignerChain>>,
    unknown: moka::sync::Cache<Digest, CertificateError>,
    peers: PeerLimit,
    fetches: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// Each certificate until it ends.
struct UntilItEnds(Arc<dyn Clock>);

impl Expiry<Digest, Arc<SignerChain>> for UntilItEnds {
    fn expire_after_create(&self, _: &Digest, chain: &Arc<SignerChain>, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(chain.leaf().not_after.plus(LEEWAY).since(self.0.now())))
    }
}

/// Each failure as long as its kind.
struct ByKind(Pace);

impl Expiry<Digest, CertificateError> for ByKind {
    fn expire_after_create(&self, _: &Digest, error: &CertificateError, _: Instant) -> Option<Duration> {
        Some(if *error == CertificateError::Unreachable { self.0.away } else { self.0.absent })
    }
}

impl Fetcher {
    /// What a policy asks for; `None` if certificates travel inline. `asserting` is who keeps them, and where.
    ///
    /// # Errors
    /// There is no usable identity.
    pub fn of_policy(
        accept: &Accept,
        identity: &Identity,
        asserting: (&SpiffeId, &Origins),
        trust: &TrustStore,
        process: &Process,
    ) -> anyhow::Result<Option<Self>> {
        if accept.certs == Certs::Inline {
            return Ok(None);
        }
        Self::start(identity, asserting, trust, process).map(Some)
    }

    /// A fetcher that asks `asserting`, who keeps certificates, and where. Call it once a process, as [`new`](Self::new).
    ///
    /// # Errors
    /// There is no usable identity.
    pub fn start(
        identity: &Identity,
        asserting: (&SpiffeId, &Origins),
        trust: &TrustStore,
        process: &Process,
    ) -> anyhow::Result<Self> {
        let source = MeshCertificates(client(identity, asserting, process)?);
        Ok(Self::new(Box::new(source), trust.clone(), Pace::default(), process))
    }

    /// A fetcher that asks `source`. Call it once a process: the metric it registers has a fixed name.
    #[must_use]
    pub fn new(source: Box<dyn CertificateSource>, trust: TrustStore, pace: Pace, process: &Process) -> Self {
        let what = "Signers' certificates asked for, by what came of it";
        let clock = process.clock.clone();
        Self(Arc::new(Inner {
            source,
            trust,
            pace,
            known: moka::future::Cache::builder().max_capacity(MOST).expire_after(UntilItEnds(clock.clone())).build(),
            unknown: moka::sync::Cache::builder().max_capacity(MOST).expire_after(ByKind(pace)).build(),
            peers: PeerLimit::default(),
            fetches: process.metrics.register("certificate_fetches", what, Family::default()),
            clock,
        }))
    }

    /// The certificate of this hash, which a chain that `peer` brought names.
    ///
    /// # Errors
    /// [`CertificateError::NotKept`], [`CertificateError::NotThat`], [`CertificateError::Unreachable`] or
    /// [`CertificateError::TooOften`].
    pub async fn get(&self, x5t: Digest, peer: &SpiffeId) -> Result<Arc<SignerChain>, CertificateError> {
        let inner = &*self.0;
        if let Some(known) = inner.known.get(&x5t).await {
            return Ok(known);
        }
        if let Some(error) = inner.unknown.get(&x5t) {
            return Err(error);
        }
        if !inner.peers.admits(peer, Instant::now()) {
            inner.count("too-often");
            return Err(CertificateError::TooOften);
        }
        inner.known.try_get_with(x5t, inner.fetch(x5t)).await.map_err(|error| *error)
    }
}

impl Inner {
    async fn fetch(&self, x5t: Digest) -> Result<Arc<SignerChain>, CertificateError> {
        let outcome = self.ask(x5t).await;
        self.count(match outcome {
            Ok(_) => "kept",
            Err(CertificateError::NotKept) => "not-kept",
            Err(CertificateError::Unreachable) => "unreachable",
            Err(_) => "not-that",
        });
        let chain = match outcome {
            Ok(chain) => chain,
            Err(error) => {
                self.unknown.insert(x5t, error);
                return Err(error);
            }
        };
        // Not remembered: the bundle may be about to come.
        self.check(&chain, self.clock.now()).map_err(|()| CertificateError::NotThat)?;
        Ok(Arc::new(chain))
    }

    async fn ask(&self, x5t: Digest) -> Result<SignerChain, CertificateError> {
        let answer = match tokio::time::timeout(self.pace.patience, self.source.fetch(x5t)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(%x5t, "a signer's certificate cannot be had: {error}");
                let is_an_answer = error.is_an_answer();
                return Err(if is_an_answer { CertificateError::NotThat } else { CertificateError::Unreachable });
            }
            Err(_) => {
                tracing::warn!(%x5t, "a signer's certificate cannot be had: no answer in time");
                return Err(CertificateError::Unreachable);
            }
        };
        let text = answer.ok_or(CertificateError::NotKept)?;
        let chain = Some(&text).filter(|text| text.len() <= MAX_PEM_BYTES).map(|text| SignerChain::parse(text));
        match chain {
            Some(Ok(chain)) if chain.x5t() == x5t => Ok(chain),
            _ => {
                tracing::error!(%x5t, "what is kept under this hash is another certificate, or none");
                Err(CertificateError::NotThat)
            }
        }
    }

    fn check(&self, chain: &SignerChain, now: Timestamp) -> Result<(), ()> {
        let certified = chain.check(&self.trust.snapshot().bundles, now);
        certified
            .map(drop)
            .map_err(|error| tracing::warn!(x5t = %chain.x5t(), "a certificate that was fetched: {error}"))
    }

    fn count(&self, outcome: &'static str) {
        self.fetches.get_or_create(&Labels { outcome }).inc();
    }
}

/// A client that waits for nobody.
pub(super) fn client(
    identity: &Identity,
    (asserter, origins): (&SpiffeId, &Origins),
    process: &Process,
) -> anyhow::Result<Client> {
    let settings = ClientSettings {
        connect_timeout: Duration::from_secs(1),
        first_byte_timeout: Duration::from_secs(2),
        body_timeout: Duration::from_secs(2),
        max_answer: MAX_PEM_BYTES,
        ..process.client()
    };
    Ok(Client::balanced(identity, asserter.clone(), origins, settings)?)
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("known", &self.0.known.entry_count()).finish_non_exhaustive()
    }
}
