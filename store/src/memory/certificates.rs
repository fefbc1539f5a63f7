//! Signers' certificates in memory.

use async_trait::async_trait;

use super::MemoryTx;
use crate::{Certificates, Keeping, KeptCertificate, Moment, StoreError};

#[async_trait]
impl Certificates for MemoryTx {
    async fn keep(&mut self, certificate: &KeptCertificate, most: u32, now: Moment) -> Result<Keeping, StoreError> {
        let certificates = &mut self.writer()?.certificates;
        if certificates.contains_key(&certificate.x5t) {
            return Ok(Keeping::Known);
        }
        let lives = |other: &&KeptCertificate| other.spiffe_id == certificate.spiffe_id && other.expires > now;
        if certificates.values().filter(lives).count() >= most as usize {
            return Ok(Keeping::Full);
        }
        certificates.insert(certificate.x5t, certificate.clone());
        Ok(Keeping::Kept)
    }

    async fn find(&mut self, x5t: &[u8; 32], now: Moment) -> Result<Option<KeptCertificate>, StoreError> {
        Ok(self.state.certificates.get(x5t).filter(|certificate| certificate.expires > now).cloned())
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let certificates = &mut self.writer()?.certificates;
        let before = certificates.len();
        certificates.retain(|_, certificate| certificate.expires >= now);
        Ok((before - certificates.len()) as u64)
    }
}
