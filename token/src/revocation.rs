//! Rule 11: what is no longer believed although its signature is good (signals.md, "Revocation").
//!
//! One record kills everything it covers: the verifier looks up the root, the person and their session, every link,
//! every signer with its certificates, and the mTLS peer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{PoisonError, RwLock};

use spiffe::SpiffeId;

use crate::claims::TokenId;
use crate::encoding::Digest;
use crate::header::KeyReference;
use crate::refusal::{Reason, Refusal, RevokedBy, Rule};
use crate::verified::SegmentSigner;
use crate::{Chain, Timestamp};

mod key;

pub use key::RevocationKeyError;

/// Everything of a chain and its arrival that can be revoked.
#[derive(Clone, Copy, Debug)]
pub struct RevocationQuery<'a> {
    /// The chain, believed by every rule before.
    pub chain: &'a Chain,
    /// The signers that showed certificates.
    pub signers: &'a [SegmentSigner],
    /// The mTLS peer.
    pub peer: &'a SpiffeId,
    /// SHA-256 of the peer's leaf certificate.
    pub peer_x5t: Digest,
    /// Whether the request may change something; a view that has gone stale then believes nothing.
    pub is_unsafe: bool,
    /// The time.
    pub now: Timestamp,
}

/// A login at an identity provider, before there is a chain: what an OAuth token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Login<'a> {
    /// The identity provider.
    pub dpa: &'a str,
    /// The person there.
    pub dpr: &'a str,
    /// The session there.
    pub sid: Option<&'a str>,
    /// `auth_time`, else the token's `iat`.
    pub at: Timestamp,
}

/// A view of what is revoked.
pub trait Revocations: Send + Sync {
    /// Refuses what is revoked, and everything while the view is incomplete or stale.
    ///
    /// # Errors
    /// A [`Refusal`] of rule `revocation` that blames the segment, or none for the peer and the view.
    fn check(&self, query: &RevocationQuery<'_>) -> Result<(), Refusal>;
}

/// What a record revokes, with the scope that makes the identifier mean something.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RevocationKey {
    /// One DA-SVID and every chain on it.
    Root {
        /// The asserter.
        iss: SpiffeId,
        /// Its root.
        jti: TokenId,
    },
    /// A person's session at the identity provider.
    Session {
        /// The identity provider.
        dpa: String,
        /// Its session.
        sid: String,
    },
    /// A person.
    Person {
        /// The identity provider.
        dpa: String,
        /// Its subject.
        dpr: String,
    },
    /// A link of an ID chain.
    Link {
        /// The signer.
        iss: SpiffeId,
        /// Its link.
        jti: TokenId,
    },
    /// A link of an anonymous chain.
    AnonymousLink {
        /// The asserter.
        root_iss: SpiffeId,
        /// Its root.
        root_jti: TokenId,
        /// The link.
        jti: TokenId,
    },
    /// A workload, as a signer and as a peer.
    Workload(SpiffeId),
    /// A certificate by its SHA-256, as a signer's, in its path, and as a peer's.
    Certificate(Digest),
    /// A published key by its RFC 7638 thumbprint, and every root it signed.
    MintingKey(Digest),
    /// An asserter: every root it minted, or those up to a moment.
    Asserter(SpiffeId),
}

/// One revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationRecord {
    /// What is revoked.
    pub key: RevocationKey,
    /// Only logins (`auth_time`, else `oat`, the OAuth token's `iat`) up to this moment, for an asserter only roots whose
    /// `iat` is not later; absent: all.
    pub not_after_iat: Option<Timestamp>,
    /// When the record may be forgotten: no token it covers is alive then.
    pub expires: Timestamp,
}

/// What a record's moment is compared with.
#[derive(Clone, Copy)]
struct Times {
    /// The person's login.
    login: Timestamp,
    /// The root's `iat`.
    minted: Timestamp,
}

#[derive(Clone, Copy)]
struct Scope {
    not_after_iat: Option<Timestamp>,
    expires: Timestamp,
}

/// How current the table's view is.
#[derive(Clone, Copy)]
enum View {
    /// Fed by nobody: always current.
    Local,
    /// Fed from elsewhere.
    Fed { max_silence: u64, heard: Option<Timestamp> },
}

/// Revocations in memory: an exact map, bounded because records end with what they cover.
pub struct RevocationTable {
    records: RwLock<HashMap<RevocationKey, Scope>>,
    view: RwLock<View>,
}

impl Default for RevocationTable {
    fn default() -> Self {
        Self::local()
    }
}

impl RevocationTable {
    /// A table nobody else feeds: complete and fresh from the start.
    #[must_use]
    pub fn local() -> Self {
        Self::with_view(View::Local)
    }

    /// A table fed from elsewhere: refuses everything until [`heard`](Self::heard). After `max_silence` seconds without
    /// it, it refuses unsafe requests, and safe ones whose root is older than the silence.
    #[must_use]
    pub fn fed(max_silence: u64) -> Self {
        Self::with_view(View::Fed { max_silence, heard: None })
    }

    fn with_view(view: View) -> Self {
        Self { records: RwLock::default(), view: RwLock::new(view) }
    }

    /// Says that the view was complete and current at `now`.
    pub fn heard(&self, now: Timestamp) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        if let View::Fed { heard, .. } = &mut *view {
            *heard = (*heard).max(Some(now));
        }
    }

    /// Adds a record. Duplicate and reordered records converge: the wider scope and the later end win.
    pub fn insert(&self, record: RevocationRecord) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let new = Scope { not_after_iat: record.not_after_iat, expires: record.expires };
        match records.entry(record.key) {
            Entry::Vacant(entry) => {
                entry.insert(new);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                // No moment covers every login.
                known.not_after_iat = known.not_after_iat.zip(new.not_after_iat).map(|(a, b)| a.max(b));
                known.expires = known.expires.max(new.expires);
            }
        }
    }

    /// Forgets what has ended at `now`.
    pub fn purge(&self, now: Timestamp) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.retain(|_, scope| now < scope.expires);
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How long ago the view was current, in seconds; `None` before it was for the first time. Zero for a local table.
    #[must_use]
    pub fn silence(&self, now: Timestamp) -> Option<u64> {
        match *self.view.read().unwrap_or_else(PoisonError::into_inner) {
            View::Local => Some(0),
            View::Fed { heard, .. } => heard.map(|heard| now.since(heard)),
        }
    }

    /// After too long a silence nothing may be changed, and only roots younger than the silence are believed: their
    /// asserter looked at its own, current view when it made them.
    fn check_view(&self, safe_root: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
        let reason = match *self.view.read().unwrap_or_else(PoisonError::into_inner) {
            View::Local => return Ok(()),
            View::Fed { heard: None, .. } => Reason::RevocationsIncomplete,
            View::Fed { max_silence, heard: Some(heard) } => {
                let is_stale = now.since(heard) > max_silence;
                if !is_stale || safe_root.is_some_and(|minted| minted > heard) {
                    return Ok(());
                }
                Reason::RevocationsStale
            }
        };
        Err(Refusal::new(Rule::Revocation, None, reason))
    }

    /// Refuses a login that is revoked by its session or its person, and everything while the view is not current.
    ///
    /// # Errors
    /// As [`Revocations::check`].
    pub fn check_login(&self, login: &Login<'_>, now: Timestamp) -> Result<(), Refusal> {
        self.check_view(None, now)?;
        let session = login.sid.map(|sid| RevocationKey::Session { dpa: login.dpa.to_owned(), sid: sid.to_owned() });
        let person = RevocationKey::Person { dpa: login.dpa.to_owned(), dpr: login.dpr.to_owned() };
        let keys = session.map(|key| (RevokedBy::Session, key)).into_iter().chain([(RevokedBy::Person, person)]);
        self.find(keys.map(|(by, key)| (Some(0), by, key)), Times { login: login.at, minted: now }, now)
    }

    /// Refuses if a record of one of the keys covers a login or a mint at `times`.
    fn find(
        &self,
        mut keys: impl Iterator<Item = (Option<usize>, RevokedBy, RevocationKey)>,
        times: Times,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        if records.is_empty() {
            return Ok(());
        }
        let is_revoked = |key: &RevocationKey| {
            let at = if matches!(key, RevocationKey::Asserter(_)) { times.minted } else { times.login };
            records
                .get(key)
                .is_some_and(|scope| now < scope.expires && scope.not_after_iat.is_none_or(|moment| at <= moment))
        };
        match keys.find(|(_, _, key)| is_revoked(key)) {
            Some((segment, by, _)) => Err(Refusal::new(Rule::Revocation, segment, Reason::Revoked(by))),
            None => Ok(()),
        }
    }
}

impl Revocations for RevocationTable {
    fn check(&self, query: &RevocationQuery<'_>) -> Result<(), Refusal> {
        let root = query.chain.root();
        self.check_view((!query.is_unsafe).then_some(root.iat), query.now)?;
        let times = Times { login: root.auth_time.unwrap_or(root.oat), minted: root.iat };
        self.find(query.keys(), times, query.now)
    }
}

impl<'a> RevocationQuery<'a> {
    /// Every key to look up, in the order of tokens.md, with the segment it blames.
    pub fn keys(&self) -> impl Iterator<Item = (Option<usize>, RevokedBy, RevocationKey)> + 'a {
        let root = self.chain.root();
        let kid = match &self.chain.root_header().key {
            KeyReference::Kid(kid) => kid.parse().ok(),
            KeyReference::X5t(_) => None,
        };
        let of_root = [
            Some((RevokedBy::Root, RevocationKey::Root { iss: root.iss.clone(), jti: root.jti })),
            root.sid.clone().map(|sid| (RevokedBy::Session, RevocationKey::Session { dpa: root.dpa.clone(), sid })),
            Some((RevokedBy::Person, RevocationKey::Person { dpa: root.dpa.clone(), dpr: root.dpr.clone() })),
            Some((RevokedBy::Signer, RevocationKey::Workload(root.iss.clone()))),
            kid.map(|kid| (RevokedBy::MintingKey, RevocationKey::MintingKey(kid))),
            Some((RevokedBy::MintingTime, RevocationKey::Asserter(root.iss.clone()))),
        ];
        let of_peer = [
            (None, RevokedBy::Peer, RevocationKey::Workload(self.peer.clone())),
            (None, RevokedBy::PeerCertificate, RevocationKey::Certificate(self.peer_x5t)),
        ];
        let of_root = of_root.into_iter().flatten().map(|(by, key)| (Some(0), by, key));
        of_root.chain(link_keys(self.chain)).chain(signer_keys(self.signers)).chain(of_peer)
    }
}

fn link_keys(chain: &Chain) -> impl Iterator<Item = (Option<usize>, RevokedBy, RevocationKey)> {
    let root = chain.root();
    chain.links().iter().zip(1..).map(move |(link, segment)| {
        let jti = link.claims.jti;
        let key = match link.claims.iss() {
            Some(iss) => RevocationKey::Link { iss: iss.clone(), jti },
            None => RevocationKey::AnonymousLink { root_iss: root.iss.clone(), root_jti: root.jti, jti },
        };
        (Some(segment), RevokedBy::Link, key)
    })
}

fn signer_keys(signers: &[SegmentSigner]) -> impl Iterator<Item = (Option<usize>, RevokedBy, RevocationKey)> {
    signers.iter().flat_map(|signer| {
        let id = (RevokedBy::Signer, RevocationKey::Workload(signer.certified.leaf.spiffe_id.clone()));
        let certificates = signer.certified.path.iter();
        let certificates = certificates.map(|at| (RevokedBy::Certificate, RevocationKey::Certificate(at.x5t)));
        std::iter::once(id).chain(certificates).map(|(by, key)| (Some(signer.segment), by, key))
    })
}
