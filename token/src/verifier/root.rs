//! Rule 3: a listed asserter's own key, for a listed identity provider's people and a listed workload.

use crypto::{jose, schoco};

use super::Case;
use crate::certificates::CertifiedSigner;
use crate::encoding::Digest;
use crate::header::KeyReference;
use crate::mode::SegmentAlgorithm;
use crate::refusal::{Reason, Refusal, Rule};
use crate::{RootKey, RootKeys};

/// The key a root was signed with.
pub(super) enum RootSigner {
    /// A published minting key.
    Published(jose::Algorithm, jose::PublicKey),
    /// The asserter's SVID.
    Svid(jose::Algorithm, Box<CertifiedSigner>),
    /// A published anonymous key.
    Schoco(schoco::RootKey),
}

impl RootSigner {
    /// The certificate, of a root signed with an SVID.
    pub(super) fn certificate(&self) -> Option<&CertifiedSigner> {
        match self {
            Self::Svid(_, certified) => Some(certified),
            _ => None,
        }
    }

    /// As [`certificate`](Self::certificate), owned.
    pub(super) fn into_certificate(self) -> Option<CertifiedSigner> {
        match self {
            Self::Svid(_, certified) => Some(*certified),
            _ => None,
        }
    }
}

pub(super) fn check(case: &Case<'_>) -> Result<RootSigner, Refusal> {
    let refuse = |reason| Refusal::new(Rule::Root, 0, reason);
    let root = case.chain.root();
    if !case.accept.asserters.contains(&root.iss) {
        return Err(refuse(Reason::AsserterNotListed));
    }
    let alg = case.chain.root_header().alg;
    let signer = match &case.chain.root_header().key {
        KeyReference::Kid(kid) => published(case.trust.keys.get(&root.iss), kid, alg),
        KeyReference::X5t(x5t) => svid(case, *x5t, alg),
    };
    let signer = signer.map_err(refuse)?;
    check_people(case)?;
    Ok(signer)
}

/// The clauses of the rule that need no key: the asserter, the person's issuer and the subject are listed.
pub(super) fn check_listed(case: &Case<'_>) -> Result<(), Refusal> {
    if !case.accept.asserters.contains(&case.chain.root().iss) {
        return Err(Refusal::new(Rule::Root, 0, Reason::AsserterNotListed));
    }
    check_people(case)
}

fn check_people(case: &Case<'_>) -> Result<(), Refusal> {
    let refuse = |reason| Refusal::new(Rule::Root, 0, reason);
    let root = case.chain.root();
    if !case.accept.issuers.contains(&root.dpa) {
        return Err(refuse(Reason::IssuerNotListed));
    }
    if !case.accept.subjects.contains(&root.sub) {
        return Err(refuse(Reason::SubjectNotListed));
    }
    Ok(())
}

fn published(keys: Option<&RootKeys>, kid: &str, alg: SegmentAlgorithm) -> Result<RootSigner, Reason> {
    let key = keys.ok_or(Reason::NoKeys)?.find(kid).ok_or(Reason::UnknownKey)?;
    match (key, alg) {
        (RootKey::Jose { alg: own, key }, SegmentAlgorithm::Jose(alg)) if *own == alg => {
            Ok(RootSigner::Published(alg, key.clone()))
        }
        (RootKey::Schoco(key), SegmentAlgorithm::Schoco) => Ok(RootSigner::Schoco(key.clone())),
        _ => Err(Reason::KeyDoesNotFit),
    }
}

fn svid(case: &Case<'_>, x5t: Digest, alg: SegmentAlgorithm) -> Result<RootSigner, Reason> {
    let certified = case.signer(x5t).map_err(Reason::Certificate)?;
    if certified.leaf.spiffe_id != case.chain.root().iss {
        return Err(Reason::SignerMismatch);
    }
    match (certified.leaf.key.link_algorithm(), alg) {
        (Some(own), SegmentAlgorithm::Jose(alg)) if own == alg => Ok(RootSigner::Svid(alg, Box::new(certified))),
        _ => Err(Reason::KeyDoesNotFit),
    }
}
