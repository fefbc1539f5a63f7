//! Rule 4: every ID link's certificate leads to the bundle of the trust domain in its own URI SAN, and to no other.

use std::collections::HashSet;

use super::{Case, RootSigner};
use crate::certificates::{CertificateError, CertifiedSigner};
use crate::chain::Link;
use crate::encoding::Digest;
use crate::mode::{Mode, SegmentAlgorithm};
use crate::refusal::{Reason, Refusal, Rule};

/// The certified signer of every link, in order; none in the other modes.
pub(super) fn check(case: &Case<'_>, root: &RootSigner) -> Result<Vec<CertifiedSigner>, Refusal> {
    let links = if case.chain.mode() == Mode::Id { case.chain.links() } else { &[] };
    let check = |(link, segment)| check_link(case, link).map_err(|reason| Refusal::new(Rule::Signers, segment, reason));
    let signers = links.iter().zip(1..).map(check).collect::<Result<Vec<_>, _>>()?;
    check_certificates_used(case, root.certificate(), &signers)?;
    Ok(signers)
}

fn check_link(case: &Case<'_>, link: &Link) -> Result<CertifiedSigner, Reason> {
    // Cannot fail: a link of an ID chain has an `x5t#S256`.
    let x5t = link.header.x5t.ok_or(Reason::Missing("x5t#S256"))?;
    let signer = case.signer(x5t).map_err(Reason::Certificate)?;
    if Some(&signer.leaf.spiffe_id) != link.claims.iss() {
        return Err(Reason::SignerMismatch);
    }
    if !case.accept.trust_domains.contains(signer.leaf.spiffe_id.trust_domain()) {
        return Err(Reason::TrustDomainNotAllowed);
    }
    if signer.leaf.key.link_algorithm().map(SegmentAlgorithm::Jose) != Some(link.header.alg) {
        return Err(Reason::KeyDoesNotFit);
    }
    Ok(signer)
}

/// Refuses certificates that are repeated, inline or by reference, or on no path of an inline leaf.
fn check_certificates_used(
    case: &Case<'_>,
    root: Option<&CertifiedSigner>,
    links: &[CertifiedSigner],
) -> Result<(), Refusal> {
    let refuse = |error| Refusal::new(Rule::Signers, None, Reason::CertificateField(error));
    let is_inline = |signer: &&CertifiedSigner| case.certificates.holds(signer.leaf.x5t);
    let (inline, fetched): (Vec<_>, Vec<_>) = root.into_iter().chain(links).partition(is_inline);
    let used = on_paths(&inline);
    let elsewhere = &on_paths(&fetched) - &used;
    if case.certificates.meets(&elsewhere) || inline.iter().any(|signer| case.fetched.holds(signer.leaf.x5t)) {
        return Err(refuse(CertificateError::Repeated));
    }
    case.certificates.check_use(&used).map_err(refuse)
}

fn on_paths(signers: &[&CertifiedSigner]) -> HashSet<Digest> {
    signers.iter().flat_map(|signer| &signer.path).map(|at| at.x5t).collect()
}
