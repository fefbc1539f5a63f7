//! Rule 5: every signature and every link's hash of what precedes it, or the one anonymous equation.

use crypto::jose;
use crypto::schoco::{self, Step, VerifyError};
use sha2::{Digest as _, Sha256};

use super::RootSigner;
use crate::certificates::CertifiedSigner;
use crate::chain::Chain;
use crate::claims::Place;
use crate::encoding::Digest;
use crate::mode::SegmentAlgorithm;
use crate::refusal::{Reason, Refusal, Rule};

pub(super) fn check(chain: &Chain, root: &RootSigner, links: &[CertifiedSigner]) -> Result<(), Refusal> {
    match root {
        RootSigner::Schoco(key) => check_anonymous(chain, key).map(|_| ()),
        RootSigner::Published(alg, key) => check_each(chain, *alg, key, links),
        RootSigner::Svid(alg, signer) => check_each(chain, *alg, &signer.leaf.key, links),
    }
}

/// The signature of the root alone; that of an anonymous one is part of the whole equation.
pub(super) fn check_root(chain: &Chain, root: &RootSigner) -> Result<(), Refusal> {
    match root {
        RootSigner::Schoco(_) => Ok(()),
        RootSigner::Published(alg, key) => check_one(chain, 0, *alg, key),
        RootSigner::Svid(alg, signer) => check_one(chain, 0, *alg, &signer.leaf.key),
    }
}

fn check_one(chain: &Chain, segment: usize, alg: jose::Algorithm, key: &jose::PublicKey) -> Result<(), Refusal> {
    let verified = key.verify(alg, chain.signed(segment).as_bytes(), chain.tail(segment));
    verified.map_err(|_| Refusal::new(Rule::Signatures, segment, Reason::Signature))
}

fn check_each(
    chain: &Chain,
    alg: jose::Algorithm,
    key: &jose::PublicKey,
    links: &[CertifiedSigner],
) -> Result<(), Refusal> {
    let refuse = |segment, reason| Refusal::new(Rule::Signatures, segment, reason);
    check_one(chain, 0, alg, key)?;
    let mut before = Sha256::new_with_prefix(chain.segment(0));
    for (segment, (link, signer)) in (1..).zip(chain.links().iter().zip(links)) {
        // Cannot fail: rule 2 left JOSE algorithms only in an ID chain.
        let SegmentAlgorithm::Jose(alg) = link.header.alg else { return Err(refuse(segment, Reason::Signature)) };
        check_one(chain, segment, alg, &signer.leaf.key)?;
        let hash = Digest(before.clone().finalize().into());
        if !matches!(&link.claims.place, Place::Id { prv, .. } if *prv == hash) {
            return Err(refuse(segment, Reason::Previous));
        }
        before.update("~");
        before.update(chain.segment(segment));
    }
    Ok(())
}

/// The transcript after the last segment: the next link continues it.
pub(crate) fn check_anonymous(chain: &Chain, key: &schoco::RootKey) -> Result<schoco::Transcript, Refusal> {
    let refuse = |segment: Option<usize>, reason| Refusal::new(Rule::Signatures, segment, reason);
    let last = chain.segments().saturating_sub(1);
    let mut steps = Vec::with_capacity(chain.segments());
    for segment in 0..=last {
        // Cannot fail: rule 1 checked the tails' lengths.
        let r = chain.tail(segment).first_chunk().ok_or_else(|| refuse(Some(segment), Reason::TailLength))?;
        steps.push(Step { message: chain.signed(segment).as_bytes(), r: *r });
    }
    let s = chain.tail(last).last_chunk().ok_or_else(|| refuse(Some(last), Reason::TailLength))?;
    schoco::verify(key, &steps, s).map_err(|error| match error {
        VerifyError::Point { index } => refuse(Some(index), Reason::Point),
        VerifyError::Scalar => refuse(Some(last), Reason::Scalar),
        _ => refuse(None, Reason::Equation),
    })
}
