//! Where a request becomes believed: the one place that asks the verifier, and says, counts and logs what it found.
//!
//! [`Gate::admit`] is for streaming hops; [`buffered`] is middleware for services that read the whole body first, and
//! hands handlers an [`Admitted`] chain. `Forwarded` and `X-Forwarded-Client-Cert` are never read: the peer is the TLS
//! peer of this connection.

mod buffered;
mod error;
mod events;
mod inbound;
mod references;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use mesh::Peer;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use spiffe::SpiffeId;
use token::{
    Accept, Arrival, Body, Chain, Fetched, Mode, Reason, Refusal, Revocations, RouteRule, Rule, Verified, Verifier,
};
use tracing::Instrument as _;
use tracing::field::{Empty, display};

use crate::certificates::Fetcher;
use crate::clock::Clock;
use crate::process::Process;
use crate::provenance::ProofCheck;
use crate::trust::TrustStore;

pub use buffered::{Admitted, Route, buffered};
pub use error::GateError;
pub use events::{EventSink, LogOnly, Rejection, Root};
use inbound::Inbound;

/// Admits requests that carry a chain. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
    provenance: Option<Arc<ProofCheck>>,
    certificates: Option<Fetcher>,
}

struct Inner {
    me: SpiffeId,
    verifier: Verifier,
    trust: TrustStore,
    revocations: Arc<dyn Revocations>,
    events: Arc<dyn EventSink>,
    clock: Arc<dyn Clock>,
    chains: Family<Labels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
    rule: &'static str,
    mode: &'static str,
}

impl Gate {
    /// A gate of the workload `me` that believes what `accept` says. Call it once a process: the metric it registers
    /// has a fixed name.
    pub fn new(
        me: SpiffeId,
        accept: Accept,
        trust: TrustStore,
        revocations: Arc<dyn Revocations>,
        events: Arc<dyn EventSink>,
        process: &Process,
    ) -> Self {
        let chains = process.metrics.register("chains", "Chains that were verified", Family::default());
        let verifier = Verifier::new(me.clone(), accept);
        let inner = Inner { me, verifier, trust, revocations, events, clock: process.clock.clone(), chains };
        Self { inner: Arc::new(inner), provenance: None, certificates: None }
    }

    /// The same gate, which also has proofs checked (rule 13).
    #[must_use]
    pub fn with_provenance(mut self, provenance: Option<ProofCheck>) -> Self {
        self.provenance = provenance.map(Arc::new);
        self
    }

    /// The same gate, which also fetches certificates that a chain names and does not carry.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Option<Fetcher>) -> Self {
        self.certificates = certificates;
        self
    }

    /// Verifies the chain that a request from `peer` carries against the rules of its route.
    ///
    /// `body` is what is known of the content: nothing, its digest, or that it streams on and the caller checks the
    /// digest at its end. If the root names a key that is not known, the keys of its asserter are fetched once.
    ///
    /// # Errors
    /// [`GateError::Refused`] with the rule and the segment; it is logged, counted and told to the event sink already.
    pub async fn admit(
        &self,
        peer: &Peer,
        parts: &Parts,
        body: Body,
        trailers: Option<&HeaderMap>,
        route: &RouteRule,
    ) -> Result<Verified<Chain>, GateError> {
        let inbound = Inbound::new(parts, trailers, body);
        let span = crate::span!(
            "gate.verify",
            dasvid.peer = %peer.id,
            dasvid.mode = Empty,
            dasvid.rule = Empty,
            dasvid.segment = Empty,
            dasvid.segments = Empty,
            dasvid.txn = Empty,
        );
        match self.verify(peer, &inbound, route).instrument(span.clone()).await {
            Ok(chain) => {
                span.record("dasvid.mode", chain.mode().name());
                span.record("dasvid.segments", chain.segments());
                span.record("dasvid.txn", display(&chain.root().txn));
                self.count("accepted", "none", Some(chain.mode()));
                tracing::debug!(txn = %chain.root().txn, links = chain.links().len(), "chain admitted");
                Ok(chain)
            }
            Err(refusal) => {
                span.record("dasvid.rule", refusal.rule.name());
                span.record("dasvid.segment", refusal.segment);
                self.refused(peer, &inbound, &refusal).await;
                Err(GateError::Refused { refusal, culprit: self.inner.me.clone() })
            }
        }
    }

    /// Every rule of this service: first those that need nobody else, then rule 13.
    async fn verify(&self, peer: &Peer, inbound: &Inbound<'_>, route: &RouteRule) -> Result<Verified<Chain>, Refusal> {
        let request = inbound.request();
        let arrival = inbound.arrival(peer, &request, route);
        let chain = self.verify_offline(&arrival, inbound).await?;
        if let Some(provenance) = &self.provenance {
            let certificates = inbound.certificate_lines.first().copied();
            let refused = |reason| Refusal { mode: Some(chain.mode()), ..Refusal::new(Rule::Provenance, 0, reason) };
            provenance.check(&chain, certificates, &arrival).await.map_err(refused)?;
        }
        Ok(chain)
    }

    async fn verify_offline(&self, arrival: &Arrival<'_>, inbound: &Inbound<'_>) -> Result<Verified<Chain>, Refusal> {
        let mut first = self.verify_now(arrival, &Fetched::default());
        if first.as_ref().is_err_and(is_key_missing) && self.refresh_keys(inbound).await {
            first = self.verify_now(arrival, &Fetched::default());
        }
        match first {
            Err(refusal) if refusal.wants_certificate() => self.verify_fetching(arrival, refusal).await,
            outcome => outcome,
        }
    }

    /// Fetches the keys of whoever the root says asserts it; false if that is nobody listed, or was done a moment ago.
    async fn refresh_keys(&self, inbound: &Inbound<'_>) -> bool {
        let Some(asserter) = inbound.chain().map(|chain| chain.root().iss.clone()) else { return false };
        self.inner.trust.refresh_for(&asserter).await
    }

    fn verify_now(&self, arrival: &Arrival<'_>, fetched: &Fetched) -> Result<Verified<Chain>, Refusal> {
        let (trust, now) = (self.inner.trust.snapshot(), self.inner.clock.now());
        self.inner.verifier.verify_with(arrival, fetched, &trust, self.inner.revocations.as_ref(), now)
    }

    /// Counts, logs and reports a refusal, once.
    async fn refused(&self, peer: &Peer, inbound: &Inbound<'_>, refusal: &Refusal) {
        self.count("refused", refusal.rule.name(), refusal.mode);
        let rejection = Rejection::new(refusal, peer, inbound, self.inner.clock.now());
        tracing::info!(
            rule = refusal.rule.name(),
            segment = refusal.segment,
            peer = %peer.id,
            dpa = rejection.root.as_ref().map(|root| root.dpa.as_str()),
            dpr = rejection.root.as_ref().map(|root| root.dpr.as_str()),
            txn = rejection.root.as_ref().map(|root| root.txn.as_str()),
            "chain refused: {}",
            refusal.reason
        );
        self.inner.events.rejected(&rejection).await;
    }

    fn count(&self, outcome: &'static str, rule: &'static str, mode: Option<Mode>) {
        let mode = match mode {
            Some(Mode::Plain) => "plain",
            Some(Mode::Id) => "id",
            Some(Mode::Anonymous) => "anonymous",
            None => "unknown",
        };
        self.inner.chains.get_or_create(&Labels { outcome, rule, mode }).inc();
    }
}

fn is_key_missing(refusal: &Refusal) -> bool {
    refusal.rule == Rule::Root && matches!(refusal.reason, Reason::UnknownKey | Reason::NoKeys)
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("me", &self.inner.me).finish_non_exhaustive()
    }
}
