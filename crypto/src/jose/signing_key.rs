//! Private keys of SVIDs and of minting.

use super::{Algorithm, Curve, KeyError, PublicKey, SignatureError, der, order};
use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaSignatureEncoding,
    },
};
use std::fmt;
use zeroize::Zeroizing;

/// A private key; `Debug` shows only the thumbprint of its public half.
pub struct SigningKey {
    signer: Signer,
    public: PublicKey,
}

enum Signer {
    Ec(Curve, EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads an unencrypted PKCS #8 key in DER (RFC 5958).
    ///
    /// # Errors
    /// [`KeyError::Unsupported`] if it holds no P-256, P-384, Ed25519 or RSA key, or another [`KeyError`] if its public
    /// half is not acceptable.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            Self::ec(Curve::P256, pair)
        } else if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der) {
            Self::ec(Curve::P384, pair)
        } else if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            let public = der::rsa(pair.public_key().as_ref())?;
            Ok(Self { signer: Signer::Rsa(pair), public })
        } else if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            let public = PublicKey::ed25519(pair.public_key().as_ref())?;
            Ok(Self { signer: Signer::Ed25519(pair), public })
        } else {
            Err(KeyError::Unsupported)
        }
    }

    fn ec(curve: Curve, pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = der::point(curve, pair.public_key().as_ref())?;
        Ok(Self { signer: Signer::Ec(curve, pair), public })
    }

    /// Makes a key for the algorithm, as PKCS #8 in DER; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`KeyError::Generation`] if the random generator fails.
    pub fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
            Algorithm::Es384 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random),
            Algorithm::Ed25519 => Ed25519KeyPair::generate_pkcs8v1(&random),
            Algorithm::Ps256 | Algorithm::Rs256 => return Self::generate_rsa(),
        };
        let document = document.map_err(|_| KeyError::Generation)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    fn generate_rsa() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::Generation)?;
        let der: Pkcs8V1Der<'static> = pair.as_der().map_err(|_| KeyError::Generation)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// Signs one message.
    ///
    /// # Errors
    /// [`SignatureError::KeyMismatch`] if the key does not fit the algorithm, [`SignatureError::Signing`] if the library
    /// fails.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        match (&self.signer, algorithm) {
            (Signer::Ec(curve, pair), _) if self.public.fits(algorithm) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| SignatureError::Signing)?;
                let mut signature = signature.as_ref().to_vec();
                order::make_low(*curve, &mut signature)?;
                Ok(signature)
            }
            (Signer::Rsa(pair), Algorithm::Ps256) => sign_rsa(pair, &RSA_PSS_SHA256, message),
            (Signer::Rsa(pair), Algorithm::Rs256) => sign_rsa(pair, &RSA_PKCS1_SHA256, message),
            (Signer::Ed25519(pair), Algorithm::Ed25519) => {
                let signature = pair.try_sign(message).map_err(|_| SignatureError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
            _ => Err(SignatureError::KeyMismatch),
        }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    encoding: &'static RsaSignatureEncoding,
    message: &[u8],
) -> Result<Vec<u8>, SignatureError> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).map_err(|_| SignatureError::Signing)?;
    Ok(signature)
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.thumbprint()).finish()
    }
}
