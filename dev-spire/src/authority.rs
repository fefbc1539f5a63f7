//! The CA of one trust domain: X.509 SVIDs of the exact profile, and the anchors that verify them.

use crate::{Entry, KeyKind, Settings, clock};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, SanType,
};
use spiffe::{SpiffeId, TrustDomain};
use std::time::Duration;
use time::OffsetDateTime;

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// The entry's SPIFFE ID is in another trust domain.
    #[error("{id} is not in the trust domain {trust_domain}")]
    ForeignId {
        /// The SPIFFE ID of the entry.
        id: SpiffeId,
        /// The trust domain of this authority.
        trust_domain: TrustDomain,
    },
    /// The entry's SPIFFE ID has no path, so it names the trust domain and not a workload.
    #[error("{0} has no path; a workload's SPIFFE ID has one")]
    NoPath(SpiffeId),
    /// A key or certificate could not be made, for instance because a DNS name is not one.
    #[error("cannot make a certificate for {id}")]
    Certificate {
        /// Whose certificate.
        id: String,
        /// What is wrong with it.
        source: rcgen::Error,
    },
    /// A signing key could not be made.
    #[error("cannot make a signing key")]
    Key,
}

/// An X.509 SVID with its private key, as the Workload API hands it out.
#[derive(Clone)]
pub struct X509Material {
    /// Whose it is.
    pub id: SpiffeId,
    /// The entry's hint.
    pub hint: String,
    /// The certificates (DER), leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The private key (PKCS#8 DER).
    pub key: Vec<u8>,
    /// When the leaf ends, Unix seconds.
    pub not_after: i64,
}

impl std::fmt::Debug for X509Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("X509Material").field("id", &self.id).field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// The CA of one trust domain. Holds one issuer, and the anchors of those before it.
pub struct Authority {
    settings: Settings,
    issuer: Issuer,
    /// Issuers that are in the bundle and sign nothing yet.
    prepared: Option<Issuer>,
    /// Oldest first; those of `issuer` and `prepared` among them.
    anchors: Vec<Anchor>,
    generation: u32,
}

/// A CA certificate in the bundle.
struct Anchor {
    der: Vec<u8>,
    /// When the last certificate it verifies has ended.
    needed_until: OffsetDateTime,
}

/// One CA certificate and its key.
struct Issuer {
    certified: CertifiedIssuer<'static, KeyPair>,
    not_after: OffsetDateTime,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("trust_domain", &self.settings.trust_domain)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// An authority with a fresh P-256 CA.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`] if no key or certificate could be made.
    pub fn new(settings: Settings) -> Result<Self, AuthorityError> {
        let issuer = Issuer::new(&settings, 1)?;
        let anchors = vec![issuer.anchor()];
        Ok(Self { settings, issuer, prepared: None, anchors, generation: 1 })
    }

    /// The trust domain.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.settings.trust_domain
    }

    /// The anchors (DER), oldest first.
    #[must_use]
    pub fn bundle(&self) -> Vec<Vec<u8>> {
        self.anchors.iter().map(|anchor| anchor.der.clone()).collect()
    }

    /// Issues an X.509 SVID with a fresh key.
    ///
    /// # Errors
    /// [`AuthorityError`] if the entry is not one of this trust domain, or its names do not fit a certificate.
    pub fn issue(&self, entry: &Entry) -> Result<X509Material, AuthorityError> {
        self.admit(entry)?;
        let now = clock::now();
        let not_after = (now + self.settings.x509_ttl).min(self.issuer.not_after);
        let failed = |source| AuthorityError::Certificate { id: entry.id.to_string(), source };
        let key = generate(entry.key).map_err(failed)?;
        let mut params = leaf(entry).map_err(failed)?;
        params.not_before = now - self.settings.backdate;
        params.not_after = not_after;
        let certificate = params.signed_by(&key, &self.issuer.certified).map_err(failed)?;
        Ok(X509Material {
            id: entry.id.clone(),
            hint: entry.hint.clone(),
            chain: vec![certificate.der().to_vec()],
            key: key.serialize_der(),
            not_after: not_after.unix_timestamp(),
        })
    }

    /// Makes the next CA and puts it in the bundle, which loses those CAs whose last SVID has ended. It issues nothing until
    /// [`activate`](Self::activate).
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`] if no key or certificate could be made.
    pub fn prepare(&mut self) -> Result<(), AuthorityError> {
        self.generation += 1;
        let next = Issuer::new(&self.settings, self.generation)?;
        let now = clock::now();
        self.anchors.retain(|anchor| now < anchor.needed_until);
        self.anchors.push(next.anchor());
        self.prepared = Some(next);
        Ok(())
    }

    /// Lets the prepared CA issue from now on. The anchors before it stay in the bundle.
    pub fn activate(&mut self) {
        let Some(next) = self.prepared.take() else { return };
        let last_svid = clock::now() + self.settings.x509_ttl;
        for anchor in self.anchors.iter_mut().filter(|anchor| anchor.der == **self.issuer.certified.der()) {
            anchor.needed_until = anchor.needed_until.min(last_svid);
        }
        self.issuer = next;
    }

    /// Takes every CA but the issuing and the prepared one out of the bundle: what they signed is no longer believed.
    pub fn forget_old(&mut self) {
        let kept = [Some(&self.issuer), self.prepared.as_ref()];
        self.anchors = kept.into_iter().flatten().map(Issuer::anchor).collect();
    }

    fn admit(&self, entry: &Entry) -> Result<(), AuthorityError> {
        if entry.id.trust_domain() != &self.settings.trust_domain {
            let trust_domain = self.settings.trust_domain.clone();
            return Err(AuthorityError::ForeignId { id: entry.id.clone(), trust_domain });
        }
        if entry.id.path().is_empty() {
            return Err(AuthorityError::NoPath(entry.id.clone()));
        }
        Ok(())
    }
}

impl Issuer {
    fn new(settings: &Settings, generation: u32) -> Result<Self, AuthorityError> {
        let id = settings.trust_domain.id_string();
        let failed = |source| AuthorityError::Certificate { id: id.clone(), source };
        let now = clock::now();
        let mut params = CertificateParams::default();
        // The generation keeps the names of two CAs, and of a CA and its leaves, apart.
        params.distinguished_name = name(&format!("dev-spire CA {generation}"));
        params.subject_alt_names = vec![SanType::URI(id.as_str().try_into().map_err(failed)?)];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = now - settings.backdate.max(Duration::from_mins(1));
        params.not_after = now + settings.ca_ttl;
        let not_after = params.not_after;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certified = CertifiedIssuer::self_signed(params, key).map_err(failed)?;
        Ok(Self { certified, not_after })
    }

    fn anchor(&self) -> Anchor {
        Anchor { der: self.certified.der().to_vec(), needed_until: self.not_after }
    }
}

/// The X.509 SVID profile: cA false, digitalSignature, server and client use, one URI SAN.
fn leaf(entry: &Entry) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("dev-spire SVID");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = vec![SanType::URI(entry.id.to_string().try_into()?)];
    for dns in &entry.dns {
        params.subject_alt_names.push(SanType::DnsName(dns.as_str().try_into()?));
    }
    Ok(params)
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "dev-spire, not for production");
    name.push(DnType::CommonName, common);
    name
}

fn generate(kind: KeyKind) -> Result<KeyPair, rcgen::Error> {
    match kind {
        KeyKind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyKind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        KeyKind::Rsa2048 => KeyPair::generate_for(&PKCS_RSA_SHA256),
    }
}
