//! Certificates by reference: what workloads leave here so that it need not travel with every chain.
//!
//! No body is believed. What is kept is the certificate of the very connection it comes over, by its hash, with
//! intermediates that lead to the bundle. A [`Shelf`] holds [`MOST`] an ID, each until it expires; one more is refused,
//! so that nothing a living chain names is ever given up. This workload's own certificates are on it too.

mod error;

use std::sync::Arc;

use chassis::Clock;
use chassis::trust::TrustStore;
use mesh::{Identity, Peer};
use store::{Keeping, KeptCertificate, Moment, Store, StoreError, retry};
use token::certificates::{CertificateError, Reference};
use token::encoding::Digest;
use token::{Certificates, Chain, Fetched, SignerChain};
use wire::certs::MOST;

pub use error::CertsError;

/// Certificates of workloads of this trust domain.
pub struct Shelf {
    /// Where they are kept.
    pub store: Arc<dyn Store>,
    /// What they must lead to.
    pub trust: TrustStore,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl Shelf {
    /// Keeps the certificate of the connection of `peer`: `body` is its chain as PEM. Whether it is new.
    ///
    /// # Errors
    /// [`CertsError`]; nothing is kept then.
    pub async fn leave(&self, peer: &Peer, body: &[u8]) -> Result<(Digest, bool), CertsError> {
        let chain = SignerChain::parse(body).map_err(CertsError::Chain)?;
        if chain.x5t() != Digest(peer.x5t) || chain.leaf().spiffe_id != peer.id {
            return Err(CertsError::NotYours);
        }
        match self.keep(&chain).await? {
            Keeping::Kept => Ok((chain.x5t(), true)),
            Keeping::Known => Ok((chain.x5t(), false)),
            Keeping::Full => Err(CertsError::Full),
        }
    }

    async fn keep(&self, chain: &SignerChain) -> Result<Keeping, CertsError> {
        let now = self.clock.now();
        chain.check(&self.trust.snapshot().bundles, now).map_err(CertsError::Chain)?;
        let certificate = KeptCertificate {
            x5t: chain.x5t().0,
            spiffe_id: chain.leaf().spiffe_id.to_string(),
            pem: chain.to_pem(),
            expires: Moment::from_seconds(chain.leaf().not_after.0),
        };
        let keeping = retry(|| async {
            let mut tx = self.store.begin().await?;
            let keeping = tx.certificates().keep(&certificate, MOST, Moment::from_seconds(now.0)).await?;
            tx.commit().await?;
            Ok::<_, StoreError>(keeping)
        });
        Ok(keeping.await?)
    }

    /// The certificate of this hash as PEM, and how many seconds it still lives.
    ///
    /// # Errors
    /// [`CertsError::NotKept`] or [`CertsError::Store`].
    pub async fn find(&self, x5t: Digest) -> Result<(String, u64), CertsError> {
        let now = self.clock.now();
        let found = self.store.read().await?.certificates().find(&x5t.0, Moment::from_seconds(now.0)).await?;
        let kept = found.ok_or(CertsError::NotKept)?;
        Ok((kept.pem, kept.expires.seconds().saturating_sub(now.0)))
    }

    /// What a chain names and `inline` does not hold, as far as it is kept here.
    ///
    /// # Errors
    /// [`Reference`] of the first segment for which the store gave no answer.
    pub async fn fetch(&self, chain: &Chain, inline: &Certificates) -> Result<Fetched, Reference> {
        let mut fetched = Fetched::default();
        let wanted = chain.references().filter(|reference| !inline.holds(reference.x5t));
        for reference in wanted {
            match self.find(reference.x5t).await {
                Ok((pem, _)) => {
                    if let Ok(chain) = SignerChain::parse(pem.as_bytes()) {
                        fetched.insert(Arc::new(chain));
                    }
                }
                Err(CertsError::NotKept) => {}
                Err(error) => {
                    tracing::error!("a certificate cannot be looked up: {error}");
                    return Err(reference);
                }
            }
        }
        Ok(fetched)
    }

    /// Keeps this workload's own certificates, now and after each rotation.
    pub(crate) async fn follow(self: Arc<Self>, identity: Identity) {
        let mut updates = identity.updates();
        loop {
            if let Err(error) = self.keep_own(&identity).await {
                tracing::warn!("this workload's own certificate is not kept, and travels inline: {error}");
            }
            if updates.changed().await.is_err() {
                return;
            }
        }
    }

    async fn keep_own(&self, identity: &Identity) -> Result<(), CertsError> {
        let unfit = |_| CertsError::Chain(CertificateError::Malformed);
        let svid = identity.svid().map_err(unfit)?;
        let chain = SignerChain::new(svid.chain.clone()).map_err(CertsError::Chain)?;
        match self.keep(&chain).await? {
            Keeping::Full => Err(CertsError::Full),
            Keeping::Kept | Keeping::Known => Ok(()),
        }
    }
}
