//! Which certificates travel with a chain, where most of them are found by reference.

use chassis::{
    Process,
    certificates::{Fetcher, Publisher},
    config::AssertingSettings,
    trust::TrustStore,
};
use mesh::{Identity, Svid};
use token::{Certificates, encoding::Digest, header::KeyReference};

use super::wallet::Root;

/// What is known of the certificates that asserting-wl keeps.
pub(crate) struct References {
    /// This workload's own.
    published: Publisher,
    /// Asserting-wl's own, which signs roots.
    others: Fetcher,
}

impl References {
    /// Starts to leave this workload's certificates with asserting-wl.
    pub(crate) fn start(identity: &Identity, asserting: &AssertingSettings, process: &Process) -> anyhow::Result<Self> {
        let (asserting, trust) = ((&asserting.id, &asserting.url), TrustStore::start(identity, &[], process)?);
        Ok(Self {
            published: Publisher::start(identity, asserting, process),
            others: Fetcher::start(identity, asserting, &trust, process)?,
        })
    }

    /// Whether verifiers can fetch the certificate of `svid`.
    fn has_own(&self, svid: &Svid) -> bool {
        self.published.keeps(Digest(svid.x5t))
    }

    /// Whether verifiers can fetch the certificate that signs `root`: whether this workload could.
    async fn has_signer(&self, root: &Root, identity: &Identity) -> bool {
        let (KeyReference::X5t(x5t), Ok(me)) = (&root.chain.root_header().key, identity.id()) else { return false };
        self.others.get(*x5t, &me).await.is_ok()
    }
}

/// The certificates that go with a chain from `root`, and a link by `svid` where there is one.
pub(crate) async fn travelling(
    references: Option<&References>,
    root: &Root,
    svid: Option<&Svid>,
    identity: &Identity,
) -> Certificates {
    let mut certificates = Certificates::default();
    let has_signer = match references {
        Some(references) => references.has_signer(root, identity).await,
        None => false,
    };
    if !has_signer {
        certificates = root.certificates.clone();
    }
    if let Some(svid) = svid.filter(|svid| !references.is_some_and(|references| references.has_own(svid))) {
        svid.chain.iter().for_each(|der| certificates.push(der));
    }
    certificates
}
