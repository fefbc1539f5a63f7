//! Everything that can be wrong with a chain or a request, in words for who has to mend it.

use std::fmt;

use crate::certificates::CertificateError;
use crate::json::JsonError;
use crate::mode::Mode;
use crate::provenance::ProvenanceError;

/// What a revocation record matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevokedBy {
    /// The root, by (`iss`, `jti`).
    Root,
    /// The person's session, by (`dpa`, `sid`).
    Session,
    /// The person, by (`dpa`, `dpr`).
    Person,
    /// A link, by its own identifiers.
    Link,
    /// The SPIFFE ID of a signer.
    Signer,
    /// The certificate of a signer.
    Certificate,
    /// The published key that signed the root.
    MintingKey,
    /// The asserter, up to the second in which the root was minted.
    MintingTime,
    /// The SPIFFE ID of the mTLS peer.
    Peer,
    /// The certificate of the mTLS peer.
    PeerCertificate,
}

impl fmt::Display for RevokedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "DA-SVID",
            Self::Session => "session",
            Self::Person => "person",
            Self::Link => "link",
            Self::Signer => "signer",
            Self::Certificate => "signer's certificate",
            Self::MintingKey => "asserter's key",
            Self::MintingTime => "time of minting",
            Self::Peer => "peer",
            Self::PeerCertificate => "peer's certificate",
        })
    }
}

/// Everything that can be wrong, grouped by rule. Each message says what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Not exactly one `DA-SVID` field line.
    #[error("a request carries exactly one DA-SVID field line")]
    FieldLines,
    /// More than 16 KiB.
    #[error("a chain has at most 16,384 bytes")]
    ChainTooLarge,
    /// A segment of more than 4 KiB.
    #[error("a segment has at most 4,096 bytes")]
    SegmentTooLarge,
    /// More than a root and 16 links.
    #[error("a chain has at most 17 segments")]
    TooManySegments,
    /// Not three non-empty parts.
    #[error("a segment is header.payload.tail, none of them empty")]
    Grammar,
    /// Not canonical base64url.
    #[error("the {0} is not canonical base64url without padding")]
    Encoding(&'static str),
    /// The header or payload is not the strict JSON the protocol requires.
    #[error("the {0} is not acceptable JSON: {1}")]
    Json(&'static str, JsonError),
    /// A required header member or claim is missing.
    #[error("`{0}` is required here")]
    Missing(&'static str),
    /// A header member or claim has the wrong type or range.
    #[error("`{0}` is malformed")]
    Malformed(&'static str),
    /// A claim or header member the protocol does not define for this segment.
    #[error("`{0}` is not allowed here")]
    Misplaced(&'static str),
    /// `crit`, or a header member the protocol does not define.
    #[error("the header has a member that is not defined")]
    UnknownHeaderMember,
    /// A member of `only` the protocol does not define.
    #[error("`only` has a member that is not defined, so what it restricts cannot be known")]
    UnknownRestriction,
    /// The tail's length does not fit `alg` and position.
    #[error("the tail's length does not fit its algorithm and position")]
    TailLength,
    /// More than one `DA-SVID-Certs` field line.
    #[error("a request carries at most one DA-SVID-Certs field line")]
    CertificateLines,
    /// `DA-SVID-Certs` as a whole: its syntax and limits, or a certificate that is repeated or not needed.
    #[error("DA-SVID-Certs: {0}")]
    CertificateField(CertificateError),

    /// A `typ` the protocol does not define, or not in this place.
    #[error("`typ` is not one for this place in a chain")]
    Type,
    /// A mode this service does not accept.
    #[error("mode {0} is not accepted here; see accept.modes")]
    ModeNotAccepted(Mode),
    /// A plain root followed by links.
    #[error("nothing follows a plain DA-SVID")]
    LinksAfterPlain,
    /// An ID or anonymous root without a link.
    #[error("a DA-SVID of mode {0} travels with at least one link")]
    NoLinks(Mode),
    /// An `alg` this place does not allow.
    #[error("`alg` is not one this place in a chain allows")]
    Algorithm,

    /// The asserter is not listed.
    #[error("the asserter is not listed in accept.asserters")]
    AsserterNotListed,
    /// The asserter's JWKS is not known.
    #[error("no keys of this asserter are known yet")]
    NoKeys,
    /// The asserter publishes no such key.
    #[error("the asserter publishes no key of this `kid`")]
    UnknownKey,
    /// The key cannot have made this `alg`.
    #[error("the signer's key does not fit `alg`")]
    KeyDoesNotFit,
    /// `dpa` is not listed.
    #[error("the identity provider `dpa` is not listed in accept.issuers")]
    IssuerNotListed,
    /// `sub` is not listed.
    #[error("the workload `sub` is not listed in accept.subjects")]
    SubjectNotListed,

    /// A certificate is missing, unfit or leads nowhere.
    #[error("the signer's certificate: {0}")]
    Certificate(CertificateError),
    /// The certificate names another workload than `iss`.
    #[error("the signer's certificate names another workload than `iss`")]
    SignerMismatch,
    /// The signer's trust domain is not listed.
    #[error("the signer's trust domain is not listed in accept.trust_domains")]
    TrustDomainNotAllowed,

    /// A signature does not verify.
    #[error("the signature does not verify")]
    Signature,
    /// `prv` is not the hash of what precedes the link.
    #[error("`prv` is not the hash of what precedes this link")]
    Previous,
    /// A commitment is not a canonical point other than the identity.
    #[error("the commitment is not a canonical point other than the identity")]
    Point,
    /// The scalar is not canonical and non-zero.
    #[error("the scalar is not canonical and non-zero")]
    Scalar,
    /// The equation over the whole anonymous chain does not hold.
    #[error("the anonymous chain does not verify")]
    Equation,

    /// The first link is not by `sub`.
    #[error("the first link is not made by the workload the root names as `sub`")]
    FirstLink,
    /// A link is not by the workload the previous one named.
    #[error("the link is not made by the workload the previous link names as `aud`")]
    NextLink,

    /// `iat` is more than 30 s ahead.
    #[error("`iat` is in the future")]
    FromFuture,
    /// `exp` has passed.
    #[error("expired")]
    Expired,
    /// A certificate of the signer's path is not valid now.
    #[error("a certificate of the signer's path is not valid now")]
    CertificateTime,
    /// `exp` is later than the previous segment's.
    #[error("`exp` is later than the previous segment's")]
    OutlivesPrevious,
    /// `iat` is more than 30 s before the root's.
    #[error("`iat` is before the root's")]
    BeforeRoot,
    /// The root lives longer than 10 minutes.
    #[error("a root lives at most 10 minutes")]
    RootLife,
    /// `iat` is not before `exp`.
    #[error("`iat` is not before `exp`")]
    NoLife,
    /// `exp` is later than the signing certificate's `notAfter`.
    #[error("`exp` is later than the signing certificate's notAfter")]
    OutlivesCertificate,
    /// An anonymous seal lives longer than 30 s.
    #[error("a seal lives at most 30 seconds")]
    SealLife,
    /// `oat` is later than `aat`.
    #[error("`oat` is later than `aat`")]
    OauthAfterAssertion,
    /// `auth_time` is later than `aat`.
    #[error("`auth_time` is later than `aat`")]
    LoginAfterAssertion,
    /// `aat` is later than `iat`.
    #[error("`aat` is later than `iat`")]
    AssertedAfterIssue,

    /// Longer than a `max_links` in the chain allows.
    #[error("the chain has more links than one of its `max_links` allows")]
    MaxLinks,
    /// Longer than this service allows.
    #[error("the chain has more links than accept.max_links allows")]
    LocalLimit,
    /// A link after the seal.
    #[error("nothing follows a link with `fin`")]
    AfterFin,

    /// The last `aud` is not this workload.
    #[error("the last `aud` is not this workload")]
    NotAddressed,
    /// The root's `aud` does not cover this workload.
    #[error("the root's `aud` does not cover this workload")]
    RootAudience,
    /// An `only.aud` does not cover this workload.
    #[error("an `only.aud` does not cover this workload")]
    OnlyAudience,
    /// The mTLS peer is not who the chain says.
    #[error("the mTLS peer is not the workload the chain says")]
    Peer,
    /// The mTLS peer is not an allowed neighbour.
    #[error("the mTLS peer is not listed in accept.neighbours")]
    Neighbour,
    /// An anonymous chain reaches its end unsealed.
    #[error("the chain is not sealed: the previous hop lacks the setting `seal = true`")]
    NotSealed,
    /// A sealed chain reaches a hop.
    #[error("the chain is sealed for its target; this hop cannot continue it")]
    SealedAtHop,
    /// `cnf` names another certificate.
    #[error("`cnf` names another certificate")]
    Confirmation,

    /// Not an origin-form target of printable ASCII, or CONNECT.
    #[error("the request target is not an origin-form path of printable ASCII")]
    Target,
    /// A path that two readers may take for different ones.
    #[error("the path holds dot segments, `//`, `\\` or an escape that is not allowed")]
    PathTrick,
    /// Upgrade, or a header that overrides the method.
    #[error("the request asks for another protocol or method")]
    Override,
    /// A trailer that may not be one.
    #[error("digests and DA-SVID fields are not allowed in trailers")]
    Trailer,
    /// A bound field occurs twice.
    #[error("the field `{0}` occurs twice")]
    RepeatedField(&'static str),
    /// A bound field holds something else than printable ASCII.
    #[error("the field `{0}` holds something else than printable ASCII")]
    FieldValue(&'static str),
    /// The route's scope is not in the root's.
    #[error("the root's scope does not hold the scope this route needs")]
    RootScope,
    /// An `only.scope` does not hold the route's scope.
    #[error("an `only.scope` does not hold the scope this route needs")]
    OnlyScope,
    /// An `only.methods` does not admit the method.
    #[error("an `only.methods` does not admit this method")]
    OnlyMethod,
    /// An `only.paths` does not admit the path.
    #[error("an `only.paths` does not admit this path")]
    OnlyPath,
    /// A bound request that may carry content has no digest.
    #[error("a bound request that may carry content needs a Content-Digest")]
    DigestMissing,
    /// `Content-Digest` is not one sha-256 member.
    #[error("Content-Digest is exactly one sha-256 member")]
    DigestMalformed,
    /// `Content-Digest` is that of another body.
    #[error("Content-Digest is that of another body")]
    DigestMismatch,
    /// A segment that must carry `rqd` does not.
    #[error("the segment carries no `rqd`, but this route wants requests bound")]
    NotBound,
    /// `rqd` is that of another request.
    #[error("`rqd` is that of another request")]
    AnotherRequest,
    /// An unsafe method on a route that binds nothing.
    #[error("an unsafe method needs request_binding other than \"none\"")]
    UnsafeUnbound,
    /// More than a `max_amount` allows.
    #[error("the amount is above a `max_amount`")]
    Amount,
    /// Another currency than a `max_amount` names.
    #[error("a `max_amount` names another currency")]
    Currency,

    /// Something of the chain is revoked.
    #[error("the {0} is revoked")]
    Revoked(RevokedBy),
    /// No full snapshot of revocations yet.
    #[error("the view of revocations is not complete yet")]
    RevocationsIncomplete,
    /// The view of revocations has been silent for too long.
    #[error("the view of revocations is stale")]
    RevocationsStale,

    /// An unsafe request without `Idempotency-Key`.
    #[error("an unsafe request needs an Idempotency-Key")]
    IdempotencyKeyMissing,
    /// The same authority used for a second effect.
    #[error("the chain has already been used for another request")]
    Replayed,

    /// Policy asks for a proof and there is none.
    #[error("policy asks for the zero-knowledge proof and there is none")]
    ProofMissing,
    /// The proof does not verify.
    #[error("the zero-knowledge proof does not hold: {0}")]
    ProofRefused(ProvenanceError),
    /// The asserter was asked and does not call the chain active.
    #[error("the asserter does not say that the chain is active")]
    NotActive,
    /// The asserter was asked and its claims are not the root's.
    #[error("the asserter says something else than the root")]
    OtherClaims,
    /// The asserter or the identity provider cannot be asked right now.
    #[error("the asserter or the identity provider's keys cannot be reached right now")]
    ProofUnavailable,
}

impl Reason {
    pub(super) const fn is_size(&self) -> bool {
        matches!(
            self,
            Self::ChainTooLarge
                | Self::SegmentTooLarge
                | Self::TooManySegments
                | Self::CertificateField(CertificateError::TooMany)
        )
    }

    pub(super) const fn is_request_shape(&self) -> bool {
        matches!(
            self,
            Self::Target
                | Self::PathTrick
                | Self::Override
                | Self::Trailer
                | Self::RepeatedField(_)
                | Self::FieldValue(_)
                | Self::DigestMissing
                | Self::DigestMalformed
                | Self::DigestMismatch
        )
    }
}
