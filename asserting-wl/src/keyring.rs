//! The keys asserting-wl signs with: a minting key for plain and ID roots and a Schnorr key for anonymous ones.
//!
//! They are kept in the store, so replicas that share it share them: each follows the store and publishes what is there.
//! [`life`] says what becomes of a key and when, [`vault`] makes and keeps the private halves, [`signer`] signs, and
//! [`operator`] is what people do to them.

pub mod life;
pub mod operator;
mod published;
pub mod signer;
#[cfg(test)]
mod tests;
pub mod vault;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use chassis::{Clock, Problem};
use store::{KeyRecord, KeyState, Moment, Store, StoreError, Tx};
use token::mode::SCHOCO_R255;
use tokio_util::sync::CancellationToken;
use wire::keys::{Jwk, Jwks};
use wire::problem::ProblemKind;

use life::{Schedule, Step};
pub(crate) use published::jwk;
use signer::Signer;
use vault::{Made, Vault, VaultError};

/// How often a start is tried again when another replica makes keys at the same time.
const ATTEMPTS: u32 = 20;
/// The pause between two of them.
const PAUSE: Duration = Duration::from_millis(50);
/// Most changes made in one look at the store: more than a key's whole life.
const MOST_STEPS: usize = 16;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signs plain and ID roots and the list of revocations.
    Jose,
    /// Signs anonymous roots, and nothing else.
    Schnorr,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jose, Self::Schnorr];

    /// [`KeyRecord::kind`].
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jose => "jose",
            Self::Schnorr => "schnorr",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// The store failed.
    #[error("the minting keys cannot be read or written")]
    Store(#[from] StoreError),
    /// A key cannot be made or used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store was not seen for too long, so nobody knows which keys other replicas publish.
    #[error("the minting keys were not read from the store for {} seconds", life::MAX_AGE)]
    Stale,
    /// There is no key that signs.
    #[error("there is no {} key that signs", .0.name())]
    Missing(Kind),
}

impl Problem for KeyringError {
    fn kind(&self) -> ProblemKind {
        ProblemKind::Unavailable
    }
}

/// A key, and what signs with it.
struct Held {
    record: KeyRecord,
    jwk: Jwk,
    signer: Arc<dyn Signer>,
}

/// The keys of the store at one moment.
struct View {
    seen: Moment,
    keys: Vec<Arc<Held>>,
}

impl View {
    fn held(&self, record: &KeyRecord) -> Option<Arc<Held>> {
        self.keys.iter().find(|held| held.record == *record).map(Arc::clone)
    }

    /// What signs for a record whose state alone may have changed.
    fn signer_of(&self, record: &KeyRecord) -> Option<Arc<dyn Signer>> {
        let same = |held: &&Arc<Held>| held.record.kid == record.kid && held.record.sealed == record.sealed;
        self.keys.iter().find(same).map(|held| Arc::clone(&held.signer))
    }

    fn is_stale(&self, now: Moment) -> bool {
        self.seen.plus_seconds(life::MAX_AGE) < now
    }
}

/// Told the published keys whenever they change.
type Listener = Box<dyn Fn(&Jwks) + Send + Sync>;

/// The keys that sign, and all that are published.
pub struct Keyring {
    store: Arc<dyn Store>,
    vault: Arc<dyn Vault>,
    schedule: Schedule,
    /// The `alg` of the next minting key.
    alg: &'static str,
    view: RwLock<Arc<View>>,
    listener: OnceLock<Listener>,
}

impl Keyring {
    /// Reads the keys, and makes those that are missing: replicas that start at the same time end up with the same ones.
    ///
    /// # Errors
    /// [`KeyringError`]; a key that cannot be unsealed is one, and nothing is written then.
    pub async fn open(
        store: Arc<dyn Store>,
        vault: Arc<dyn Vault>,
        algorithm: crypto::jose::Algorithm,
        schedule: Schedule,
        now: Moment,
    ) -> Result<Self, KeyringError> {
        let view = RwLock::new(Arc::new(View { seen: Moment(0), keys: Vec::new() }));
        let keyring = Self { store, vault, schedule, alg: algorithm.name(), view, listener: OnceLock::new() };
        keyring.look(now).await?;
        let mut attempts = 1;
        while let Err(error) = keyring.tend(now).await {
            if attempts == ATTEMPTS || !matches!(error, KeyringError::Store(_)) {
                return Err(error);
            }
            attempts += 1;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(keyring)
    }

    /// Tells `listener` the published keys, at once and whenever they change. There is one listener; a second is not told.
    pub fn tell(&self, listener: impl Fn(&Jwks) + Send + Sync + 'static) {
        listener(&self.published(None));
        drop(self.listener.set(Box::new(listener)));
    }

    /// What signs with the current key of a kind.
    ///
    /// # Errors
    /// [`KeyringError::Stale`] if the store was not seen for too long and cannot be seen.
    pub async fn signer(&self, kind: Kind, now: Moment) -> Result<Arc<dyn Signer>, KeyringError> {
        if self.view().is_stale(now) {
            self.look(now).await.map_err(|_| KeyringError::Stale)?;
        }
        let view = self.view();
        let signs = |held: &&Arc<Held>| held.record.kind == kind.name() && held.record.state == KeyState::Current;
        let held = view.keys.iter().find(signs).ok_or(KeyringError::Missing(kind))?;
        Ok(Arc::clone(&held.signer))
    }

    /// The published keys as the store has them now; with `alg`, only those of that algorithm.
    ///
    /// # Errors
    /// [`KeyringError::Stale`] if the store cannot be seen and was not for too long.
    pub async fn jwks(&self, alg: Option<&str>, now: Moment) -> Result<Jwks, KeyringError> {
        if let Err(error) = self.look(now).await {
            tracing::warn!("the published keys are those of a moment ago: {error}");
            if self.view().is_stale(now) {
                return Err(KeyringError::Stale);
            }
        }
        Ok(self.published(alg))
    }

    fn published(&self, alg: Option<&str>) -> Jwks {
        let wanted = |jwk: &&Jwk| alg.is_none_or(|alg| jwk.alg.as_deref() == Some(alg));
        Jwks { keys: self.view().keys.iter().map(|held| &held.jwk).filter(wanted).cloned().collect() }
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Follows the store until `stop` is cancelled: takes over what others changed and does what is due.
    pub(crate) async fn follow(self: Arc<Self>, every: Duration, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut failures = 0_u32;
        while tokio::time::timeout(every, stop.cancelled()).await.is_err() {
            match self.tend(clock.moment()).await {
                Ok(()) => failures = 0,
                // Another replica was faster; what it did is seen at the next look.
                Err(KeyringError::Store(StoreError::Duplicate | StoreError::Conflict)) => {}
                Err(error) => {
                    failures = failures.saturating_add(1);
                    if failures % 30 == 3 {
                        tracing::error!(failures, "the minting keys cannot be followed: {error}");
                    }
                }
            }
        }
    }

    /// Does what is due for the keys of every kind, and takes over what the store holds then.
    ///
    /// # Errors
    /// [`KeyringError`]; [`StoreError::Duplicate`] or [`StoreError::Conflict`] in it means that another replica was faster.
    pub async fn tend(&self, now: Moment) -> Result<(), KeyringError> {
        for kind in Kind::ALL {
            for _ in 0..MOST_STEPS {
                if !self.step(kind, now).await? {
                    break;
                }
            }
        }
        self.look(now).await
    }

    /// Takes over what the store holds.
    ///
    /// # Errors
    /// [`KeyringError`]; the view stays as it was then, and ages.
    pub async fn look(&self, now: Moment) -> Result<(), KeyringError> {
        let mut keys = Vec::new();
        let known = self.view();
        for record in records(&mut *self.store.read().await?).await? {
            keys.push(match known.held(&record) {
                Some(held) => held,
                None => Arc::new(self.hold(&known, record).await?),
            });
        }
        let same = keys.len() == known.keys.len() && keys.iter().zip(&known.keys).all(|(a, b)| Arc::ptr_eq(a, b));
        {
            let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
            // A slower look must not undo a later one.
            if view.seen <= now {
                *view = Arc::new(View { seen: now, keys });
            }
        }
        if let Some(listener) = self.listener.get().filter(|_| !same) {
            listener(&self.published(None));
        }
        Ok(())
    }

    /// A record with what signs for it; the same signer as before where only its state changed.
    async fn hold(&self, known: &View, record: KeyRecord) -> Result<Held, KeyringError> {
        let signer = match known.signer_of(&record) {
            Some(signer) => signer,
            None => self.vault.open(&record).await?,
        };
        let jwk = published::of(signer.public());
        Ok(Held { record, jwk, signer })
    }

    /// Does the first thing that is due; false if there is none.
    async fn step(&self, kind: Kind, now: Moment) -> Result<bool, KeyringError> {
        let alg = match kind {
            Kind::Jose => self.alg,
            Kind::Schnorr => SCHOCO_R255,
        };
        let records = self.store.read().await?.keys().list(kind.name()).await?;
        let Some(step) = life::due(&records, alg, &self.schedule, now) else { return Ok(false) };
        // Made before the transaction begins: no writer waits for a key, wherever it is made.
        let made = match step {
            Step::Make { .. } => Some(self.vault.make(kind, alg).await?),
            _ => None,
        };
        let mut tx = self.store.begin().await?;
        let records = tx.keys().list(kind.name()).await?;
        if life::due(&records, alg, &self.schedule, now).as_ref() != Some(&step) {
            return Ok(true);
        }
        apply(&mut *tx, (kind, alg), &step, made, now).await?;
        tx.commit().await?;
        tracing::info!(kind = kind.name(), ?step, "the keys have changed");
        Ok(true)
    }
}

/// Every key of the store, by kind and age.
async fn records(tx: &mut dyn Tx) -> Result<Vec<KeyRecord>, StoreError> {
    let mut records = tx.keys().list(Kind::Jose.name()).await?;
    records.append(&mut tx.keys().list(Kind::Schnorr.name()).await?);
    Ok(records)
}

async fn apply(
    tx: &mut dyn Tx,
    (kind, alg): (Kind, &str),
    step: &Step,
    made: Option<Made>,
    now: Moment,
) -> Result<(), StoreError> {
    match (step, made) {
        (Step::Forget(ended), _) => {
            tx.keys().remove(ended).await?;
        }
        (Step::Promote { begins, retires }, _) => {
            if let Some(retires) = retires {
                let retires_at = Some(now.plus_seconds(life::RETIREMENT));
                tx.keys().set_state(retires, KeyState::Retiring, retires_at).await?;
            }
            tx.keys().set_state(begins, KeyState::Current, None).await?;
        }
        (Step::Make { state, not_before }, Some(made)) => {
            tx.keys().insert(&record((kind, alg), made, *state, (now, *not_before))).await?;
        }
        (Step::Make { .. }, None) => {}
    }
    Ok(())
}

fn record(
    (kind, alg): (Kind, &str),
    made: Made,
    state: KeyState,
    (created_at, not_before): (Moment, Moment),
) -> KeyRecord {
    KeyRecord {
        kid: made.kid,
        kind: kind.name().to_owned(),
        alg: alg.to_owned(),
        sealed: made.kept,
        state,
        created_at,
        not_before,
        retires_at: None,
    }
}
