//! The claims of a link: who continues the chain, to whom, and what it restricts.

use spiffe::SpiffeId;

use super::root::confirmation;
use super::{Only, TokenId, digest, fin, moment, optional, refuse, required, token_id, workload};
use crate::Timestamp;
use crate::encoding::{self, Digest};
use crate::json::Object;
use crate::mode::Mode;
use crate::refusal::Reason;

/// What a link says about its place in the chain, which depends on the mode.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// ID mode: made by one named workload for another.
    Id {
        /// The signer.
        iss: SpiffeId,
        /// The next hop.
        aud: SpiffeId,
        /// SHA-256 of everything before this link's `~`.
        prv: Digest,
        /// Nothing may follow.
        fin: bool,
    },
    /// Anonymous mode: names nobody.
    Anonymous {
        /// The target, on the sealed last link only (`fin` and `aud`).
        seal: Option<SpiffeId>,
    },
}

/// The claims of a link (tokens.md, "Links, ID mode" and "Links, anonymous mode").
#[derive(Clone, Debug, PartialEq)]
pub struct LinkClaims {
    /// When the link was made.
    pub iat: Timestamp,
    /// When it ends: never after the previous segment.
    pub exp: Timestamp,
    /// This link.
    pub jti: TokenId,
    /// What the signer restricts.
    pub only: Option<Only>,
    /// The one request the link is good for.
    pub rqd: Option<Digest>,
    /// Its place in the chain.
    pub place: Place,
}

impl LinkClaims {
    /// Reads the claims of a link of an ID or anonymous chain.
    pub(crate) fn read(members: &Object, mode: Mode) -> Result<Self, Reason> {
        refuse(members, &ROOT_ONLY)?;
        let place = if mode == Mode::Anonymous { anonymous(members)? } else { id(members)? };
        let claims = Self {
            iat: required(members, "iat", moment)?,
            exp: required(members, "exp", moment)?,
            jti: required(members, "jti", token_id)?,
            only: Only::read(members)?,
            rqd: optional(members, "rqd", digest)?,
            place,
        };
        match (&claims.place, claims.rqd) {
            (Place::Anonymous { seal: Some(_) }, None) => Err(Reason::Missing("rqd")),
            _ => Ok(claims),
        }
    }

    /// The signer, in ID mode.
    #[must_use]
    pub const fn iss(&self) -> Option<&SpiffeId> {
        match &self.place {
            Place::Id { iss, .. } => Some(iss),
            Place::Anonymous { .. } => None,
        }
    }

    /// The next hop in ID mode, the target on an anonymous seal.
    #[must_use]
    pub const fn aud(&self) -> Option<&SpiffeId> {
        match &self.place {
            Place::Id { aud, .. } => Some(aud),
            Place::Anonymous { seal } => seal.as_ref(),
        }
    }

    /// Whether nothing may follow.
    #[must_use]
    pub const fn fin(&self) -> bool {
        match &self.place {
            Place::Id { fin, .. } => *fin,
            Place::Anonymous { seal } => seal.is_some(),
        }
    }

    /// The claims as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({ "iat": self.iat, "exp": self.exp, "jti": self.jti.to_string() });
        let prv = match &self.place {
            Place::Id { prv, .. } => Some(prv.to_string().into()),
            Place::Anonymous { .. } => None,
        };
        let optional = [
            ("iss", self.iss().map(|id| id.to_string().into())),
            ("aud", self.aud().map(|id| id.to_string().into())),
            ("prv", prv),
            ("only", self.only.as_ref().map(Only::to_json)),
            ("rqd", self.rqd.map(|rqd| rqd.to_string().into())),
            ("fin", self.fin().then_some(true.into())),
        ];
        if let Some(members) = json.as_object_mut() {
            members.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        json
    }

    /// The payload as it is signed: base64url of the JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        encoding::base64url_json(self.to_json())
    }
}

/// Claims that only a root has.
const ROOT_ONLY: [&str; 13] =
    ["sub", "dpa", "dpr", "aat", "oat", "auth_time", "sid", "acr", "amr", "client_id", "txn", "scope", "cnf"];

fn id(members: &Object) -> Result<Place, Reason> {
    Ok(Place::Id {
        iss: required(members, "iss", workload)?,
        aud: required(members, "aud", workload)?,
        prv: required(members, "prv", digest)?,
        fin: fin(members)?,
    })
}

fn anonymous(members: &Object) -> Result<Place, Reason> {
    refuse(members, &["iss", "prv"])?;
    let seal = if fin(members)? {
        Some(required(members, "aud", workload)?)
    } else {
        refuse(members, &["aud"])?;
        None
    };
    Ok(Place::Anonymous { seal })
}

/// Reads what every segment has in common, for one whose `typ` does not say what else it is.
pub(crate) fn read_misplaced(members: &Object) -> Result<(), Reason> {
    required(members, "iat", moment)?;
    required(members, "exp", moment)?;
    required(members, "jti", token_id)?;
    Only::read(members)?;
    optional(members, "rqd", digest)?;
    optional(members, "cnf", confirmation)?;
    fin(members)?;
    Ok(())
}
