//! One hop of a chain: a link of its own on what arrived.
//!
//! Pure on purpose: no clock, key or random generator of its own, so every rule here is tested without I/O. A middle tier
//! verifies first; subject-wl extends the root it has just been given.

use crypto::{jose, schoco};
use spiffe::SpiffeId;
use zeroize::Zeroizing;

use crate::Timestamp;
use crate::chain::{Chain, MAX_LINKS};
use crate::claims::{LinkClaims, Only, Place, TokenId};
use crate::encoding::{self, Digest};
use crate::header::LinkHeader;
use crate::mode::{Mode, SegmentAlgorithm};
use crate::refusal::Refusal;
use crate::verifier::{self, SEAL_LIFE};

/// With less than this left on its certificate, in seconds, a signer waits for the next SVID.
const LEAST_CERTIFICATE_LIFE: u64 = 5;

/// How far the asserter's clock may be ahead, in seconds.
const AHEAD: u64 = 30;

/// What a new link says.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// ID mode: the next hop, from configuration. Anonymous mode: the target, when sealing; else left out.
    pub next: Option<SpiffeId>,
    /// What this hop restricts.
    pub only: Option<Only>,
    /// The request the link is bound to.
    pub rqd: Option<Digest>,
    /// Whether this is the last link (`fin`).
    pub seal: bool,
    /// The link's life in seconds, at most; shortened by the chain, the certificate and, for an anonymous seal, 30 s.
    pub life: u64,
}

/// A hop's own SVID.
pub struct Signer<'a> {
    /// The SPIFFE ID of its leaf.
    pub id: &'a SpiffeId,
    /// The certified key.
    pub key: &'a jose::SigningKey,
    /// SHA-256 of the leaf.
    pub x5t: Digest,
    /// The leaf's `notAfter`.
    pub not_after: Timestamp,
}

/// Why a chain is not extended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HopError {
    /// The chain is of another mode.
    #[error("a chain of mode {0} is not extended this way")]
    Mode(Mode),
    /// The last link has `fin`.
    #[error("the chain is sealed: nothing follows a link with `fin`")]
    Sealed,
    /// The chain names another workload as the next.
    #[error("the chain names {0} as the workload that continues it")]
    NotForUs(SpiffeId),
    /// 16 links, or as many as a `max_links` allows.
    #[error("the chain has as many links as it may have: {0}")]
    TooManyLinks(usize),
    /// No next hop (ID mode) or target (anonymous seal) is given.
    #[error("the next hop is not given")]
    NextMissing,
    /// An anonymous seal without `rqd`.
    #[error("an anonymous seal is bound to its request: `rqd` is not given")]
    RqdMissing,
    /// The certificate ends in less than 5 s.
    #[error("the signing certificate ends at {0}: wait for the next SVID")]
    CertificateEnding(Timestamp),
    /// The chain has ended, or the link would have no life.
    #[error("the chain ends at {0}: no link would live")]
    Expired(Timestamp),
    /// The root is from more than 30 s ahead.
    #[error("the root was made at {0}, in the future")]
    FromFuture(Timestamp),
    /// The key is of a kind no link is signed with.
    #[error("the SVID key is not P-256, P-384 or RSA")]
    Key,
    /// Signing failed.
    #[error("signing failed: {0}")]
    Signature(jose::SignatureError),
    /// The anonymous chain does not verify under the given root key.
    #[error("the chain does not verify: {0}")]
    Unverified(Refusal),
    /// The random bytes gave a zero: call again with others.
    #[error("the random bytes gave a zero; draw again")]
    DrawAgain,
    /// The longer chain would be refused by every verifier.
    #[error("the longer chain would be refused: {0}")]
    Form(Refusal),
}

/// Appends a link that names `extension.next` as the only workload that may continue the chain.
///
/// `exp` is the least of the previous segment's, `now + life` and the certificate's `notAfter`.
///
/// # Errors
/// [`HopError`]; the chain is not extended.
pub fn extend_id(
    chain: &Chain,
    signer: &Signer<'_>,
    extension: &Extension,
    jti: TokenId,
    now: Timestamp,
) -> Result<String, HopError> {
    check(chain, Mode::Id, now)?;
    let expected = chain.last().and_then(|link| link.claims.aud()).unwrap_or(&chain.root().sub);
    if expected != signer.id {
        return Err(HopError::NotForUs(expected.clone()));
    }
    if signer.not_after.since(now) < LEAST_CERTIFICATE_LIFE {
        return Err(HopError::CertificateEnding(signer.not_after));
    }
    let place = Place::Id {
        iss: signer.id.clone(),
        aud: extension.next.clone().ok_or(HopError::NextMissing)?,
        prv: chain.hash_before(chain.segments()),
        fin: extension.seal,
    };
    let claims = claims(chain, extension, extension.life, place, jti, now)?;
    let claims = LinkClaims { exp: claims.exp.min(signer.not_after), ..claims };
    let alg = signer.key.public_key().link_algorithm().ok_or(HopError::Key)?;
    let header = LinkHeader { alg: SegmentAlgorithm::Jose(alg), x5t: Some(signer.x5t) };
    let message = format!("{}.{}", header.encode(), claims.encode());
    let signature = signer.key.sign(alg, message.as_bytes()).map_err(HopError::Signature)?;
    finished(format!("{}~{message}.{}", chain.as_str(), encoding::base64url(&signature)))
}

/// Appends an anonymous link, signed with the last `s` of the chain; with `extension.seal`, the last link, for the target
/// `extension.next` alone and for at most 30 s.
///
/// The chain is verified under `root_key` first, so that nothing is signed under a chain that is not the asserter's.
///
/// # Errors
/// [`HopError`]; the chain is not extended.
///
/// # Security
/// `fresh` are 32 random bytes, new for each call. What arrived is never forwarded unextended: its last `s` is a key.
pub fn extend_anonymous(
    chain: &Chain,
    root_key: &schoco::RootKey,
    extension: &Extension,
    jti: TokenId,
    fresh: &[u8; 32],
    now: Timestamp,
) -> Result<String, HopError> {
    check(chain, Mode::Anonymous, now)?;
    let (seal, life) = if extension.seal {
        extension.rqd.ok_or(HopError::RqdMissing)?;
        (Some(extension.next.clone().ok_or(HopError::NextMissing)?), extension.life.min(SEAL_LIFE))
    } else {
        (None, extension.life)
    };
    let claims = claims(chain, extension, life, Place::Anonymous { seal }, jti, now)?;
    let header = LinkHeader { alg: SegmentAlgorithm::Schoco, x5t: None };
    let message = format!("{}.{}", header.encode(), claims.encode());
    let mut transcript = verifier::check_anonymous(chain, root_key).map_err(HopError::Unverified)?;
    let last = chain.segments().saturating_sub(1);
    let (r, s) = cut(chain.tail(last)).ok_or(HopError::DrawAgain)?;
    let key = schoco::SigningKey::from_bytes(&s).map_err(|_| HopError::DrawAgain)?;
    let signature = schoco::sign(&mut transcript, &key, message.as_bytes(), fresh).map_err(|_| HopError::DrawAgain)?;
    let tail = Zeroizing::new([signature.r, *signature.s.to_bytes()].concat());
    finished(format!("{}{}~{message}.{}", before_last_tail(chain), encoding::base64url(&r), encoding::base64url(&tail)))
}

/// What both modes require of a chain that is extended.
fn check(chain: &Chain, mode: Mode, now: Timestamp) -> Result<(), HopError> {
    if chain.mode() != mode {
        return Err(HopError::Mode(chain.mode()));
    }
    if chain.links().iter().any(|link| link.claims.fin()) {
        return Err(HopError::Sealed);
    }
    let most = verifier::max_links(chain).unwrap_or(MAX_LINKS).min(MAX_LINKS);
    if chain.links().len() >= most {
        return Err(HopError::TooManyLinks(most));
    }
    if now.plus(AHEAD) < chain.root().iat {
        return Err(HopError::FromFuture(chain.root().iat));
    }
    if chain.expires() <= now { Err(HopError::Expired(chain.expires())) } else { Ok(()) }
}

fn claims(
    chain: &Chain,
    extension: &Extension,
    life: u64,
    place: Place,
    jti: TokenId,
    now: Timestamp,
) -> Result<LinkClaims, HopError> {
    let exp = chain.expires().min(now.plus(life));
    if exp <= now {
        return Err(HopError::Expired(exp));
    }
    Ok(LinkClaims { iat: now, exp, jti, only: extension.only.clone(), rqd: extension.rqd, place })
}

/// The last tail of an anonymous chain: `R`, which stays, and `s`, which signs once.
fn cut(tail: &[u8]) -> Option<([u8; 32], Zeroizing<[u8; 32]>)> {
    let (r, s) = tail.split_first_chunk()?;
    Some((*r, Zeroizing::new(s.try_into().ok()?)))
}

/// The chain up to and with the `.` before its last tail.
fn before_last_tail(chain: &Chain) -> &str {
    let text = chain.as_str();
    text.rfind('.').and_then(|dot| text.get(..=dot)).unwrap_or_default()
}

fn finished(text: String) -> Result<String, HopError> {
    Chain::parse(&text).map_err(HopError::Form)?;
    Ok(text)
}
