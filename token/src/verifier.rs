//! The rules, in their order (tokens.md, "Verification"; exact.md, "Order and blame").
//!
//! One module a rule, or a few that belong together. Each stops at its first failure and says which segment is to blame.
//! Rule 12 belongs to the service where effects happen: it needs its store.

use std::sync::Arc;

use spiffe::SpiffeId;

use crate::binding;
use crate::certificates::{CertificateError, CertifiedSigner, Fetched};
use crate::claims::Only;
use crate::encoding::Digest;
use crate::policy::RequestBinding;
use crate::provenance::Provenance;
use crate::refusal::{Refusal, Rule};
use crate::revocation::RevocationQuery;
use crate::verified::{Evidence, SegmentSigner};
use crate::{Accept, Arrival, Body, Certificates, Chain, Request, Revocations, RouteRule, Timestamp, Trust, Verified};

mod arrival;
mod authority;
mod continuity;
mod depth;
mod form;
mod references;
mod root;
mod signatures;
mod signers;
mod time;

use root::RootSigner;

pub(crate) use depth::max_links;
pub(crate) use signatures::check_anonymous;
pub(crate) use time::{AHEAD, LEEWAY, ROOT_LIFE, SEAL_LIFE};

/// Decides whether a chain is believed by one service.
#[derive(Clone)]
pub struct Verifier {
    me: SpiffeId,
    accept: Accept,
    provenance: Option<Arc<dyn Provenance>>,
}

impl Verifier {
    /// A verifier for the service `me`, with what its policy accepts.
    #[must_use]
    pub fn new(me: SpiffeId, mut accept: Accept) -> Self {
        if accept.trust_domains.is_empty() {
            accept.trust_domains.push(me.trust_domain().clone());
        }
        Self { me, accept, provenance: None }
    }

    /// The same verifier, which also asks for a proof (rule 13).
    #[must_use]
    pub fn with_provenance(mut self, provenance: Arc<dyn Provenance>) -> Self {
        self.provenance = Some(provenance);
        self
    }

    /// The service it verifies for.
    #[must_use]
    pub const fn me(&self) -> &SpiffeId {
        &self.me
    }

    /// What it accepts.
    #[must_use]
    pub const fn accept(&self) -> &Accept {
        &self.accept
    }

    /// Applies rules 1 to 11 and 13 to a chain that arrived with all its certificates. A pure function of its arguments.
    ///
    /// # Errors
    /// The first [`Refusal`]; peers are told only its [`problem_slug`](Refusal::problem_slug).
    pub fn verify(
        &self,
        arrival: &Arrival<'_>,
        trust: &Trust,
        revocations: &dyn Revocations,
        now: Timestamp,
    ) -> Result<Verified<Chain>, Refusal> {
        self.verify_with(arrival, &Fetched::default(), trust, revocations, now)
    }

    /// The same for a chain whose [`references`](Self::references) were `fetched`.
    ///
    /// # Errors
    /// As [`verify`](Self::verify); also when a certificate that was fetched is inline too.
    pub fn verify_with(
        &self,
        arrival: &Arrival<'_>,
        fetched: &Fetched,
        trust: &Trust,
        revocations: &dyn Revocations,
        now: Timestamp,
    ) -> Result<Verified<Chain>, Refusal> {
        let (draft, certificates) = form::read(arrival)?;
        let chain = draft.into_chain(Some(&self.accept.modes))?;
        let (me, accept) = (&self.me, &self.accept);
        let case = Case { me, accept, arrival, trust, chain: &chain, certificates, fetched, now };
        let evidence = self.judge(&case, revocations);
        let evidence = evidence.map_err(|refusal| Refusal { mode: Some(chain.mode()), ..refusal })?;
        Ok(Verified::new(chain, evidence))
    }

    /// Applies rules 3 to 8 and 11 to a chain that a peer shows without bringing a request: for introspection and
    /// diagnosis.
    ///
    /// What passes is genuine, alive and not revoked. Whether anyone may act on it only [`verify`](Self::verify) finds out,
    /// so nothing is returned that says so.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub fn examine(
        &self,
        chain: &Chain,
        (certificates, fetched): (Certificates, &Fetched),
        (peer, peer_x5t): (&SpiffeId, [u8; 32]),
        trust: &Trust,
        revocations: &dyn Revocations,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let request = Request { method: "GET", target: "/", headers: &[], trailers: &[], body: Body::Absent };
        let route = RouteRule { scope: String::new(), request_binding: RequestBinding::None };
        let arrival = Arrival { chain: &[], certificates: &[], peer, peer_x5t, request: &request, route: &route };
        let (me, accept) = (&self.me, &self.accept);
        let case = Case { me, accept, arrival: &arrival, trust, chain, certificates, fetched, now };
        let peer_x5t = Digest(peer_x5t);
        let examined = genuine(&case).and_then(|(root, links)| {
            let signers = segment_signers(root, links);
            revocations.check(&RevocationQuery { chain, signers: &signers, peer, peer_x5t, is_unsafe: false, now })
        });
        examined.map_err(|refusal| Refusal { mode: Some(chain.mode()), ..refusal })
    }

    /// Rules 3 to 13.
    fn judge(&self, case: &Case<'_>, revocations: &dyn Revocations) -> Result<Evidence, Refusal> {
        let (root, links) = genuine(case)?;
        arrival::check(case)?;
        let (authority, body_digest) = authority::check(case)?;
        let evidence = Evidence {
            authority,
            signers: segment_signers(root, links),
            body_digest,
            peer: case.arrival.peer.clone(),
            peer_x5t: Digest(case.arrival.peer_x5t),
            is_unsafe: binding::is_unsafe(case.arrival.request.method),
        };
        revocations.check(&RevocationQuery {
            chain: case.chain,
            signers: &evidence.signers,
            peer: &evidence.peer,
            peer_x5t: evidence.peer_x5t,
            is_unsafe: evidence.is_unsafe,
            now: case.now,
        })?;
        if let Some(provenance) = &self.provenance {
            let refuse = |reason| Refusal::new(Rule::Provenance, 0, reason);
            provenance.check(case.chain, case.arrival, case.now).map_err(refuse)?;
        }
        Ok(evidence)
    }
}

/// Rules 3 to 8: what does not depend on who brings the chain where.
fn genuine(case: &Case<'_>) -> Result<(RootSigner, Vec<CertifiedSigner>), Refusal> {
    let root = root::check(case)?;
    let links = signers::check(case, &root)?;
    signatures::check(case.chain, &root, &links)?;
    continuity::check(case.chain)?;
    time::check(case, root.certificate(), &links)?;
    depth::check(case.chain, case.accept.max_links)?;
    Ok((root, links))
}

fn segment_signers(root: RootSigner, links: Vec<CertifiedSigner>) -> Vec<SegmentSigner> {
    let root = root.into_certificate().map(|certified| SegmentSigner { segment: 0, certified });
    let links = links.into_iter().zip(1..).map(|(certified, segment)| SegmentSigner { segment, certified });
    root.into_iter().chain(links).collect()
}

/// Everything the rules look at.
struct Case<'a> {
    me: &'a SpiffeId,
    accept: &'a Accept,
    arrival: &'a Arrival<'a>,
    trust: &'a Trust,
    chain: &'a Chain,
    certificates: Certificates,
    fetched: &'a Fetched,
    now: Timestamp,
}

impl Case<'_> {
    /// The certified leaf of this hash: inline, or fetched with intermediates of its own.
    fn signer(&self, x5t: Digest) -> Result<CertifiedSigner, CertificateError> {
        match self.certificates.signer(x5t, &self.trust.bundles, self.now) {
            Err(CertificateError::Missing) => self.fetched.signer(x5t, &self.trust.bundles, self.now),
            inline => inline,
        }
    }
}

/// Every `only` of a chain with its segment, from the root on.
fn restrictions(chain: &Chain) -> impl Iterator<Item = (usize, &Only)> + Clone {
    let root = chain.root().only.as_ref();
    let links = chain.links().iter().zip(1..).map(|(link, segment)| (segment, link.claims.only.as_ref()));
    std::iter::once((0, root)).chain(links).filter_map(|(segment, only)| Some((segment, only?)))
}
