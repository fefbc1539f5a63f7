//! The one path from a leaf to an anchor.

use super::x509::X509;
use super::{CertificateError, Certificates, MAX_INTERMEDIATES, PathCertificate};
use crate::Timestamp;

/// Signatures checked for one leaf before the search is given up: certificates that all bear one name could otherwise
/// be combined in very many ways.
const MAX_CHECKS: usize = 64;

/// Finds the shortest path, one valid at `now` if there is one; leaf first, anchor last.
pub(super) fn find(
    leaf: &X509,
    anchors: &[X509],
    certificates: &Certificates,
    now: Timestamp,
) -> Result<Vec<PathCertificate>, CertificateError> {
    let mut search = Search { anchors, certificates, now: Some(now), checks: MAX_CHECKS };
    for now in [Some(now), None] {
        search.now = now;
        for intermediates in 0..=MAX_INTERMEDIATES {
            let mut path = vec![leaf];
            if search.extend(&mut path, intermediates) {
                return Ok(path.into_iter().map(X509::in_path).collect());
            }
        }
    }
    Err(CertificateError::Path)
}

struct Search<'a> {
    anchors: &'a [X509],
    certificates: &'a Certificates,
    /// Only certificates valid at this moment; any if none.
    now: Option<Timestamp>,
    checks: usize,
}

impl<'a> Search<'a> {
    /// Goes from the end of `path` through exactly this many intermediates to an anchor.
    fn extend(&mut self, path: &mut Vec<&'a X509>, intermediates: usize) -> bool {
        let candidates = if intermediates == 0 { self.anchors } else { self.certificates.authorities() };
        for candidate in candidates {
            if path.contains(&candidate) || !self.certified(path, candidate) {
                continue;
            }
            path.push(candidate);
            if intermediates == 0 || self.extend(path, intermediates - 1) {
                return true;
            }
            path.pop();
        }
        false
    }

    /// Whether `issuer` certifies the last of `path`; the cheap checks come first.
    fn certified(&mut self, path: &[&'a X509], issuer: &X509) -> bool {
        let Some(child) = path.last() else { return false };
        let timely = self.now.is_none_or(|now| issuer.in_path().is_valid_at(now));
        if !timely || !issuer.may_certify(child, path.len() - 1) || self.checks == 0 {
            return false;
        }
        self.checks -= 1;
        issuer.certifies(child)
    }
}
