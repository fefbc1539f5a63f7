//! Certificates by reference, as the tool leaves and fetches them.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chassis::certificates::{CertificateSource as _, MeshCertificates};
use token::encoding::Digest;
use token::hop::Extension;
use token::{Certificates, Chain, Fetched, Mode, SignerChain};

use crate::input::ChainFile;
use crate::teller::{self, Teller};

impl Teller {
    /// Leaves this workload's certificate with asserting-wl and appends an ID link that names it by its hash alone.
    ///
    /// # Errors
    /// When asserting-wl does not keep the certificate, or the chain cannot be extended.
    pub async fn extend_by_reference(&self, file: &ChainFile, extension: &Extension) -> anyhow::Result<ChainFile> {
        let chain = Chain::parse(&file.da_svid)?;
        ensure!(chain.mode() == Mode::Id, "only links of ID mode have certificates");
        let svid = self.identity().svid()?;
        let own = SignerChain::new(svid.chain.clone())?;
        // Over a connection of its own, for only the certificate of the very connection is taken.
        let left = MeshCertificates(self.another_client()?).leave(own.to_pem()).await;
        left.context("asserting-wl does not keep this workload's certificate")?;
        let extended = teller::extend_id(file, &chain, &svid, extension)?;
        Ok(ChainFile { certificates: file.certificates.clone(), ..extended })
    }

    /// The certificate asserting-wl keeps under this hash, if it keeps one.
    ///
    /// # Errors
    /// When there is no answer, or one that is another certificate.
    pub async fn certificate(&self, x5t: Digest) -> anyhow::Result<Option<SignerChain>> {
        let source = MeshCertificates(self.asserting().clone());
        let Some(text) = source.fetch(x5t).await.context("asserting-wl does not show certificates")? else {
            return Ok(None);
        };
        let chain = SignerChain::parse(&text)?;
        ensure!(chain.x5t() == x5t, "asserting-wl gives another certificate than was asked for");
        Ok(Some(chain))
    }
}

/// What a chain names and `inline` does not hold, as far as asserting-wl keeps it.
///
/// # Errors
/// When asserting-wl does not answer.
pub async fn fetch(teller: &Teller, chain: &Chain, inline: &Certificates) -> anyhow::Result<Fetched> {
    let mut fetched = Fetched::default();
    for reference in chain.references().filter(|reference| !inline.holds(reference.x5t)) {
        if let Some(kept) = teller.certificate(reference.x5t).await? {
            fetched.insert(Arc::new(kept));
        }
    }
    Ok(fetched)
}

/// The chain without the certificates that asserting-wl keeps.
///
/// # Errors
/// When its certificates cannot be read, or asserting-wl does not answer.
pub async fn spared(teller: &Teller, file: &ChainFile) -> anyhow::Result<ChainFile> {
    let Some(field) = &file.certificates else { return Ok(file.clone()) };
    let (chain, inline) = (Chain::parse(&file.da_svid)?, Certificates::parse(field.as_bytes())?);
    let mut kept = HashSet::new();
    for reference in chain.references().filter(|reference| inline.holds(reference.x5t)) {
        if teller.certificate(reference.x5t).await?.is_some() {
            kept.insert(reference.x5t);
        }
    }
    let left = inline.without(&kept);
    Ok(ChainFile { certificates: (!left.is_empty()).then(|| left.to_header()), ..file.clone() })
}
