//! `/introspect` (RFC 7662): whether a chain is alive, told only to those it concerns.
//!
//! The answer to everyone else is the answer to a dead token, so asking tells a stranger nothing.

mod root;

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use chassis::Problem;
use mesh::Peer;
use spiffe::SpiffeId;
use store::{MayConflict, Moment, Store, StoreError, retry};
use token::chain::Link;
use token::claims::RootClaims;
use token::encoding::{base64url, from_base64url};
use token::policy::Introspect;
use token::{Chain, Mode, Refusal, Timestamp};
use tracing::Instrument as _;
use wire::introspect::{IntrospectRequest, IntrospectResponse, Zkp};
use wire::problem::ProblemKind;

use crate::examination::{Examiner, Exhibit, is_unknown};
use crate::provenance::{Provenance, ProvenanceError};
use crate::validation::members;
pub(crate) use root::{CutRoot, digest as cut_root_digest};

/// How much longer than its token a nonce is remembered, seconds.
const NONCE_LEEWAY: u64 = 30;

/// Why nothing is answered, not even `{"active": false}`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// The nonce is not base64url of 16 to 64 bytes.
    #[error("`nonce` is not base64url of 16 to 64 bytes")]
    MalformedNonce,
    /// The nonce was answered before.
    #[error("this `nonce` was used for this token already; each proof needs a new one")]
    UsedNonce,
    /// The proof cannot be made.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// Nobody knows what is revoked, or whether a certificate is kept, right now.
    #[error("what is revoked or kept is not known right now")]
    Revocations(#[source] Refusal),
    /// The record of mints cannot be read.
    #[error("the record of mints cannot be read")]
    Store(#[from] StoreError),
}

impl MayConflict for IntrospectionError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict())
    }
}

impl Problem for IntrospectionError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::MalformedNonce => ProblemKind::InvalidRequest,
            Self::UsedNonce => ProblemKind::ReplayDetected,
            Self::Provenance(_) => ProblemKind::Internal,
            Self::Revocations(_) | Self::Store(_) => ProblemKind::Unavailable,
        }
    }

    fn is_oauth(&self) -> bool {
        true
    }
}

/// Answers `/introspect`.
pub struct Introspector {
    examiner: Arc<Examiner>,
    store: Arc<dyn Store>,
    provenance: Arc<Provenance>,
    /// Callers of the policy, who may introspect any chain, and whether they may see the OAuth claims.
    listed: HashMap<SpiffeId, bool>,
}

impl Introspector {
    /// Answers from what `examiner` finds and from the mints in `store`, with proofs by `provenance` for the callers
    /// `rows` allows them.
    #[must_use]
    pub fn new(
        examiner: Arc<Examiner>,
        store: Arc<dyn Store>,
        provenance: Arc<Provenance>,
        rows: Vec<Introspect>,
    ) -> Self {
        let mut listed = HashMap::new();
        for row in rows {
            *listed.entry(row.caller).or_default() |= row.oauth_claims;
        }
        Self { examiner, store, provenance, listed }
    }

    /// Answers one question.
    ///
    /// # Errors
    /// [`IntrospectionError`] if the nonce is malformed or was used, or if nobody can know the answer right now.
    pub async fn introspect(
        &self,
        peer: &Peer,
        request: &IntrospectRequest,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<IntrospectResponse, IntrospectionError> {
        let nonce = request.nonce.as_deref().map(nonce).transpose()?;
        let Some(chain) = self.alive(peer, request, headers, now).await? else {
            return Ok(IntrospectResponse::inactive());
        };
        if !self.concerns(&peer.id, &chain) {
            return Ok(IntrospectResponse::inactive());
        }
        let zkp = match nonce {
            Some(nonce) if self.sees_oauth_claims(&peer.id) => {
                self.prove(chain.root(), &peer.id, &nonce, now)
                    .instrument(chassis::span!("introspection.prove"))
                    .await?
            }
            _ => None,
        };
        Ok(IntrospectResponse { zkp, ..active(&chain) })
    }

    /// The chain, if it is genuine, in time and not revoked.
    async fn alive(
        &self,
        peer: &Peer,
        request: &IntrospectRequest,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<Chain>, IntrospectionError> {
        if let Some(root) = CutRoot::parse(&request.token) {
            return Ok(self.cut_root_alive(peer, &root, now).await?.then_some(root.chain));
        }
        let Ok(chain) = Chain::parse(&request.token) else { return Ok(None) };
        let unsealed = chain.mode() == Mode::Anonymous && !chain.last().is_some_and(|link| link.claims.fin());
        let alive = !unsealed && alive(self.examiner.examine(Exhibit { chain: &chain, headers, peer }, now).await)?;
        Ok(alive.then_some(chain))
    }

    /// An anonymous root without a signature is alive if exactly it was minted here and has not ended.
    async fn cut_root_alive(&self, peer: &Peer, root: &CutRoot, now: Timestamp) -> Result<bool, IntrospectionError> {
        let mint = self.store.read().await?.mints().find(&root.chain.root().jti.to_string()).await?;
        let minted = mint.is_some_and(|mint| mint.digest == root.digest && mint.commitment == Some(root.commitment));
        Ok(minted && alive(self.examiner.root_alive(&root.chain, peer, now))?)
    }

    /// A proof for `verifier` and this nonce, which is good for no other; none where the mint kept nothing to prove with.
    async fn prove(
        &self,
        root: &RootClaims,
        verifier: &SpiffeId,
        nonce: &[u8],
        now: Timestamp,
    ) -> Result<Option<Zkp>, IntrospectionError> {
        // Spent before it is used, and no writer waits for the arithmetic.
        let Some(sealed) = retry(|| self.spend(root, nonce)).await? else { return Ok(None) };
        Ok(Some(self.provenance.answer(&sealed, root, verifier, nonce, now)?))
    }

    /// Spends the nonce on this token; what the proof is made of, if the mint kept it.
    async fn spend(&self, root: &RootClaims, nonce: &[u8]) -> Result<Option<Vec<u8>>, IntrospectionError> {
        let jti = root.jti.to_string();
        let mut tx = self.store.begin().await?;
        let Some(sealed) = tx.mints().find(&jti).await?.and_then(|mint| mint.sealed_oauth) else { return Ok(None) };
        // The nonce outlives the token by the leeway in which it may still be asked about.
        let forgotten = Moment::from_seconds(root.exp.plus(NONCE_LEEWAY).0);
        if !tx.revocations().receive(&format!("nonce of {jti}"), &base64url(nonce), forgotten).await? {
            return Err(IntrospectionError::UsedNonce);
        }
        tx.commit().await?;
        Ok(Some(sealed))
    }

    /// A row of the policy says so; being concerned with a chain is not enough.
    fn sees_oauth_claims(&self, caller: &SpiffeId) -> bool {
        self.listed.get(caller).is_some_and(|sees| *sees)
    }

    /// Root `sub`, root `aud`, a link's `iss` or `aud`, or a row of the policy.
    fn concerns(&self, caller: &SpiffeId, chain: &Chain) -> bool {
        let addressed = |entry: &SpiffeId| {
            entry == caller || (entry.path().is_empty() && entry.trust_domain() == caller.trust_domain())
        };
        let acts = |link: &Link| link.claims.iss() == Some(caller) || link.claims.aud() == Some(caller);
        let root = chain.root();
        root.sub == *caller
            || root.aud.iter().any(addressed)
            || chain.links().iter().any(acts)
            || self.listed.contains_key(caller)
    }
}

fn nonce(text: &str) -> Result<Vec<u8>, IntrospectionError> {
    let bytes = from_base64url(text).filter(|bytes| (16..=64).contains(&bytes.len()));
    bytes.ok_or(IntrospectionError::MalformedNonce)
}

/// A refusal is a dead chain, unless it only says that nobody knows.
fn alive(examined: Result<(), Refusal>) -> Result<bool, IntrospectionError> {
    match examined {
        Ok(()) => Ok(true),
        Err(refusal) if is_unknown(&refusal) => Err(IntrospectionError::Revocations(refusal)),
        Err(_) => Ok(false),
    }
}

/// The root's claims, and who acted or how many did (exact.md, "Views and answers").
fn active(chain: &Chain) -> IntrospectResponse {
    let (name, view) = token::act::member(chain);
    let mut claims = members(chain.root().to_json());
    claims.insert(name.to_owned(), view);
    IntrospectResponse { active: true, claims, ..IntrospectResponse::default() }
}
