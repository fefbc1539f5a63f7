//! `DA-SVID-Certs`: the signers' certificates that travel beside a chain, and the paths that make them count.
//!
//! The field is an RFC 8941 list of byte sequences (RFC 9440 §2.3): leaves in the order of the segments, then
//! intermediates. Its certificates prove nothing until [`Certificates::signer`] finds a path from a leaf to the bundle of
//! the trust domain in the leaf's own URI SAN.
//!
//! Paths are built here rather than by a TLS library because rule 4 does not look at the clock: an expired certificate is
//! refused by rule 7, which names the segment, so a path comes with the validity of each of its certificates. What a
//! certificate may sign and how is decided by the profile in `x509`; its signature is checked by aws-lc with the
//! algorithms of webpki, all of them SHA-256 or better.

use std::collections::HashSet;
use std::sync::OnceLock;

use spiffe::SpiffeId;

use crate::encoding::Digest;
use crate::{Bundles, Timestamp};

mod field;
mod path;
mod reference;
#[cfg(test)]
mod tests;
pub(crate) mod x509;

pub use reference::{Fetched, MAX_PEM_BYTES, Reference, SignerChain};
use x509::X509;

/// The longest value of the field in bytes.
pub const MAX_BYTES: usize = 48 * 1024;
/// The most certificates of a chain: 17 leaves, and one intermediate for each.
pub const MAX_CERTIFICATES: usize = 34;
/// The most intermediates of one path.
pub const MAX_INTERMEDIATES: usize = 4;

/// Why a certificate, or the field that carries them, does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The field is not an RFC 8941 list of byte sequences without parameters, each in canonical base64.
    #[error("not a list of byte sequences")]
    Syntax,
    /// More than 48 KiB or 34 certificates.
    #[error("more than 34 certificates or 48 KiB")]
    TooMany,
    /// No certificate of the hash a segment names.
    #[error("missing from DA-SVID-Certs, and not asked for elsewhere; see accept.certs")]
    Missing,
    /// By reference: the asserter keeps no certificate of the hash a segment names.
    #[error("neither in DA-SVID-Certs nor kept at /certs")]
    NotKept,
    /// By reference: the asserter gives something else than the certificate of that hash with a path to the bundle.
    #[error("what /certs gives for this hash is not that certificate, or leads to no bundle")]
    NotThat,
    /// By reference: the asserter does not answer.
    #[error("/certs cannot be asked right now")]
    Unreachable,
    /// By reference: the peer makes this service ask too often.
    #[error("this peer's chains name too many certificates that are not known here")]
    TooOften,
    /// Not a signer's chain in PEM.
    #[error("not a leaf and at most 4 intermediates in PEM, 16 KiB")]
    Pem,
    /// Not one X.509 v3 certificate in DER.
    #[error("not an X.509 certificate")]
    Malformed,
    /// A critical extension this profile does not know, or name constraints.
    #[error("a critical extension that is not known, or name constraints")]
    Extension,
    /// A leaf that is an authority, or whose key usage is not that of a leaf.
    #[error("a leaf has cA false and a key usage with digitalSignature and without keyCertSign and cRLSign")]
    NotALeaf,
    /// No URI SAN, or more than one.
    #[error("a leaf has exactly one URI SAN")]
    UriSan,
    /// The URI SAN is not a workload's SPIFFE ID.
    #[error("the URI SAN is not the SPIFFE ID of a workload")]
    SpiffeId,
    /// The certified key is of a kind that signs no segment.
    #[error("the certified key is not P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits with e = 65537")]
    Key,
    /// No path to the bundle of its own trust domain.
    #[error("no path to the bundle of its own trust domain")]
    Path,
    /// The same certificate twice.
    #[error("a certificate occurs twice")]
    Repeated,
    /// A certificate on no path of a segment.
    #[error("no segment needs one of the certificates")]
    Unused,
}

/// What `DA-SVID-Certs` carries, in its order. Proves nothing until [`Certificates::signer`] found a path.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    der: Vec<Vec<u8>>,
    hashes: Vec<Digest>,
    /// The authorities among them, read when the first path needs an intermediate.
    authorities: OnceLock<Vec<X509>>,
}

/// A signer's own certificate, of the X509-SVID profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// The one URI SAN.
    pub spiffe_id: SpiffeId,
    /// The certified key.
    pub key: crypto::jose::PublicKey,
    /// SHA-256 of the DER.
    pub x5t: Digest,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

impl Leaf {
    /// Reads a leaf (DER) and checks its profile: exact.md, "Signatures", after X509-SVID §2 to §4.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`], [`CertificateError::Extension`], [`CertificateError::NotALeaf`],
    /// [`CertificateError::UriSan`], [`CertificateError::SpiffeId`] or [`CertificateError::Key`].
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        X509::parse(der)?.leaf()
    }
}

/// One certificate of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathCertificate {
    /// SHA-256 of the DER.
    pub x5t: Digest,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
}

impl PathCertificate {
    /// Whether the certificate is valid at `now`: `notBefore` ≤ now + 30 s and now < `notAfter` + 5 s.
    #[must_use]
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now.plus(30) && now < self.not_after.plus(5)
    }
}

/// A leaf with the one path chosen for it: leaf first, anchor last.
#[derive(Clone, Debug, PartialEq)]
pub struct CertifiedSigner {
    /// The signer's own certificate.
    pub leaf: Leaf,
    /// The leaf, intermediates and the anchor.
    pub path: Vec<PathCertificate>,
}

impl Certificates {
    /// Reads the field's value: syntax and limits only.
    ///
    /// # Errors
    /// [`CertificateError::Syntax`], [`CertificateError::TooMany`].
    pub fn parse(value: &[u8]) -> Result<Self, CertificateError> {
        Ok(Self::of(field::parse(value)?))
    }

    fn of(der: Vec<Vec<u8>>) -> Self {
        let hashes = der.iter().map(Digest::of).collect();
        Self { der, hashes, authorities: OnceLock::new() }
    }

    /// The field's value.
    #[must_use]
    pub fn to_header(&self) -> String {
        field::write(&self.der)
    }

    /// Adds a certificate (DER) unless it is there already: a leaf behind the other leaves, an authority at the end.
    pub fn push(&mut self, der: &[u8]) {
        let hash = Digest::of(der);
        if self.hashes.contains(&hash) {
            return;
        }
        let is_authority = |der: &[u8]| X509::parse(der).is_ok_and(|certificate| certificate.is_authority());
        let at = if is_authority(der) {
            self.der.len()
        } else {
            self.der.iter().rposition(|known| !is_authority(known)).map_or(0, |last| last + 1)
        };
        self.der.insert(at, der.to_vec());
        self.hashes.insert(at, hash);
        self.authorities = OnceLock::new();
    }

    /// The same without these leaves and without the authorities that only they need.
    #[must_use]
    pub fn without(&self, leaves: &HashSet<Digest>) -> Self {
        let parsed: Vec<_> = self.der.iter().map(|der| X509::parse(der).ok()).collect();
        let is_authority = |certificate: &Option<X509>| certificate.as_ref().is_some_and(X509::is_authority);
        let mut stays: Vec<_> =
            self.hashes.iter().zip(&parsed).map(|(hash, one)| !is_authority(one) && !leaves.contains(hash)).collect();
        // Each round reaches one authority further up.
        for _ in 0..MAX_INTERMEDIATES {
            let children: Vec<_> =
                parsed.iter().zip(&stays).filter(|(_, stays)| **stays).filter_map(|(one, _)| one.as_ref()).collect();
            let needed =
                |one: &Option<X509>| one.as_ref().is_some_and(|one| children.iter().any(|child| one.certifies(child)));
            let more: Vec<_> = parsed.iter().map(|one| is_authority(one) && needed(one)).collect();
            stays.iter_mut().zip(more).for_each(|(stays, more)| *stays |= more);
        }
        Self::of(self.der.iter().zip(stays).filter(|(_, stays)| *stays).map(|(der, _)| der.clone()).collect())
    }

    /// The certificates as DER, in order.
    #[must_use]
    pub fn der(&self) -> &[Vec<u8>] {
        &self.der
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.der.is_empty()
    }

    /// Whether there is a certificate of this hash.
    #[must_use]
    pub fn holds(&self, x5t: Digest) -> bool {
        self.hashes.contains(&x5t)
    }

    /// The leaf of hash `x5t` with a path to the bundle of the trust domain in its own URI SAN and of no other.
    ///
    /// Does not look at the clock, except that it prefers a path valid at `now`.
    ///
    /// # Errors
    /// [`CertificateError::Missing`], [`CertificateError::Path`], or what [`Leaf::parse`] refuses.
    pub fn signer(&self, x5t: Digest, bundles: &Bundles, now: Timestamp) -> Result<CertifiedSigner, CertificateError> {
        let der = self.hashes.iter().zip(&self.der).find(|(hash, _)| **hash == x5t).map(|(_, der)| der);
        let certificate = X509::parse(der.ok_or(CertificateError::Missing)?)?;
        let leaf = certificate.leaf()?;
        let path = path::find(&certificate, bundles.of(leaf.spiffe_id.trust_domain()), self, now)?;
        Ok(CertifiedSigner { leaf, path })
    }

    /// Checks that each certificate occurs once and is on one of the paths; `used` are the hashes of all of them.
    ///
    /// # Errors
    /// [`CertificateError::Repeated`], [`CertificateError::Unused`].
    pub fn check_use(&self, used: &HashSet<Digest>) -> Result<(), CertificateError> {
        let mut seen = HashSet::with_capacity(self.hashes.len());
        if !self.hashes.iter().all(|hash| seen.insert(hash)) {
            return Err(CertificateError::Repeated);
        }
        if self.hashes.iter().all(|hash| used.contains(hash)) { Ok(()) } else { Err(CertificateError::Unused) }
    }

    /// Whether one of the hashes is among `others`.
    pub(crate) fn meets(&self, others: &HashSet<Digest>) -> bool {
        self.hashes.iter().any(|hash| others.contains(hash))
    }

    /// Those that may certify others, in the order received.
    fn authorities(&self) -> &[X509] {
        self.authorities.get_or_init(|| {
            self.der.iter().filter_map(|der| X509::parse(der).ok()).filter(X509::is_authority).collect()
        })
    }
}

impl PartialEq for Certificates {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificates {}
