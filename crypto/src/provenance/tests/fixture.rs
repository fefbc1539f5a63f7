//! Providers with real keys, one a scheme, and what they signed.

use crate::jose::{Algorithm, Curve, PublicKey, SigningKey};
use crate::provenance::{Rounds, Scheme, Statement, Witness, prove, verify};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use std::sync::LazyLock;

pub(super) const MESSAGE: &[u8] = b"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9";
pub(super) const FRESH: [u8; 32] = [7; 32];
pub(super) const NONCE: [u8; 32] = [5; 32];

/// An identity provider.
pub(super) struct Provider {
    pub(super) scheme: Scheme,
    pub(super) key: PublicKey,
    signer: SigningKey,
}

static PROVIDERS: LazyLock<[Provider; 4]> = LazyLock::new(|| Scheme::ALL.map(Provider::new));

/// All four, with keys made once.
pub(super) fn providers() -> &'static [Provider; 4] {
    &PROVIDERS
}

pub(super) fn provider(scheme: Scheme) -> &'static Provider {
    providers().iter().find(|provider| provider.scheme == scheme).unwrap()
}

impl Provider {
    pub(super) fn new(scheme: Scheme) -> Self {
        Self::from_pkcs8(scheme, &SigningKey::generate(scheme.algorithm()).unwrap())
    }

    pub(super) fn rsa(scheme: Scheme, size: KeySize) -> Self {
        let der: Pkcs8V1Der<'static> = KeyPair::generate(size).unwrap().as_der().unwrap();
        Self::from_pkcs8(scheme, der.as_ref())
    }

    fn from_pkcs8(scheme: Scheme, pkcs8: &[u8]) -> Self {
        let signer = SigningKey::from_pkcs8(pkcs8).unwrap();
        Self { scheme, key: signer.public_key(), signer }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.signer.sign(self.scheme.algorithm(), message).unwrap()
    }

    pub(super) fn witness(&self, message: &[u8]) -> Witness {
        Witness::new(self.alg(), &self.key, message, &self.sign(message)).unwrap()
    }

    pub(super) fn alg(&self) -> &'static str {
        self.scheme.algorithm().name()
    }

    pub(super) fn statement(&self) -> Statement<'_> {
        statement(&self.key, self.alg())
    }

    /// An honest proof of the usual statement.
    pub(super) fn proof(&self) -> Vec<u8> {
        prove(&self.statement(), &self.witness(MESSAGE), Rounds::Eight, &FRESH).unwrap()
    }

    /// What the verifier says to a proof of the usual statement.
    pub(super) fn check(&self, proof: &[u8]) -> Result<(), crate::provenance::ProofError> {
        verify(&self.statement(), Rounds::Eight, proof)
    }
}

/// The usual statement.
pub(super) fn statement<'a>(key: &'a PublicKey, alg: &'a str) -> Statement<'a> {
    Statement {
        issuer: "https://idp.example/realms/bank",
        key,
        alg,
        kid: "k1",
        signing_input: MESSAGE,
        root_iss: "spiffe://bank.example/asserting-wl",
        root_jti: "yDk9IPlAWMpLLHFdIsGD8A",
        prover: "spiffe://bank.example/asserting-wl",
        verifier: "spiffe://bank.example/target-wl",
        nonce: &NONCE,
        iat: 1_800_000_000,
        exp: 1_800_000_060,
    }
}

/// RFC 6979 §A.2.5, a P-256 key that others know, too.
pub(super) fn published_p256() -> PublicKey {
    let x = hex::decode("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6").unwrap();
    let y = hex::decode("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299").unwrap();
    PublicKey::ec(Curve::P256, &x, &y).unwrap()
}

/// The width of the salt or R in front of a proof.
pub(super) const fn published_len(scheme: Scheme) -> usize {
    match scheme {
        Scheme::Rs256 => 0,
        Scheme::Ps256 | Scheme::Ed25519 => 32,
        Scheme::Es256 => 33,
    }
}

/// Cuts a proof into what it publishes, the challenge, and each response.
pub(super) fn parts(scheme: Scheme, proof: &[u8]) -> (Vec<u8>, Vec<u8>, Vec<Vec<u8>>) {
    let (published, rest) = proof.split_at(published_len(scheme));
    let (challenge, responses) = rest.split_at(16);
    let width = if matches!(scheme, Scheme::Rs256 | Scheme::Ps256) { responses.len() / 8 } else { 32 };
    (published.to_vec(), challenge.to_vec(), responses.chunks(width).map(<[u8]>::to_vec).collect())
}

pub(super) fn join(published: &[u8], challenge: &[u8], responses: &[Vec<u8>]) -> Vec<u8> {
    [published, challenge, &responses.concat()].concat()
}

pub(super) fn is_rsa(scheme: Scheme) -> bool {
    matches!(scheme.algorithm(), Algorithm::Rs256 | Algorithm::Ps256)
}
