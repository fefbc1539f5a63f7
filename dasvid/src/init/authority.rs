//! A certificate authority and the certificates it issues, ECDSA P-256 all.

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// How long an authority is believed.
const AUTHORITY_LIFE: Duration = Duration::days(3650);
/// How long a certificate lives, at most; less than half of it left, and the next run makes another.
pub(super) const LIFE: Duration = Duration::days(730);
/// Clocks may differ.
const BACKDATE: Duration = Duration::hours(1);

/// A certificate and its key, both PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: Zeroizing<String>,
}

/// What a certificate is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// A TLS server by its DNS name.
    Server,
    /// A client by its common name.
    Client,
}

/// An authority called `name` with a fresh key.
pub(super) fn authority(name: &str, now: OffsetDateTime) -> anyhow::Result<Pair> {
    let mut params = named(name, now, AUTHORITY_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: Zeroizing::new(key.serialize_pem()) })
}

impl Pair {
    /// A certificate with a fresh key, by this authority.
    pub(super) fn issue(&self, name: &str, purpose: Purpose, now: OffsetDateTime) -> anyhow::Result<Self> {
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, KeyPair::from_pem(&self.key)?)?;
        let mut params = named(name, now, LIFE);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = match purpose {
            Purpose::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Purpose::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        if matches!(purpose, Purpose::Server) {
            let name = name.try_into().with_context(|| format!("{name:?} is no DNS name"))?;
            params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
        }
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok(Self { certificate, key: Zeroizing::new(key.serialize_pem()) })
    }
}

fn named(name: &str, now: OffsetDateTime, life: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (now - BACKDATE, now + life);
    params
}
