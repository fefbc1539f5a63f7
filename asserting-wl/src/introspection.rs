//! `/introspect` (RFC 7662): whether a chain is alive, told only to those it concerns.
//!
//! The answer to everyone else is the answer to a dead token, so asking tells a stranger nothing.

mod root;

use std::sync::Arc;

use axum::http::HeaderMap;
use chassis::Problem;
use mesh::Peer;
use spiffe::SpiffeId;
use store::{Store, StoreError};
use token::chain::Link;
use token::{Chain, Mode, Refusal, Timestamp};
use wire::introspect::{IntrospectRequest, IntrospectResponse};
use wire::problem::ProblemKind;

use crate::examination::{Examiner, Exhibit, is_unknown};
use crate::validation::members;
pub(crate) use root::{CutRoot, digest as cut_root_digest};

/// Why nothing is answered, not even `{"active": false}`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// A proof is asked for.
    #[error("zero-knowledge proofs are not offered by this version; leave `nonce` out")]
    ProofsNotOffered,
    /// Nobody knows what is revoked right now.
    #[error("what is revoked is not known right now")]
    Revocations(#[source] Refusal),
    /// The record of mints cannot be read.
    #[error("the record of mints cannot be read")]
    Store(#[from] StoreError),
}

impl Problem for IntrospectionError {
    fn kind(&self) -> ProblemKind {
        match self {
            Self::ProofsNotOffered => ProblemKind::InvalidRequest,
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
    /// Callers of the policy, who may introspect any chain.
    listed: Vec<SpiffeId>,
}

impl Introspector {
    /// Answers from what `examiner` finds and, for anonymous roots, from the mints in `store`.
    #[must_use]
    pub fn new(examiner: Arc<Examiner>, store: Arc<dyn Store>, listed: Vec<SpiffeId>) -> Self {
        Self { examiner, store, listed }
    }

    /// Answers one question.
    ///
    /// # Errors
    /// [`IntrospectionError`] if a proof is asked for, or the store or what is revoked cannot be read.
    pub async fn introspect(
        &self,
        peer: &Peer,
        request: &IntrospectRequest,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<IntrospectResponse, IntrospectionError> {
        if request.nonce.is_some() {
            return Err(IntrospectionError::ProofsNotOffered);
        }
        if let Some(root) = CutRoot::parse(&request.token) {
            return self.cut_root(peer, &root, now).await;
        }
        let Ok(chain) = Chain::parse(&request.token) else { return Ok(IntrospectResponse::inactive()) };
        let unsealed = chain.mode() == Mode::Anonymous && !chain.last().is_some_and(|link| link.claims.fin());
        let alive = !unsealed && alive(self.examiner.examine(Exhibit { chain: &chain, headers, peer }, now))?;
        if !alive || !self.concerns(&peer.id, &chain) {
            return Ok(IntrospectResponse::inactive());
        }
        Ok(active(&chain))
    }

    /// An anonymous root without a signature is alive if exactly it was minted here and has not ended.
    async fn cut_root(
        &self,
        peer: &Peer,
        root: &CutRoot,
        now: Timestamp,
    ) -> Result<IntrospectResponse, IntrospectionError> {
        let mint = self.store.read().await?.mints().find(&root.chain.root().jti.to_string()).await?;
        let minted = mint.is_some_and(|mint| mint.digest == root.digest && mint.commitment == Some(root.commitment));
        let alive = minted && alive(self.examiner.root_alive(&root.chain, peer, now))?;
        if !alive || !self.concerns(&peer.id, &root.chain) {
            return Ok(IntrospectResponse::inactive());
        }
        Ok(active(&root.chain))
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
            || self.listed.contains(caller)
    }
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
