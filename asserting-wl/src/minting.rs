//! From an access token to a DA-SVID: verify, ask the policy, sign, keep what proves the signature, record.
//!
//! A root leaves this module only after its mint and the `assertion-minted` event were committed together, and after
//! revocations were looked up twice: before the transaction and inside it.

mod count;
mod error;
mod record;

use std::sync::Arc;
use std::time::Duration;

use chassis::Clock;
use mesh::{Identity, Peer, Svid};
use spiffe::SpiffeId;
use store::Store;
use token::claims::{RootClaims, TokenId};
use token::encoding::Digest;
use token::header::{KeyReference, RootHeader};
use token::mint::UnsignedRoot;
use token::policy::Mint;
use token::{Certificates, Chain, Mode, Timestamp};
use tracing::Instrument as _;
use wire::mint::{MintRequest, MintResponse, OauthToken};

use crate::config::{MAX_LIFE, MintKey, MintSettings};
use crate::keyring::signer::{self, Signer, SignerError, SvidSigner};
use crate::keyring::{Keyring, Kind};
use crate::oauth::{AccessToken, OauthVerifier};
use crate::permission::{self, Grant, Wish};
use crate::provenance::Provenance;
use crate::revocations::Ledger;

pub use count::MintCounter;
pub use error::MintError;

/// An SVID with less life than this signs nothing, seconds; its successor is about to come.
const LEAST_SVID_LIFE: u64 = 5;

/// What minting needs.
pub struct Minter {
    /// This workload.
    pub me: SpiffeId,
    /// Whose OAuth tokens count.
    pub oauth: Arc<OauthVerifier>,
    /// Who may mint.
    pub rows: Vec<Mint>,
    /// What signs.
    pub keyring: Arc<Keyring>,
    /// The SVID, where it signs.
    pub identity: Identity,
    /// Where mints are recorded.
    pub store: Arc<dyn Store>,
    /// What proves the OAuth signature.
    pub provenance: Arc<Provenance>,
    /// What is revoked.
    pub revocations: Arc<Ledger>,
    /// How many were made and refused.
    pub counted: MintCounter,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// How roots are signed and how long they live.
    pub settings: MintSettings,
    /// How long a signature may take.
    pub signer_timeout: Duration,
}

/// Which of the three mint endpoints was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/mint`.
    Plain,
    /// `/ecdsaassertion`.
    Id,
    /// `/mintassertion`.
    Anonymous,
}

impl Endpoint {
    /// The mode of its roots.
    #[must_use]
    pub fn mode(self) -> Mode {
        match self {
            Self::Plain => Mode::Plain,
            Self::Id => Mode::Id,
            Self::Anonymous => Mode::Anonymous,
        }
    }
}

impl Minter {
    /// Mints a root for the workload `peer`.
    ///
    /// # Errors
    /// [`MintError`]; nothing was recorded then and nothing is handed out.
    pub async fn mint(
        &self,
        endpoint: Endpoint,
        peer: &Peer,
        request: &MintRequest,
    ) -> Result<MintResponse, MintError> {
        let outcome = self.attempt(endpoint, peer, request).await;
        self.counted.count(endpoint.mode(), outcome.as_ref().err());
        outcome
    }

    async fn attempt(&self, endpoint: Endpoint, peer: &Peer, request: &MintRequest) -> Result<MintResponse, MintError> {
        let rqd = binding(endpoint, request.rqd.as_deref())?;
        let now = self.clock.now();
        let oauth =
            self.oauth.verify(&request.access_token, &peer.id, now).instrument(chassis::span!("oauth.verify")).await?;
        self.revocations.check_login(&oauth.login(), now).map_err(MintError::Revocation)?;
        let wish = Wish {
            caller: &peer.id,
            issuer: &oauth.issuer,
            scopes: &oauth.scopes,
            mode: endpoint.mode(),
            scope: request.scope.as_deref(),
            audience: request.audience.as_deref(),
        };
        let grant = permission::grant(&self.rows, &wish)?;
        let svid = self.svid(endpoint, now)?;
        let claims = RootClaims { rqd, ..self.claims(&peer.id, &oauth, grant, svid.as_deref(), now)? };
        let signing = self
            .sign(endpoint, &claims, svid.as_ref())
            .instrument(chassis::span!("minting.sign", dasvid.mode = endpoint.mode().name()));
        let root = signing.await?;
        let proving_key = self.oauth.proving_key(&request.access_token, now);
        let kept = self.provenance.take(&request.access_token, proving_key.as_ref(), &claims)?;
        record::commit(self, &root, peer, kept.sealed).instrument(chassis::span!("minting.record")).await?;
        Ok(MintResponse {
            da_svid: root.as_str().to_owned(),
            expires_in: claims.exp.since(now),
            oauth_token: OauthToken {
                signature_valid: true,
                expiration_valid: true,
                expires_in: oauth.expires_at.since(now),
            },
            certificates: svid.as_deref().map(certificates),
            proof: kept.proof,
        })
    }

    /// The SVID, where the endpoint signs with it and it lives long enough.
    fn svid(&self, endpoint: Endpoint, now: Timestamp) -> Result<Option<Arc<Svid>>, MintError> {
        let signs = match endpoint {
            Endpoint::Plain => self.settings.key == MintKey::Svid,
            Endpoint::Id => true,
            Endpoint::Anonymous => false,
        };
        if !signs {
            return Ok(None);
        }
        let svid = self.identity.svid().map_err(MintError::Identity)?;
        if svid.not_after.since(now) < LEAST_SVID_LIFE {
            return Err(MintError::IdentityExpires);
        }
        Ok(Some(svid))
    }

    /// What the root says: `exp` is the least of OAuth `exp`, configured life, policy, ten minutes and the SVID's end.
    fn claims(
        &self,
        caller: &SpiffeId,
        oauth: &AccessToken,
        grant: Grant,
        svid: Option<&Svid>,
        now: Timestamp,
    ) -> Result<RootClaims, MintError> {
        let life = self.settings.life.0.min(MAX_LIFE).as_secs().min(grant.max_life);
        let exp = now.plus(life).min(oauth.expires_at);
        Ok(RootClaims {
            iss: self.me.clone(),
            sub: caller.clone(),
            aud: grant.audience,
            dpa: oauth.issuer.clone(),
            dpr: oauth.subject.clone(),
            aat: now,
            oat: oauth.issued_at,
            auth_time: oauth.auth_time,
            sid: oauth.sid.clone(),
            acr: oauth.acr.clone(),
            amr: oauth.amr.clone(),
            client_id: oauth.client_id.clone(),
            iat: now,
            exp: svid.map_or(exp, |svid| exp.min(svid.not_after)),
            jti: TokenId(random()?),
            txn: TokenId(random()?),
            scope: grant.scope,
            only: None,
            cnf: None,
            rqd: None,
        })
    }

    async fn sign(
        &self,
        endpoint: Endpoint,
        claims: &RootClaims,
        svid: Option<&Arc<Svid>>,
    ) -> Result<Chain, MintError> {
        let (signer, key) = if let Some(svid) = svid {
            (svid_signer(svid)?, KeyReference::X5t(Digest(svid.x5t)))
        } else {
            let kind = if endpoint == Endpoint::Anonymous { Kind::Schnorr } else { Kind::Jose };
            let signer = self.keyring.signer(kind, self.clock.moment()).await?;
            let key = KeyReference::Kid(signer.public().thumbprint());
            (signer, key)
        };
        let header = RootHeader { alg: signer::algorithm(signer.public()), key };
        let draft = UnsignedRoot::new(endpoint.mode(), claims, &header)?;
        let tail = signer::sign(&*signer, draft.message(), self.signer_timeout).await?;
        Ok(draft.signed(&tail)?)
    }
}

fn svid_signer(svid: &Arc<Svid>) -> Result<Arc<dyn Signer>, MintError> {
    let signer = SvidSigner::new(Arc::clone(svid)).ok_or(SignerError::Refused)?;
    Ok(Arc::new(signer))
}

/// The request a plain root is bound to; the other modes are bound by their links.
fn binding(endpoint: Endpoint, rqd: Option<&str>) -> Result<Option<Digest>, MintError> {
    match (endpoint, rqd) {
        (_, None) => Ok(None),
        (Endpoint::Plain, Some(rqd)) => rqd.parse().map(Some).map_err(|_| MintError::MalformedBinding),
        (_, Some(_)) => Err(MintError::MisplacedBinding),
    }
}

/// The root's signer and its intermediates as a `DA-SVID-Certs` value.
fn certificates(svid: &Svid) -> String {
    let mut certificates = Certificates::default();
    for der in &svid.chain {
        certificates.push(der);
    }
    certificates.to_header()
}

fn random<const N: usize>() -> Result<[u8; N], MintError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| MintError::Randomness)?;
    Ok(bytes)
}
