//! The three modes of a DA-SVID and the algorithms each allows.

use std::fmt;

use crypto::jose;
use serde::{Deserialize, Serialize};

/// How a DA-SVID travels (tokens.md, "Compact form"); the root's `typ` fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One signed token that travels unchanged.
    Plain,
    /// Every hop appends a link signed with its SVID key.
    Id,
    /// Every hop appends a link signed with part of the previous signature; no link names a workload.
    Anonymous,
}

impl Mode {
    /// All modes, in the order of the specification.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Id, Self::Anonymous];

    /// The name in configuration and policy: `plain`, `id` or `anonymous`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Id => "id",
            Self::Anonymous => "anonymous",
        }
    }

    /// The `typ` of this mode's root header.
    #[must_use]
    pub const fn root_type(self) -> &'static str {
        match self {
            Self::Plain => "dasvid+jwt",
            Self::Id => "dasvid-id+jwt",
            Self::Anonymous => "dasvid-anon+jwt",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The `typ` of every link header.
pub const LINK_TYPE: &str = "dasvid-link+jwt";

/// The name of the anonymous suite in `alg`.
pub const SCHOCO_R255: &str = "SCHOCO-R255";

/// What signs a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentAlgorithm {
    /// A JOSE signature over this segment alone (RFC 7515).
    Jose(jose::Algorithm),
    /// One step of the anonymous chain, `SCHOCO-R255`.
    Schoco,
}

impl SegmentAlgorithm {
    /// Reads an `alg`; `None` for a name these pages do not list.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == SCHOCO_R255 {
            return Some(Self::Schoco);
        }
        name.parse().ok().map(Self::Jose)
    }

    /// The exact `alg` string.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jose(algorithm) => algorithm.name(),
            Self::Schoco => SCHOCO_R255,
        }
    }
}
