//! One certificate: what it says, what it may sign, and whether another certifies it.
//!
//! Profile: X.509 v3 (RFC 5280) as X509-SVID narrows it and exact.md, "Signatures", narrows that.

use std::str::FromStr as _;

use rustls_pki_types::SignatureVerificationAlgorithm;
use spiffe::SpiffeId;
use x509_parser::asn1_rs::Any;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate, X509Extension, X509Version};

use super::{CertificateError, Leaf, PathCertificate};
use crate::Timestamp;
use crate::encoding::Digest;

/// SPIFFE-ID §2.3: the longest SPIFFE ID in bytes.
const MAX_SPIFFE_ID: usize = 2048;

/// A parsed certificate, detached from its DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct X509 {
    x5t: Digest,
    not_before: Timestamp,
    not_after: Timestamp,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    /// `SubjectPublicKeyInfo` in DER, and its parts as webpki wants them.
    spki: Vec<u8>,
    key_algorithm: Vec<u8>,
    key: Vec<u8>,
    /// What the issuer signed, how, and the signature.
    tbs: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
    extensions: Extensions,
}

/// What the extensions say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extensions {
    /// A critical one that is not known, or name constraints: good for nothing.
    refused: bool,
    authority: bool,
    path_length: Option<u32>,
    /// None without a `KeyUsage`.
    usage: Option<Usage>,
    uris: Vec<String>,
    subject_key: Option<Vec<u8>>,
    authority_key: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Usage {
    digital_signature: bool,
    key_cert_sign: bool,
    crl_sign: bool,
}

impl X509 {
    /// Reads exactly one v3 certificate.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        let bits = &certificate.signature_value;
        let same_algorithm = certificate.signature_algorithm == certificate.tbs_certificate.signature;
        if !rest.is_empty() || certificate.version() != X509Version::V3 || bits.unused_bits != 0 || !same_algorithm {
            return Err(CertificateError::Malformed);
        }
        let spki = certificate.public_key();
        Ok(Self {
            x5t: Digest::of(der),
            not_before: timestamp(certificate.validity().not_before),
            not_after: timestamp(certificate.validity().not_after),
            issuer: certificate.issuer().as_raw().to_vec(),
            subject: certificate.subject().as_raw().to_vec(),
            spki: spki.raw.to_vec(),
            key_algorithm: element(spki.raw, 0).ok_or(CertificateError::Malformed)?,
            key: spki.subject_public_key.data.to_vec(),
            tbs: certificate.tbs_certificate.as_ref().to_vec(),
            signature_algorithm: element(der, 1).ok_or(CertificateError::Malformed)?,
            signature: bits.data.to_vec(),
            extensions: Extensions::read(certificate.extensions())?,
        })
    }

    /// Takes it as a workload's own certificate.
    pub(crate) fn leaf(&self) -> Result<Leaf, CertificateError> {
        let extensions = &self.extensions;
        if extensions.refused {
            return Err(CertificateError::Extension);
        }
        let signs_only = |usage: Usage| usage.digital_signature && !usage.key_cert_sign && !usage.crl_sign;
        if extensions.authority || !extensions.usage.is_some_and(signs_only) {
            return Err(CertificateError::NotALeaf);
        }
        let [uri] = extensions.uris.as_slice() else { return Err(CertificateError::UriSan) };
        Ok(Leaf {
            spiffe_id: workload(uri)?,
            key: crypto::jose::PublicKey::from_spki(&self.spki).map_err(|_| CertificateError::Key)?,
            x5t: self.x5t,
            not_before: self.not_before,
            not_after: self.not_after,
        })
    }

    /// Whether it may certify others.
    pub(crate) fn is_authority(&self) -> bool {
        let extensions = &self.extensions;
        !extensions.refused && extensions.authority && extensions.usage.is_some_and(|usage| usage.key_cert_sign)
    }

    /// Whether names, key identifiers and path length let it certify `child`, with `below` intermediates under it.
    pub(crate) fn may_certify(&self, child: &Self, below: usize) -> bool {
        let same_key = match (&self.extensions.subject_key, &child.extensions.authority_key) {
            (Some(own), Some(wanted)) => own == wanted,
            _ => true,
        };
        let long_enough = self.extensions.path_length.is_none_or(|longest| below as u64 <= u64::from(longest));
        self.is_authority() && self.subject == child.issuer && same_key && long_enough
    }

    /// Whether its key made the signature on `child`.
    pub(crate) fn certifies(&self, child: &Self) -> bool {
        let fits = |algorithm: &&&dyn SignatureVerificationAlgorithm| {
            algorithm.signature_alg_id().as_ref() == child.signature_algorithm
                && algorithm.public_key_alg_id().as_ref() == self.key_algorithm
        };
        webpki::ALL_VERIFICATION_ALGS
            .iter()
            .find(fits)
            .is_some_and(|algorithm| algorithm.verify_signature(&self.key, &child.tbs, &child.signature).is_ok())
    }

    /// Its hash and validity.
    pub(crate) fn in_path(&self) -> PathCertificate {
        PathCertificate { x5t: self.x5t, not_before: self.not_before, not_after: self.not_after }
    }
}

impl Extensions {
    fn read(list: &[X509Extension<'_>]) -> Result<Self, CertificateError> {
        let mut extensions = Self::default();
        for (index, extension) in list.iter().enumerate() {
            if list.iter().take(index).any(|earlier| earlier.oid == extension.oid) {
                return Err(CertificateError::Malformed);
            }
            extensions.take(extension)?;
        }
        Ok(extensions)
    }

    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), CertificateError> {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(constraints) => {
                self.authority = constraints.ca;
                self.path_length = constraints.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => {
                self.usage = Some(Usage {
                    digital_signature: usage.digital_signature(),
                    key_cert_sign: usage.key_cert_sign(),
                    crl_sign: usage.crl_sign(),
                });
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                for name in &names.general_names {
                    match name {
                        GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                        GeneralName::Invalid(..) => return Err(CertificateError::Malformed),
                        _ => {}
                    }
                }
            }
            ParsedExtension::SubjectKeyIdentifier(key) => self.subject_key = Some(key.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                self.authority_key = authority.key_identifier.as_ref().map(|key| key.0.to_vec());
            }
            ParsedExtension::ExtendedKeyUsage(_) => {}
            ParsedExtension::NameConstraints(_) => self.refused = true,
            ParsedExtension::ParseError { .. } => return Err(CertificateError::Malformed),
            _ => self.refused |= extension.critical,
        }
        Ok(())
    }
}

/// A SPIFFE ID with a path, in its one spelling: the library would lower the case of a trust domain.
fn workload(uri: &str) -> Result<SpiffeId, CertificateError> {
    SpiffeId::from_str(uri)
        .ok()
        .filter(|id| uri.len() <= MAX_SPIFFE_ID && !id.path().is_empty() && id.to_string() == uri)
        .ok_or(CertificateError::SpiffeId)
}

/// Moments before 1970 become 0.
fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp(u64::try_from(time.timestamp()).unwrap_or(0))
}

/// The contents of the element at `index` of a sequence.
fn element(sequence: &[u8], index: usize) -> Option<Vec<u8>> {
    let (_, sequence) = Any::from_der(sequence).ok()?;
    let mut rest = sequence.data;
    for _ in 0..index {
        (rest, _) = Any::from_der(rest).ok()?;
    }
    let (_, element) = Any::from_der(rest).ok()?;
    Some(element.data.to_vec())
}
