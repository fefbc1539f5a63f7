//! The compact form: a root and its links as they travel, well-formed and not yet believed.
//!
//! ```text
//! chain    = root *( "~" link )
//! segment  = header "." payload "." tail
//! ```

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::claims::{LinkClaims, RootClaims};
use crate::encoding::{Digest, base64url};
use crate::header::{LinkHeader, RootHeader};
use crate::mode::Mode;
use crate::refusal::Refusal;

mod draft;

pub(crate) use draft::Draft;

/// The longest chain, in bytes.
pub const MAX_CHAIN: usize = 16_384;

/// The longest segment, in bytes without `~`.
pub const MAX_SEGMENT: usize = 4_096;

/// The most links after a root.
pub const MAX_LINKS: usize = 16;

/// Bytes of R, the half of an anonymous tail that is no key.
const R: usize = 32;

/// A chain of acceptable form (rule 1) and of one mode (the part of rule 2 no policy changes).
///
/// Believed only as [`Verified<Chain>`](crate::Verified). The text of an unsealed anonymous chain is a bearer key: it is
/// overwritten when dropped and never shown by `Debug`.
#[derive(Clone, PartialEq)]
pub struct Chain {
    text: Zeroizing<String>,
    mode: Mode,
    root_header: RootHeader,
    root: RootClaims,
    links: Vec<Link>,
    segments: Vec<Segment>,
}

/// One link: its header and claims.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// `alg`, and in ID mode the signer's certificate.
    pub header: LinkHeader,
    /// What it says.
    pub claims: LinkClaims,
}

/// Where a segment stands in the text, and its decoded tail.
#[derive(Clone, PartialEq)]
pub(crate) struct Segment {
    span: Range<usize>,
    /// Length of `header.payload`.
    signed: usize,
    tail: Zeroizing<Vec<u8>>,
}

impl Chain {
    /// Reads a chain. A lone ID or anonymous root parses: it is what an asserter hands out.
    ///
    /// # Errors
    /// [`Refusal`] of rule `form`, or of rule `mode` where `typ` and `alg` fit no chain.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        Draft::parse(text.as_bytes())?.into_chain(None)
    }

    /// The mode, fixed by the root's `typ`.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The root's claims.
    #[must_use]
    pub const fn root(&self) -> &RootClaims {
        &self.root
    }

    /// The root's header.
    #[must_use]
    pub const fn root_header(&self) -> &RootHeader {
        &self.root_header
    }

    /// The links in order.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The newest link.
    #[must_use]
    pub fn last(&self) -> Option<&Link> {
        self.links.last()
    }

    /// How many segments there are: the root and its links.
    #[must_use]
    pub const fn segments(&self) -> usize {
        self.segments.len()
    }

    /// The bytes of one segment's `header.payload`: what it is signed over.
    #[must_use]
    pub fn signed(&self, segment: usize) -> &str {
        let segment = self.segments.get(segment);
        segment.and_then(|at| self.text.get(at.span.start..at.span.start + at.signed)).unwrap_or_default()
    }

    /// One segment as it travels.
    #[must_use]
    pub fn segment(&self, segment: usize) -> &str {
        self.segments.get(segment).and_then(|at| self.text.get(at.span.clone())).unwrap_or_default()
    }

    /// One segment's decoded tail.
    #[must_use]
    pub fn tail(&self, segment: usize) -> &[u8] {
        self.segments.get(segment).map_or(&[], |at| &at.tail)
    }

    /// The hash a link at position `segment` carries as `prv`: of everything before its `~`.
    #[must_use]
    pub fn hash_before(&self, segment: usize) -> Digest {
        let end = self.segments.get(segment).map_or(self.text.len(), |at| at.span.start.saturating_sub(1));
        Digest::of(self.text.get(..end).unwrap_or_default())
    }

    /// The earliest `exp`: no segment outlives the one before it in a chain that is believed.
    #[must_use]
    pub fn expires(&self) -> crate::Timestamp {
        self.last().map_or(self.root.exp, |link| link.claims.exp)
    }

    /// What of the chain may be shown to its asserter: all of it, but of an unsealed anonymous chain only the root with
    /// its tail cut to R, for its last `s` is a key.
    #[must_use]
    pub fn to_show(&self) -> Zeroizing<String> {
        if self.mode != Mode::Anonymous || self.last().is_some_and(|link| link.claims.fin()) {
            return self.text.clone();
        }
        let r = self.tail(0).get(..R).unwrap_or_default();
        Zeroizing::new(format!("{}.{}", self.signed(0), base64url(r)))
    }

    /// The chain as it travels in `DA-SVID`.
    ///
    /// # Security
    /// A bearer secret; of an unsealed anonymous chain, a signing key. Never log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("mode", &self.mode)
            .field("segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
