//! Reading a chain: every check of rule 1, and of rule 2 where it decides what the segments are.

use zeroize::Zeroizing;

use super::{Chain, Link, MAX_CHAIN, MAX_LINKS, MAX_SEGMENT, Segment};
use crate::claims::{self, LinkClaims, RootClaims};
use crate::encoding;
use crate::header::{self, KeyReference, LinkHeader, RawHeader, RootHeader, SegmentType};
use crate::json;
use crate::mode::{Mode, SegmentAlgorithm};
use crate::refusal::{Reason, Refusal, Rule};

/// A chain that passed rule 1, not yet rule 2.
pub(crate) struct Draft {
    text: Zeroizing<String>,
    segments: Vec<(Segment, RawHeader, Content)>,
}

/// What a payload says, as far as its place and `typ` tell.
enum Content {
    Root(Mode, KeyReference, Box<RootClaims>),
    Link(Box<LinkClaims>),
    /// `typ` is unknown or misplaced, or no mode is known to read the link by.
    Misplaced,
}

impl Draft {
    /// Rule 1, segment by segment from the root.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_CHAIN {
            return Err(Refusal::new(Rule::Form, None, Reason::ChainTooLarge));
        }
        let mut segments = Vec::new();
        let mut start = 0;
        let mut mode = None;
        let count = bytes.split(|byte| *byte == b'~').count();
        for (index, segment) in bytes.split(|byte| *byte == b'~').enumerate() {
            let place = Position { index, is_last: index + 1 == count, mode };
            let read = place.read(segment, start).map_err(|reason| Refusal::new(Rule::Form, index, reason))?;
            if let Content::Root(root_mode, ..) = read.2 {
                mode = Some(root_mode);
            }
            segments.push(read);
            start += segment.len() + 1;
        }
        // Cannot fail: every byte of a well-formed segment is ASCII.
        let text = String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { text: Zeroizing::new(text), segments })
    }

    /// Rule 2: with a list of accepted modes as a verifier applies it, without one only what makes it a chain at all.
    pub(crate) fn into_chain(self, accepted: Option<&[Mode]>) -> Result<Chain, Refusal> {
        let has_links = self.segments.len() > 1;
        let mut root = None;
        let mut links = Vec::new();
        let mut segments = Vec::new();
        for (index, (segment, header, content)) in self.segments.into_iter().enumerate() {
            let refuse = |reason| Refusal::new(Rule::Mode, index, reason);
            let mode = root.as_ref().map(|(mode, ..): &(Mode, RootHeader, RootClaims)| *mode);
            match (content, mode) {
                (Content::Root(mode, key, claims), None) => {
                    check_root(mode, has_links, accepted).map_err(refuse)?;
                    let fits = |alg: &SegmentAlgorithm| header::root_algorithm_fits(mode, &key, *alg);
                    let alg = header.alg.filter(fits).ok_or_else(|| refuse(Reason::Algorithm))?;
                    root = Some((mode, RootHeader { alg, key }, *claims));
                }
                (Content::Link(claims), Some(mode)) => {
                    let fits = |alg: &SegmentAlgorithm| header::link_algorithm_fits(mode, *alg);
                    let alg = header.alg.filter(fits).ok_or_else(|| refuse(Reason::Algorithm))?;
                    links.push(Link { header: LinkHeader { alg, x5t: header.x5t }, claims: *claims });
                }
                (_, Some(Mode::Plain)) => return Err(refuse(Reason::LinksAfterPlain)),
                _ => return Err(refuse(Reason::Type)),
            }
            segments.push(segment);
        }
        let (mode, root_header, root) = root.ok_or_else(|| Refusal::new(Rule::Mode, 0, Reason::Type))?;
        Ok(Chain { text: self.text, mode, root_header, root, links, segments })
    }
}

fn check_root(mode: Mode, has_links: bool, accepted: Option<&[Mode]>) -> Result<(), Reason> {
    match accepted {
        Some(modes) if !modes.contains(&mode) => Err(Reason::ModeNotAccepted(mode)),
        Some(_) if mode != Mode::Plain && !has_links => Err(Reason::NoLinks(mode)),
        _ => Ok(()),
    }
}

/// Where a segment stands while the chain is read.
struct Position {
    index: usize,
    is_last: bool,
    /// The root's, if its `typ` said one.
    mode: Option<Mode>,
}

impl Position {
    fn read(&self, segment: &[u8], start: usize) -> Result<(Segment, RawHeader, Content), Reason> {
        if self.index > MAX_LINKS {
            return Err(Reason::TooManySegments);
        }
        if segment.len() > MAX_SEGMENT {
            return Err(Reason::SegmentTooLarge);
        }
        let parts: Vec<&[u8]> = segment.split(|byte| *byte == b'.').collect();
        let [header, payload, tail] = *parts.as_slice() else { return Err(Reason::Grammar) };
        if header.is_empty() || payload.is_empty() || tail.is_empty() {
            return Err(Reason::Grammar);
        }
        let decode = |part: &[u8], name| encoding::from_base64url(part).ok_or(Reason::Encoding(name));
        let span = start..start + segment.len();
        let signed = header.len() + 1 + payload.len();
        let (header, payload, tail) = (decode(header, "header")?, decode(payload, "payload")?, decode(tail, "tail")?);
        let header = RawHeader::read(&header)?;
        let content = self.content(&header, &payload)?;
        self.check_tail(&header, &content, tail.len())?;
        Ok((Segment { span, signed, tail: Zeroizing::new(tail) }, header, content))
    }

    fn content(&self, header: &RawHeader, payload: &[u8]) -> Result<Content, Reason> {
        let members = json::read_object(payload).map_err(|error| Reason::Json("payload", error))?;
        match (self.index, header.typ, self.mode) {
            (0, SegmentType::Root(mode), _) => {
                let key = header.root_key(mode)?;
                Ok(Content::Root(mode, key, Box::new(RootClaims::read(&members, mode)?)))
            }
            (1.., SegmentType::Link, Some(mode @ (Mode::Id | Mode::Anonymous))) => {
                header.check_link(mode)?;
                Ok(Content::Link(Box::new(LinkClaims::read(&members, mode)?)))
            }
            _ => claims::read_misplaced(&members).map(|()| Content::Misplaced),
        }
    }

    /// Tails whose length `alg` fixes; that of RSA is known with the key (rule 5), a misfit `alg` is rule 2's.
    fn check_tail(&self, header: &RawHeader, content: &Content, length: usize) -> Result<(), Reason> {
        use crypto::jose::Algorithm;
        let expected = match (content, header.alg) {
            (Content::Misplaced, _) | (_, None) => return Ok(()),
            (_, Some(SegmentAlgorithm::Jose(algorithm))) => match algorithm {
                Algorithm::Es256 | Algorithm::Ed25519 => 64,
                Algorithm::Es384 => 96,
                Algorithm::Ps256 | Algorithm::Rs256 => return Ok(()),
            },
            (_, Some(SegmentAlgorithm::Schoco)) if self.is_last => 64,
            (_, Some(SegmentAlgorithm::Schoco)) => 32,
        };
        if length == expected { Ok(()) } else { Err(Reason::TailLength) }
    }
}
