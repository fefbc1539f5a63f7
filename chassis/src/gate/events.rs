//! What is reported of a chain that was refused (`assertion-rejected`).

use async_trait::async_trait;
use mesh::Peer;
use spiffe::SpiffeId;
use token::{Chain, Mode, Refusal, Rule, Timestamp};

use super::inbound::Inbound;

/// Takes the events of a gate. It must not fail the request: whatever goes wrong is its own to log.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// A chain was refused.
    async fn rejected(&self, rejection: &Rejection);
}

/// Keeps no events; the gate's log line is all there is.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogOnly;

#[async_trait]
impl EventSink for LogOnly {
    async fn rejected(&self, _: &Rejection) {}
}

/// A refusal, without anything of the token that could be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule that refuses.
    pub rule: Rule,
    /// 0 for the root, i for link i, none for the request or the chain as a whole.
    pub segment: Option<usize>,
    /// The reason in words.
    pub reason: String,
    /// The problem kind the peer is told.
    pub problem: &'static str,
    /// The chain's mode, if it was known.
    pub mode: Option<Mode>,
    /// Who brought the chain.
    pub peer: SpiffeId,
    /// What the root says; only when its signature was found good.
    pub root: Option<Root>,
    /// When.
    pub occurred_at: Timestamp,
}

/// What a genuine root says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The asserter.
    pub iss: SpiffeId,
    /// The root's identifier.
    pub jti: String,
    /// The transaction.
    pub txn: String,
    /// The person's identity provider.
    pub dpa: String,
    /// The person there.
    pub dpr: String,
}

impl Rejection {
    pub(super) fn new(refusal: &Refusal, peer: &Peer, inbound: &Inbound<'_>, now: Timestamp) -> Self {
        // Rules after the signatures run only when all of them were good; before that the root is mere words.
        let is_genuine = refusal.rule > Rule::Signatures;
        Self {
            rule: refusal.rule,
            segment: refusal.segment,
            reason: refusal.reason.to_string(),
            problem: refusal.problem_slug(),
            mode: refusal.mode,
            peer: peer.id.clone(),
            root: inbound.chain().filter(|_| is_genuine).map(|chain| Root::of(&chain)),
            occurred_at: now,
        }
    }
}

impl Root {
    /// What the root of a believed chain says.
    #[must_use]
    pub fn of(chain: &Chain) -> Self {
        let root = chain.root();
        Self {
            iss: root.iss.clone(),
            jti: root.jti.to_string(),
            txn: root.txn.to_string(),
            dpa: root.dpa.clone(),
            dpr: root.dpr.clone(),
        }
    }
}
