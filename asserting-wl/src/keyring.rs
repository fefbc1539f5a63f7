//! The keys asserting-wl signs with: one minting key and one Schnorr key, made on first start, sealed in the store.
//!
//! A key's name, kind and algorithm are sealed with it, so no row of the store can stand in for another.

use crypto::jose::{self, JwkMembers};
use crypto::schoco;
use store::seal::{SealError, SealKey};
use store::{KeyRecord, KeyState, Moment, Store, StoreError, Tx};
use token::encoding::base64url;
use token::mode::SCHOCO_R255;
use wire::keys::{Jwk, Jwks};
use zeroize::Zeroizing;

/// [`KeyRecord::kind`] of minting keys.
const MINTING: &str = "jose";
/// [`KeyRecord::kind`] of Schnorr keys.
const SCHNORR: &str = "schnorr";
/// How long a key that no longer signs stays published: longer than any DA-SVID lives, seconds.
const RETIREMENT: u64 = 3600;

/// Why the keys cannot be had; found at start-up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The store failed.
    #[error("the minting keys cannot be read or written")]
    Store(#[from] StoreError),
    /// A key cannot be sealed or opened; the message names the sealing key.
    #[error("the minting keys cannot be unsealed; is the sealing key the one they were made with?")]
    Seal(#[from] SealError),
    /// A key in the store is not what its row says.
    #[error("the minting key `{0}` in the store is not usable")]
    Unusable(String),
    /// The system gave no randomness.
    #[error("no randomness from the system")]
    Randomness,
    /// A key could not be made.
    #[error("a minting key could not be made")]
    Generation(#[from] jose::KeyError),
}

/// A minting key and the name it is published under.
pub struct MintingKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// The one algorithm it signs with.
    pub algorithm: jose::Algorithm,
    /// The private half.
    pub key: jose::SigningKey,
}

/// The key anonymous roots are signed with, and nothing else.
pub struct SchnorrKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// The private half.
    pub key: schoco::SigningKey,
    /// The public half.
    pub public: schoco::RootKey,
}

/// The keys that sign, and all that are published.
pub struct Keyring {
    /// Signs plain and ID roots.
    pub minting: MintingKey,
    /// Signs anonymous roots.
    pub schnorr: SchnorrKey,
    published: Vec<Jwk>,
}

impl Keyring {
    /// Loads the keys, and makes those that are missing, in one transaction: replicas that start at the same time end up
    /// with the same keys. If `algorithm` differs from the last start's, the old minting key stays published for at
    /// least an hour.
    ///
    /// # Errors
    /// [`KeyringError`]; nothing is written then.
    pub async fn open(
        store: &dyn Store,
        seal: &SealKey,
        algorithm: jose::Algorithm,
        now: Moment,
    ) -> Result<Self, KeyringError> {
        let mut tx = store.begin().await?;
        forget_retired(&mut *tx, now).await?;
        let minting = minting_key(&mut *tx, seal, algorithm, now).await?;
        let schnorr = schnorr_key(&mut *tx, seal, now).await?;
        let mut published = Vec::new();
        for record in tx.keys().list(MINTING).await? {
            let key = open_minting(&record, seal)?;
            published.push(jwk(key.key.public_key().members(), key.algorithm.name(), &key.kid));
        }
        for record in tx.keys().list(SCHNORR).await? {
            let key = open_schnorr(&record, seal)?;
            published.push(jwk(&key.public.members(), SCHOCO_R255, &key.kid));
        }
        tx.commit().await?;
        Ok(Self { minting, schnorr, published })
    }

    /// The published keys; with `algorithm`, only those of that `alg`.
    #[must_use]
    pub fn jwks(&self, algorithm: Option<&str>) -> Jwks {
        let wanted = |key: &&Jwk| algorithm.is_none_or(|algorithm| key.alg.as_deref() == Some(algorithm));
        Jwks { keys: self.published.iter().filter(wanted).cloned().collect() }
    }
}

async fn forget_retired(tx: &mut dyn Tx, now: Moment) -> Result<(), StoreError> {
    for record in tx.keys().list(MINTING).await? {
        if record.state == KeyState::Retiring && record.retires_at.is_some_and(|at| at < now) {
            tx.keys().remove(&record.kid).await?;
        }
    }
    Ok(())
}

async fn minting_key(
    tx: &mut dyn Tx,
    seal: &SealKey,
    algorithm: jose::Algorithm,
    now: Moment,
) -> Result<MintingKey, KeyringError> {
    let records = tx.keys().list(MINTING).await?;
    for record in records.iter().filter(|record| record.state == KeyState::Current) {
        if record.alg == algorithm.name() {
            return open_minting(record, seal);
        }
        let retires_at = Some(now.plus_seconds(RETIREMENT));
        tx.keys().set_state(&record.kid, KeyState::Retiring, retires_at).await?;
    }
    let private = jose::SigningKey::generate(algorithm)?;
    let key = jose::SigningKey::from_pkcs8(&private)?;
    let kid = key.public_key().thumbprint();
    insert(tx, seal, (MINTING, algorithm.name(), &kid), &private, now).await?;
    Ok(MintingKey { kid, algorithm, key })
}

async fn schnorr_key(tx: &mut dyn Tx, seal: &SealKey, now: Moment) -> Result<SchnorrKey, KeyringError> {
    let records = tx.keys().list(SCHNORR).await?;
    if let Some(record) = records.iter().find(|record| record.state == KeyState::Current) {
        return open_schnorr(record, seal);
    }
    let mut wide = Zeroizing::new([0; 64]);
    getrandom::fill(wide.as_mut()).map_err(|_| KeyringError::Randomness)?;
    let key = schoco::SigningKey::from_wide(&wide).map_err(|_| KeyringError::Randomness)?;
    let public = key.root_key();
    let kid = public.thumbprint();
    insert(tx, seal, (SCHNORR, SCHOCO_R255, &kid), &key.to_bytes()[..], now).await?;
    Ok(SchnorrKey { kid, key, public })
}

async fn insert(
    tx: &mut dyn Tx,
    seal: &SealKey,
    (purpose, algorithm, kid): (&str, &str, &str),
    private: &[u8],
    now: Moment,
) -> Result<(), KeyringError> {
    let record = KeyRecord {
        kid: kid.to_owned(),
        kind: purpose.to_owned(),
        alg: algorithm.to_owned(),
        sealed: seal.seal(&context(purpose, algorithm, kid), private)?,
        state: KeyState::Current,
        created_at: now,
        not_before: now,
        retires_at: None,
    };
    Ok(tx.keys().insert(&record).await?)
}

/// What is sealed with a key: its place in the store.
fn context(purpose: &str, algorithm: &str, kid: &str) -> Vec<u8> {
    format!("dasvid asserting-wl key v1 {purpose} {algorithm} {kid}").into_bytes()
}

fn unseal(record: &KeyRecord, seal: &SealKey) -> Result<Zeroizing<Vec<u8>>, SealError> {
    seal.open(&context(&record.kind, &record.alg, &record.kid), &record.sealed)
}

fn open_minting(record: &KeyRecord, seal: &SealKey) -> Result<MintingKey, KeyringError> {
    let unusable = || KeyringError::Unusable(record.kid.clone());
    let algorithm: jose::Algorithm = record.alg.parse().map_err(|_| unusable())?;
    let key = jose::SigningKey::from_pkcs8(&unseal(record, seal)?).map_err(|_| unusable())?;
    let named = key.public_key().thumbprint() == record.kid && key.public_key().fits(algorithm);
    if named { Ok(MintingKey { kid: record.kid.clone(), algorithm, key }) } else { Err(unusable()) }
}

fn open_schnorr(record: &KeyRecord, seal: &SealKey) -> Result<SchnorrKey, KeyringError> {
    let unusable = || KeyringError::Unusable(record.kid.clone());
    let private = unseal(record, seal)?;
    let bytes = Zeroizing::new(<[u8; 32]>::try_from(private.as_slice()).map_err(|_| unusable())?);
    let key = schoco::SigningKey::from_bytes(&bytes).map_err(|_| unusable())?;
    let public = key.root_key();
    let named = public.thumbprint() == record.kid;
    if named { Ok(SchnorrKey { kid: record.kid.clone(), key, public }) } else { Err(unusable()) }
}

/// The published form of a public key (RFC 7517 §4).
pub(crate) fn jwk(members: &JwkMembers, algorithm: &str, kid: &str) -> Jwk {
    let encode = |bytes: &Vec<u8>| Some(base64url(bytes));
    let jwk = Jwk {
        kty: members.kty().to_owned(),
        alg: Some(algorithm.to_owned()),
        r#use: Some("sig".to_owned()),
        kid: Some(kid.to_owned()),
        ..Jwk::default()
    };
    match members {
        JwkMembers::Ec { crv, x, y } => Jwk { crv: Some((*crv).to_owned()), x: encode(x), y: encode(y), ..jwk },
        JwkMembers::Rsa { e, n } => Jwk { n: encode(n), e: encode(e), ..jwk },
        JwkMembers::Okp { crv, x } => Jwk { crv: Some((*crv).to_owned()), x: encode(x), ..jwk },
    }
}

#[cfg(test)]
mod tests;
