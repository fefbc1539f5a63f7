//! Certificates by reference: a chain names its signers' leaves by hash, and whoever verifies fetches what it does not have.
//!
//! A [`SignerChain`] is what the asserter keeps under one hash: a leaf and its intermediates, as
//! `application/pem-certificate-chain` (RFC 8555 §9.1). It proves no more than a certificate that travels inline: it counts
//! once it leads to the bundle of its own trust domain, so whoever serves it can withhold, never forge.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use pem::{EncodeConfig, LineEnding, Pem};
use spiffe::SpiffeId;

use super::{CertificateError, Certificates, CertifiedSigner, Leaf, MAX_INTERMEDIATES};
use crate::encoding::Digest;
use crate::header::KeyReference;
use crate::{Bundles, Chain, Timestamp};

/// The longest PEM text of one signer's chain in bytes.
pub const MAX_PEM_BYTES: usize = 16 * 1024;

/// The label of a certificate in PEM (RFC 7468 §5).
const LABEL: &str = "CERTIFICATE";

/// A leaf and its intermediates, each certifying the one before; found by the hash of the leaf.
#[derive(Clone, Debug)]
pub struct SignerChain {
    leaf: Leaf,
    certificates: Certificates,
}

impl SignerChain {
    /// Takes certificates (DER), leaf first: form and the leaf's profile only.
    ///
    /// # Errors
    /// [`CertificateError::Pem`] for none or more than a leaf and 4 intermediates, [`CertificateError::Repeated`], or what
    /// [`Leaf::parse`] refuses.
    pub fn new(der: Vec<Vec<u8>>) -> Result<Self, CertificateError> {
        let first = der.first().filter(|_| der.len() <= 1 + MAX_INTERMEDIATES).ok_or(CertificateError::Pem)?;
        let leaf = Leaf::parse(first)?;
        let certificates = Certificates::of(der);
        let distinct: HashSet<_> = certificates.hashes.iter().collect();
        if distinct.len() == certificates.hashes.len() {
            Ok(Self { leaf, certificates })
        } else {
            Err(CertificateError::Repeated)
        }
    }

    /// Reads PEM, leaf first.
    ///
    /// # Errors
    /// [`CertificateError::Pem`] for anything but certificates in PEM of at most 16 KiB, or as [`new`](Self::new).
    pub fn parse(text: &[u8]) -> Result<Self, CertificateError> {
        if text.len() > MAX_PEM_BYTES {
            return Err(CertificateError::Pem);
        }
        let blocks = pem::parse_many(text).map_err(|_| CertificateError::Pem)?;
        if blocks.iter().any(|block| block.tag() != LABEL) {
            return Err(CertificateError::Pem);
        }
        Self::new(blocks.into_iter().map(Pem::into_contents).collect())
    }

    /// The same as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let blocks: Vec<_> = self.der().iter().map(|der| Pem::new(LABEL, der.as_slice())).collect();
        pem::encode_many_config(&blocks, EncodeConfig::new().set_line_ending(LineEnding::LF))
    }

    /// The certificates as DER, leaf first.
    #[must_use]
    pub fn der(&self) -> &[Vec<u8>] {
        self.certificates.der()
    }

    /// The leaf. Nothing in it is believed before [`check`](Self::check).
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The hash it is found by.
    #[must_use]
    pub const fn x5t(&self) -> Digest {
        self.leaf.x5t
    }

    /// The leaf with its path to the bundle of its own trust domain, on which each of the certificates stands.
    ///
    /// # Errors
    /// [`CertificateError::Path`] or [`CertificateError::Unused`].
    pub fn check(&self, bundles: &Bundles, now: Timestamp) -> Result<CertifiedSigner, CertificateError> {
        let certified = self.certificates.signer(self.x5t(), bundles, now)?;
        self.certificates.check_use(&certified.path.iter().map(|at| at.x5t).collect())?;
        Ok(certified)
    }
}

/// What was fetched for one chain, each by the hash the chain names.
///
/// A verifier finds here only what the chain does not carry itself: [`Verifier::verify_with`](crate::Verifier::verify_with)
/// refuses what is in both places.
#[derive(Clone, Debug, Default)]
pub struct Fetched(HashMap<Digest, Arc<SignerChain>>);

impl Fetched {
    /// Adds what was fetched, under the hash of its own leaf.
    pub fn insert(&mut self, chain: Arc<SignerChain>) {
        self.0.insert(chain.x5t(), chain);
    }

    /// Whether a leaf of this hash is here.
    #[must_use]
    pub fn holds(&self, x5t: Digest) -> bool {
        self.0.contains_key(&x5t)
    }

    /// The leaf of hash `x5t`, certified by its own intermediates alone.
    pub(crate) fn signer(
        &self,
        x5t: Digest,
        bundles: &Bundles,
        now: Timestamp,
    ) -> Result<CertifiedSigner, CertificateError> {
        self.0.get(&x5t).ok_or(CertificateError::Missing)?.check(bundles, now)
    }
}

/// A certificate that a chain names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The segment it must have signed: 0 for the root, i for link i.
    pub segment: usize,
    /// SHA-256 of the leaf.
    pub x5t: Digest,
    /// The workload it must be of.
    pub iss: SpiffeId,
}

impl Chain {
    /// The certificates the chain names, from the root on; they may be inline or elsewhere.
    pub fn references(&self) -> impl Iterator<Item = Reference> {
        let root = match self.root_header().key {
            KeyReference::X5t(x5t) => Some(Reference { segment: 0, x5t, iss: self.root().iss.clone() }),
            KeyReference::Kid(_) => None,
        };
        let links = self.links().iter().zip(1..).filter_map(|(link, segment)| {
            Some(Reference { segment, x5t: link.header.x5t?, iss: link.claims.iss()?.clone() })
        });
        root.into_iter().chain(links)
    }
}
