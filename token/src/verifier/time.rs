//! Rule 7: valid now, within the life of the segment before and of the certificate that signs.

use super::Case;
use crate::Timestamp;
use crate::certificates::CertifiedSigner;
use crate::claims::{LinkClaims, Place, RootClaims};
use crate::refusal::{Reason, Refusal, Rule};

/// How far another clock may be ahead, in seconds.
pub(crate) const AHEAD: u64 = 30;
/// How long a token is good after its `exp`, in seconds.
pub(crate) const LEEWAY: u64 = 5;
/// The longest life of a root, in seconds.
pub(crate) const ROOT_LIFE: u64 = 600;
/// The longest life of an anonymous seal, in seconds.
pub(crate) const SEAL_LIFE: u64 = 30;

pub(super) fn check(
    case: &Case<'_>,
    root_certificate: Option<&CertifiedSigner>,
    links: &[CertifiedSigner],
) -> Result<(), Refusal> {
    let refuse = |segment, reason| Refusal::new(Rule::Time, segment, reason);
    let root = case.chain.root();
    check_root(root, root_certificate, case.now).map_err(|reason| refuse(0, reason))?;
    let mut previous = root.exp;
    for (index, (link, segment)) in case.chain.links().iter().zip(1..).enumerate() {
        let claims = &link.claims;
        check_link(claims, root, previous, links.get(index), case.now).map_err(|reason| refuse(segment, reason))?;
        previous = claims.exp;
    }
    Ok(())
}

fn check_root(root: &RootClaims, certificate: Option<&CertifiedSigner>, now: Timestamp) -> Result<(), Reason> {
    check_now(root.iat, root.exp, certificate, now)?;
    if root.exp.since(root.iat) > ROOT_LIFE {
        return Err(Reason::RootLife);
    }
    check_life(root.iat, root.exp, certificate)?;
    if root.oat > root.aat.plus(AHEAD) {
        return Err(Reason::OauthAfterAssertion);
    }
    if root.auth_time.is_some_and(|login| login > root.aat.plus(AHEAD)) {
        return Err(Reason::LoginAfterAssertion);
    }
    if root.aat > root.iat { Err(Reason::AssertedAfterIssue) } else { Ok(()) }
}

fn check_link(
    link: &LinkClaims,
    root: &RootClaims,
    previous: Timestamp,
    certificate: Option<&CertifiedSigner>,
    now: Timestamp,
) -> Result<(), Reason> {
    check_now(link.iat, link.exp, certificate, now)?;
    if link.exp > previous {
        return Err(Reason::OutlivesPrevious);
    }
    if link.iat.plus(AHEAD) < root.iat {
        return Err(Reason::BeforeRoot);
    }
    check_life(link.iat, link.exp, certificate)?;
    let is_seal = matches!(link.place, Place::Anonymous { seal: Some(_) });
    if is_seal && link.exp.since(link.iat) > SEAL_LIFE { Err(Reason::SealLife) } else { Ok(()) }
}

fn check_now(
    iat: Timestamp,
    exp: Timestamp,
    certificate: Option<&CertifiedSigner>,
    now: Timestamp,
) -> Result<(), Reason> {
    if iat > now.plus(AHEAD) {
        return Err(Reason::FromFuture);
    }
    if now >= exp.plus(LEEWAY) {
        return Err(Reason::Expired);
    }
    let mut path = certificate.into_iter().flat_map(|signer| &signer.path);
    if path.all(|certificate| certificate.is_valid_at(now)) { Ok(()) } else { Err(Reason::CertificateTime) }
}

fn check_life(iat: Timestamp, exp: Timestamp, certificate: Option<&CertifiedSigner>) -> Result<(), Reason> {
    if iat >= exp {
        return Err(Reason::NoLife);
    }
    let outlives = certificate.is_some_and(|signer| exp > signer.leaf.not_after);
    if outlives { Err(Reason::OutlivesCertificate) } else { Ok(()) }
}
