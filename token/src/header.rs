//! Segment headers: `typ`, `alg` and how the signer's key is found.

use crate::claims::{self, optional, required};
use crate::encoding::{self, Digest};
use crate::json::{self, Value};
use crate::mode::{LINK_TYPE, Mode, SegmentAlgorithm};
use crate::refusal::Reason;

/// How the root's key is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyReference {
    /// A published key of the asserter: its RFC 7638 thumbprint.
    Kid(String),
    /// The asserter's own SVID: the SHA-256 of its leaf certificate.
    X5t(Digest),
}

/// The header of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootHeader {
    /// What signs the root; one the mode allows.
    pub alg: SegmentAlgorithm,
    /// How its key is found.
    pub key: KeyReference,
}

/// The header of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkHeader {
    /// What signs the link; one the mode allows.
    pub alg: SegmentAlgorithm,
    /// ID mode: the SHA-256 of the signer's leaf certificate.
    pub x5t: Option<Digest>,
}

impl RootHeader {
    /// The header as it is signed: base64url of its JSON.
    #[must_use]
    pub fn encode(&self, mode: Mode) -> String {
        let (member, value) = match &self.key {
            KeyReference::Kid(kid) => ("kid", kid.clone()),
            KeyReference::X5t(x5t) => ("x5t#S256", x5t.to_string()),
        };
        let json = serde_json::json!({ "typ": mode.root_type(), "alg": self.alg.name(), member: value });
        encoding::base64url_json(json)
    }
}

impl LinkHeader {
    /// The header as it is signed: base64url of its JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut json = serde_json::json!({ "typ": LINK_TYPE, "alg": self.alg.name() });
        if let (Some(x5t), Some(members)) = (self.x5t, json.as_object_mut()) {
            members.insert("x5t#S256".to_owned(), x5t.to_string().into());
        }
        encoding::base64url_json(json)
    }
}

/// What `typ` says a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentType {
    Root(Mode),
    Link,
    Unknown,
}

/// A header whose members are well-formed, though they may not fit together or this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawHeader {
    pub(crate) typ: SegmentType,
    /// `None` for a name the protocol does not define.
    pub(crate) alg: Option<SegmentAlgorithm>,
    pub(crate) kid: Option<String>,
    pub(crate) x5t: Option<Digest>,
}

impl RawHeader {
    /// Reads the decoded header of any segment.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Reason> {
        let members = json::read_object(bytes).map_err(|error| Reason::Json("header", error))?;
        if members.keys().any(|name| !matches!(name.as_str(), "typ" | "alg" | "kid" | "x5t#S256")) {
            return Err(Reason::UnknownHeaderMember);
        }
        let typ = match required(&members, "typ", Value::as_str)? {
            LINK_TYPE => SegmentType::Link,
            name => {
                let mode = Mode::ALL.into_iter().find(|mode| mode.root_type() == name);
                mode.map_or(SegmentType::Unknown, SegmentType::Root)
            }
        };
        Ok(Self {
            typ,
            alg: SegmentAlgorithm::from_name(required(&members, "alg", Value::as_str)?),
            kid: optional(&members, "kid", |value| value.as_str().map(ToOwned::to_owned))?,
            x5t: optional(&members, "x5t#S256", claims::digest)?,
        })
    }

    /// Members of a root's header: exactly one of `kid` and `x5t#S256`; an anonymous root has `kid`.
    pub(crate) fn root_key(&self, mode: Mode) -> Result<KeyReference, Reason> {
        match (&self.kid, self.x5t) {
            (None, None) => Err(Reason::Missing("kid")),
            (Some(_), Some(_)) => Err(Reason::Misplaced("x5t#S256")),
            (None, Some(_)) if mode == Mode::Anonymous => Err(Reason::Misplaced("x5t#S256")),
            (Some(kid), None) => Ok(KeyReference::Kid(kid.clone())),
            (None, Some(x5t)) => Ok(KeyReference::X5t(x5t)),
        }
    }

    /// Members of a link's header: `x5t#S256` in ID mode and nothing but `typ` and `alg` in anonymous mode.
    pub(crate) fn check_link(&self, mode: Mode) -> Result<(), Reason> {
        if self.kid.is_some() {
            return Err(Reason::Misplaced("kid"));
        }
        match (mode, self.x5t) {
            (Mode::Id, None) => Err(Reason::Missing("x5t#S256")),
            (Mode::Anonymous, Some(_)) => Err(Reason::Misplaced("x5t#S256")),
            _ => Ok(()),
        }
    }
}

/// Whether a root of `mode` signed by the key `key` refers to may use `alg` (tokens.md, "Compact form"; exact.md, "Form").
pub(crate) fn root_algorithm_fits(mode: Mode, key: &KeyReference, alg: SegmentAlgorithm) -> bool {
    match (mode, alg) {
        (Mode::Anonymous, SegmentAlgorithm::Schoco) => true,
        (Mode::Plain | Mode::Id, SegmentAlgorithm::Jose(_)) => match key {
            KeyReference::Kid(_) => true,
            KeyReference::X5t(_) => is_certified_algorithm(alg),
        },
        _ => false,
    }
}

/// Whether a link of `mode` may use `alg`.
pub(crate) fn link_algorithm_fits(mode: Mode, alg: SegmentAlgorithm) -> bool {
    match mode {
        Mode::Plain => false,
        Mode::Id => is_certified_algorithm(alg),
        Mode::Anonymous => alg == SegmentAlgorithm::Schoco,
    }
}

/// The algorithms of SVID keys: ES256, ES384 and PS256.
const fn is_certified_algorithm(alg: SegmentAlgorithm) -> bool {
    use crypto::jose::Algorithm;
    matches!(alg, SegmentAlgorithm::Jose(Algorithm::Es256 | Algorithm::Es384 | Algorithm::Ps256))
}

#[cfg(test)]
mod tests;
