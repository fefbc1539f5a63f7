//! Rule 13 at a hop or target: the proof that the identity provider signed the OAuth token behind a chain.
//!
//! It runs after every other rule, for it asks others. The identity provider's keys come from the provider itself, never
//! from the asserter that proves something about them: the two would have to conspire.
//!
//! | policy | what happens |
//! |---|---|
//! | `proof = "embedded"` | `DA-SVID-Proof`, made at mint, must hold for the root; replayable by design |
//! | `verification = "introspect"` | the asserter is asked with a fresh nonce: active, the same claims, and a proof for this service |

mod agreement;
mod asserter;
mod issuers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use mesh::{Client, ClientSettings, Identity, Origins};
use spiffe::SpiffeId;
use token::policy::{Proof, Verification};
use token::provenance::{self, Envelope, IssuerKeyError, Provenance as _, ProvenanceError};
use token::{Arrival, Chain, Policy, Reason};
use tracing::Instrument as _;
use wire::introspect::{IntrospectResponse, Zkp};

use crate::clock::Clock;
use crate::config::ProviderSettings;
use crate::process::Process;
use crate::provider::ProviderMetrics;

use asserter::MeshAsserter;
pub use asserter::{Asserter, Unanswered};
pub use issuers::{IssuerAddress, IssuerCache};

/// Bytes of a nonce.
const NONCE: usize = 32;
/// How long the asserter may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What policy demands of proofs, and what they are checked with.
pub struct ProofCheck {
    me: SpiffeId,
    embedded: bool,
    asserter: Option<(SpiffeId, Box<dyn Asserter>)>,
    issuers: Arc<IssuerCache>,
    verifier: provenance::Verifier,
    clock: Arc<dyn Clock>,
}

impl ProofCheck {
    /// The check `policy` demands; `None` if it demands none. `asserting` is who answers for chains, and where.
    ///
    /// # Errors
    /// There is no usable identity, an issuer's address is none keys may come from, or a client cannot be made.
    pub fn of_policy(
        policy: &Policy,
        identity: &Identity,
        (asserter, origins): (&SpiffeId, &Origins),
        providers: &ProviderSettings,
        process: &Process,
    ) -> anyhow::Result<Option<Self>> {
        if !policy.provenance.is_demanded() {
            return Ok(None);
        }
        let http = mesh::web::client(providers.web()?)?;
        let issuers = IssuerCache::new(&policy.accept.issuers, &http, process.clock.clone())?;
        let issuers = Arc::new(issuers.measured(&ProviderMetrics::new(&process.metrics, process.clock.clone())));
        let mut check = Self::new(identity.id()?, policy, issuers, process.clock.clone());
        let settings = ClientSettings { first_byte_timeout: PATIENCE, ..process.client() };
        let client = Client::balanced(identity, asserter.clone(), origins, settings)?;
        agreement::watch(client.clone(), &policy.provenance, process);
        if policy.provenance.verification == Verification::Introspect {
            check = check.asking(asserter.clone(), Box::new(MeshAsserter(client)));
        }
        Ok(Some(check))
    }

    /// A check for the service `me` that asks no asserter.
    #[must_use]
    pub fn new(me: SpiffeId, policy: &Policy, issuers: Arc<IssuerCache>, clock: Arc<dyn Clock>) -> Self {
        let demanded = &policy.provenance;
        let verifier = provenance::Verifier::new(issuers.clone(), demanded.oauth_audience.clone(), demanded.rounds);
        Self { me, embedded: demanded.proof == Proof::Embedded, asserter: None, issuers, verifier, clock }
    }

    /// The same, which also asks the asserter `id`.
    #[must_use]
    pub fn asking(self, id: SpiffeId, asserter: Box<dyn Asserter>) -> Self {
        Self { asserter: Some((id, asserter)), ..self }
    }

    /// Checks the proof of a chain that passed every other rule.
    ///
    /// # Errors
    /// [`Reason::ProofMissing`], [`Reason::ProofRefused`], [`Reason::NotActive`] or [`Reason::OtherClaims`];
    /// [`Reason::ProofUnavailable`] if who has to be asked cannot be.
    pub async fn check(&self, chain: &Chain, certificates: Option<&[u8]>, arrival: &Arrival<'_>) -> Result<(), Reason> {
        if self.embedded {
            self.with_keys(&chain.root().dpa, || self.verifier.check(chain, arrival, self.clock.now())).await?;
        }
        match &self.asserter {
            Some((id, asserter)) => self.ask(chain, certificates, id, &**asserter).await,
            None => Ok(()),
        }
    }

    async fn ask(
        &self,
        chain: &Chain,
        certificates: Option<&[u8]>,
        id: &SpiffeId,
        asserter: &dyn Asserter,
    ) -> Result<(), Reason> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| Reason::ProofUnavailable)?;
        let certificates = certificates.and_then(|line| HeaderValue::from_bytes(line).ok());
        let span = crate::span!("provenance.ask", otel.kind = "client", dasvid.server = %id);
        let shown = chain.to_show();
        let answer = asserter.introspect(&shown, certificates, &nonce).instrument(span).await.map_err(|error| {
            tracing::warn!(asserter = %id, "it cannot be asked about a chain: {error}");
            Reason::ProofUnavailable
        })?;
        let zkp = confirmed(chain, answer)?;
        let zkp = envelope(&zkp)?;
        let root = chain.root();
        let check = || {
            let checked = self.verifier.check_answer(&zkp, root, (id, &self.me), &nonce, self.clock.now());
            checked.map_err(Reason::ProofRefused)
        };
        self.with_keys(&root.dpa, check).await
    }

    /// Checks with the provider's keys, and once more with newer ones if the proof names one that is not known.
    async fn with_keys(&self, issuer: &str, check: impl Fn() -> Result<(), Reason> + Send) -> Result<(), Reason> {
        let unavailable = |error| {
            tracing::warn!(issuer, "its keys cannot be had: {error}");
            Reason::ProofUnavailable
        };
        self.issuers.renew(issuer).await.map_err(unavailable)?;
        match check() {
            Err(Reason::ProofRefused(ProvenanceError::Key(IssuerKeyError::Unknown))) => {
                self.issuers.look_again(issuer).await.map_err(unavailable)?;
                check()
            }
            other => other,
        }
    }
}

/// The proof in an answer that says what the root says.
fn confirmed(chain: &Chain, answer: IntrospectResponse) -> Result<Zkp, Reason> {
    if !answer.active {
        return Err(Reason::NotActive);
    }
    if chain.root().to_json().as_object() != Some(&answer.claims) {
        return Err(Reason::OtherClaims);
    }
    answer.zkp.ok_or(Reason::ProofMissing)
}

/// The proof as the verifier reads it.
fn envelope(zkp: &Zkp) -> Result<Envelope, Reason> {
    let json = serde_json::to_vec(zkp).unwrap_or_default();
    Envelope::parse(&json).map_err(|error| Reason::ProofRefused(error.into()))
}

impl std::fmt::Debug for ProofCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProofCheck").field("me", &self.me).field("embedded", &self.embedded).finish_non_exhaustive()
    }
}
