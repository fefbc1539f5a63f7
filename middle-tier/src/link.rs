//! This hop's own link: what it appends to a chain it believes, and the certificates that go with it.

use std::sync::Arc;

use chassis::Clock;
use chassis::certificates::Publisher;
use chassis::trust::TrustStore;
use http::HeaderValue;
use mesh::{Identity, IdentityError};
use spiffe::SpiffeId;
use thiserror::Error;
use token::claims::{Only, TokenId};
use token::encoding::Digest;
use token::header::KeyReference;
use token::hop::{self, Extension, HopError, Signer};
use token::{Certificates, Chain, Mode, RootKey, Verified};

/// A zero among the numbers drawn has a probability of 2⁻²⁵²; drawing again once is more than enough.
const DRAWS: usize = 3;

/// Why this hop cannot continue a chain.
#[derive(Clone, Debug, Error)]
pub(crate) enum LinkError {
    /// There is no usable SVID right now.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The chain cannot be extended.
    #[error(transparent)]
    Hop(#[from] HopError),
    /// The root's key went away between the verification and the extension.
    #[error("the asserter's key is gone")]
    RootKey,
    /// The operating system gives no random bytes.
    #[error("no random bytes")]
    Random,
    /// What was made does not fit a header field.
    #[error("the chain does not fit a header field")]
    Field,
}

/// What goes to the next hop instead of what arrived.
pub(crate) struct Continued {
    /// The value of `DA-SVID`; marked as sensitive.
    pub(crate) chain: HeaderValue,
    /// The value of `DA-SVID-Certs`.
    pub(crate) certificates: Option<HeaderValue>,
}

/// Appends links in the name of this hop.
pub(crate) struct Linker {
    pub(crate) identity: Identity,
    pub(crate) trust: TrustStore,
    /// By reference: which certificate of this hop need not travel.
    pub(crate) published: Option<Publisher>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) next: SpiffeId,
    pub(crate) only: Option<Only>,
    /// Seconds.
    pub(crate) life: u64,
    /// Whether an anonymous chain is sealed for `next`.
    pub(crate) seal: bool,
}

impl Linker {
    /// Continues a chain: an ID chain with a link signed by this hop's SVID, an anonymous one with a link signed by part
    /// of what arrived, a plain one as it is.
    ///
    /// `certificates` is what arrived in `DA-SVID-Certs`; `rqd` binds the link to its request.
    pub(crate) fn extend(
        &self,
        chain: &Verified<Chain>,
        certificates: Option<&HeaderValue>,
        rqd: Option<Digest>,
    ) -> Result<Continued, LinkError> {
        match chain.mode() {
            Mode::Plain => Ok(Continued { chain: sensitive(chain.as_str())?, certificates: certificates.cloned() }),
            Mode::Anonymous => {
                let text = self.extend_anonymous(chain, rqd)?;
                Ok(Continued { chain: sensitive(&text)?, certificates: certificates.cloned() })
            }
            Mode::Id => self.extend_id(chain, certificates, rqd),
        }
    }

    fn extend_id(
        &self,
        chain: &Chain,
        arrived: Option<&HeaderValue>,
        rqd: Option<Digest>,
    ) -> Result<Continued, LinkError> {
        let svid = self.identity.svid()?;
        let signer = Signer { id: &svid.id, key: &svid.key, x5t: Digest(svid.x5t), not_after: svid.not_after };
        let extension = self.extension(Some(self.next.clone()), rqd, false);
        let text = hop::extend_id(chain, &signer, &extension, TokenId(random()?), self.clock.now())?;
        // Cannot fail: the gate read the same line.
        let mut certificates = arrived.and_then(|line| Certificates::parse(line.as_bytes()).ok()).unwrap_or_default();
        let is_elsewhere = |published: &Publisher| published.keeps(signer.x5t);
        if !self.published.as_ref().is_some_and(is_elsewhere) {
            svid.chain.iter().for_each(|der| certificates.push(der));
        }
        let field = (!certificates.is_empty()).then(|| HeaderValue::try_from(certificates.to_header()));
        Ok(Continued { chain: sensitive(&text)?, certificates: field.transpose().map_err(|_| LinkError::Field)? })
    }

    fn extend_anonymous(&self, chain: &Chain, rqd: Option<Digest>) -> Result<String, LinkError> {
        let trust = self.trust.snapshot();
        let KeyReference::Kid(kid) = &chain.root_header().key else { return Err(LinkError::RootKey) };
        let Some(RootKey::Schoco(key)) = trust.keys.get(&chain.root().iss).and_then(|keys| keys.find(kid)) else {
            return Err(LinkError::RootKey);
        };
        let extension = self.extension(self.seal.then(|| self.next.clone()), rqd, self.seal);
        for _ in 0..DRAWS {
            let (jti, fresh) = (TokenId(random()?), random()?);
            match hop::extend_anonymous(chain, key, &extension, jti, &fresh, self.clock.now()) {
                Err(HopError::DrawAgain) => {}
                other => return Ok(other?),
            }
        }
        Err(LinkError::Hop(HopError::DrawAgain))
    }

    /// Whether the link for `chain` says `fin`.
    pub(crate) fn seals(&self, chain: &Chain) -> bool {
        self.seal && chain.mode() == Mode::Anonymous
    }

    fn extension(&self, next: Option<SpiffeId>, rqd: Option<Digest>, seal: bool) -> Extension {
        Extension { next, only: self.only.clone(), rqd, seal, life: self.life }
    }
}

fn random<const N: usize>() -> Result<[u8; N], LinkError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| LinkError::Random)?;
    Ok(bytes)
}

/// A chain never enters a compression table, and `Debug` does not show it.
fn sensitive(text: &str) -> Result<HeaderValue, LinkError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| LinkError::Field)?;
    value.set_sensitive(true);
    Ok(value)
}
