//! X.509 bundles: the anchors of each trust domain.

use std::collections::HashMap;

use spiffe::TrustDomain;

use crate::certificates::x509::X509;

/// The anchors of each trust domain, parsed once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundles {
    anchors: HashMap<TrustDomain, Vec<X509>>,
}

impl Bundles {
    /// Sets the anchors (DER) of a trust domain, replacing those before, and says how many count.
    ///
    /// A certificate that is not an authority of this profile (cA, keyCertSign, no name constraints) certifies nothing
    /// and is left out: a bundle with one odd anchor must not cost the others.
    pub fn insert(&mut self, trust_domain: TrustDomain, anchors: impl IntoIterator<Item = impl AsRef<[u8]>>) -> usize {
        let parsed = anchors.into_iter().filter_map(|der| X509::parse(der.as_ref()).ok());
        let anchors: Vec<_> = parsed.filter(X509::is_authority).collect();
        let count = anchors.len();
        self.anchors.insert(trust_domain, anchors);
        count
    }

    /// The trust domains with a bundle, in no order.
    pub fn trust_domains(&self) -> impl Iterator<Item = &TrustDomain> {
        self.anchors.keys()
    }

    /// The anchors of a trust domain; none if it is unknown.
    pub(crate) fn of(&self, trust_domain: &TrustDomain) -> &[X509] {
        self.anchors.get(trust_domain).map_or(&[], Vec::as_slice)
    }
}
