//! Looking at a chain without being a stop on its way, for `/validate` and `/introspect`.
//!
//! The rules and their refusals are those of [`token::Verifier`]; what it would ask of a connection and a route does not
//! apply to a chain that somebody shows.

use std::sync::Arc;

use axum::http::HeaderMap;
use chassis::trust::TrustStore;
use mesh::Peer;
use spiffe::SpiffeId;
use token::certificates::CertificateError;
use token::encoding::Digest;
use token::refusal::Reason;
use token::revocation::{RevocationQuery, Revocations};
use token::{Accept, Certificates, Chain, Mode, Policy, Refusal, Rule, Timestamp, Verifier};
use wire::header::DA_SVID_CERTS;
use wire::problem::ProblemKind;

use crate::certs::Shelf;

/// Examines chains whose root this asserter signed.
pub struct Examiner {
    verifier: Verifier,
    trust: TrustStore,
    shelf: Arc<Shelf>,
    revocations: Arc<dyn Revocations>,
}

/// What somebody shows: a chain, the header that may hold its certificates, and who shows it.
#[derive(Clone, Copy)]
pub struct Exhibit<'a> {
    /// The chain.
    pub chain: &'a Chain,
    /// The request's header.
    pub headers: &'a HeaderMap,
    /// The mTLS peer.
    pub peer: &'a Peer,
}

impl Examiner {
    /// An examiner of roots signed by `me` under a row of `policy`. The trust of `shelf` holds `me`'s own keys.
    #[must_use]
    pub fn new(me: SpiffeId, policy: &Policy, shelf: Arc<Shelf>, revocations: Arc<dyn Revocations>) -> Self {
        let accept = Accept {
            asserters: vec![me.clone()],
            subjects: policy.mint.iter().map(|row| row.caller.clone()).collect(),
            issuers: policy.issuer.iter().map(|issuer| issuer.url.clone()).collect(),
            modes: Mode::ALL.to_vec(),
            ..Accept::default()
        };
        Self { verifier: Verifier::new(me, accept), trust: shelf.trust.clone(), shelf, revocations }
    }

    /// Finds out whether a chain is genuine, alive and not revoked: rules 3 to 8 and 11. Certificates it does not show are
    /// looked for on the shelf.
    ///
    /// # Errors
    /// The first [`Refusal`].
    pub async fn examine(&self, exhibit: Exhibit<'_>, now: Timestamp) -> Result<(), Refusal> {
        let inline = certificates(exhibit.headers)?;
        let fetched = self.shelf.fetch(exhibit.chain, &inline).await.map_err(|reference| {
            let rule = if reference.segment == 0 { Rule::Root } else { Rule::Signers };
            Refusal::new(rule, reference.segment, Reason::Certificate(CertificateError::Unreachable))
        })?;
        let shown_by = (&exhibit.peer.id, exhibit.peer.x5t);
        let trust = self.trust.snapshot();
        self.verifier.examine(exhibit.chain, (inline, &fetched), shown_by, &trust, &*self.revocations, now)
    }

    /// Finds out whether a root that is known to be genuine is alive and not revoked.
    ///
    /// # Errors
    /// A [`Refusal`] of rule `time` or `revocation`.
    pub fn root_alive(&self, root: &Chain, peer: &Peer, now: Timestamp) -> Result<(), Refusal> {
        if root.root().exp <= now {
            return Err(Refusal::new(Rule::Time, 0, Reason::Expired));
        }
        let query = RevocationQuery {
            chain: root,
            signers: &[],
            peer: &peer.id,
            peer_x5t: Digest(peer.x5t),
            is_unsafe: false,
            now,
        };
        self.revocations.check(&query)
    }
}

/// The certificates beside a chain; none without the field.
fn certificates(headers: &HeaderMap) -> Result<Certificates, Refusal> {
    let mut lines = headers.get_all(DA_SVID_CERTS).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(Certificates::default()),
        (Some(line), None) => Certificates::parse(line.as_bytes())
            .map_err(|error| Refusal::new(Rule::Form, None, Reason::CertificateField(error))),
        (Some(_), Some(_)) => Err(Refusal::new(Rule::Form, None, Reason::CertificateLines)),
    }
}

/// Whether a chain may well be alive, but nobody knows what is revoked or kept right now.
pub(crate) fn is_unknown(refusal: &Refusal) -> bool {
    refusal.rule == Rule::Revocation && !matches!(refusal.reason, Reason::Revoked(_))
        || refusal.reason == Reason::Certificate(CertificateError::Unreachable)
}

/// What a refusal means in HTTP.
pub(crate) fn kind_of(refusal: &Refusal) -> ProblemKind {
    ProblemKind::from_slug(refusal.problem_slug()).unwrap_or(ProblemKind::Internal)
}
