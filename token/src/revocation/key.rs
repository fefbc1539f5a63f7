//! The form in which a [`RevocationKey`] is stored and published: a scope and its parts, all text.

use super::RevocationKey;
use crate::claims::{TokenId, spiffe_id};

/// A scope and parts that are no key this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scope is unknown or its parts do not fit it")]
pub struct RevocationKeyError;

impl RevocationKey {
    /// What kind of thing is revoked, as records spell it.
    #[must_use]
    pub const fn scope(&self) -> &'static str {
        match self {
            Self::Root { .. } => "root",
            Self::Session { .. } => "session",
            Self::Person { .. } => "person",
            Self::Link { .. } => "link",
            Self::AnonymousLink { .. } => "anonymous-link",
            Self::Workload(_) => "workload",
            Self::Certificate(_) => "certificate",
            Self::MintingKey(_) => "minting-key",
            Self::Asserter(_) => "asserter",
        }
    }

    /// Which one: the parts in the order of this type's fields.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        match self {
            Self::Root { iss, jti } | Self::Link { iss, jti } => vec![iss.to_string(), jti.to_string()],
            Self::Session { dpa, sid } => vec![dpa.clone(), sid.clone()],
            Self::Person { dpa, dpr } => vec![dpa.clone(), dpr.clone()],
            Self::AnonymousLink { root_iss, root_jti, jti } => {
                vec![root_iss.to_string(), root_jti.to_string(), jti.to_string()]
            }
            Self::Workload(id) | Self::Asserter(id) => vec![id.to_string()],
            Self::Certificate(hash) | Self::MintingKey(hash) => vec![hash.to_string()],
        }
    }

    /// Reads what [`scope`](Self::scope) and [`parts`](Self::parts) wrote.
    ///
    /// # Errors
    /// [`RevocationKeyError`] for another scope, another number of parts, or an identifier that is not canonical.
    pub fn from_parts(scope: &str, parts: &[String]) -> Result<Self, RevocationKeyError> {
        let id = |text: &str| spiffe_id(text).ok_or(RevocationKeyError);
        let jti = |text: &str| text.parse::<TokenId>().map_err(|_| RevocationKeyError);
        let parts: Vec<_> = parts.iter().map(String::as_str).collect();
        match (scope, parts.as_slice()) {
            ("root", [iss, root]) => Ok(Self::Root { iss: id(iss)?, jti: jti(root)? }),
            ("session", [dpa, sid]) => Ok(Self::Session { dpa: (*dpa).to_owned(), sid: (*sid).to_owned() }),
            ("person", [dpa, dpr]) => Ok(Self::Person { dpa: (*dpa).to_owned(), dpr: (*dpr).to_owned() }),
            ("link", [iss, link]) => Ok(Self::Link { iss: id(iss)?, jti: jti(link)? }),
            ("anonymous-link", [iss, root, link]) => {
                Ok(Self::AnonymousLink { root_iss: id(iss)?, root_jti: jti(root)?, jti: jti(link)? })
            }
            ("workload", [workload]) => Ok(Self::Workload(id(workload)?)),
            ("certificate", [x5t]) => x5t.parse().map(Self::Certificate).map_err(|_| RevocationKeyError),
            ("minting-key", [kid]) => kid.parse().map(Self::MintingKey).map_err(|_| RevocationKeyError),
            ("asserter", [asserter]) => Ok(Self::Asserter(id(asserter)?)),
            _ => Err(RevocationKeyError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::Digest;

    #[test]
    fn reads_back_every_key_it_writes() {
        let iss = spiffe_id("spiffe://bank.example/asserting-wl").unwrap();
        let jti = TokenId([7; 16]);
        let (dpa, dpr, sid) = ("https://idp.example".to_owned(), "alice".to_owned(), "s \"1\"".to_owned());
        for key in [
            RevocationKey::Root { iss: iss.clone(), jti },
            RevocationKey::Session { dpa: dpa.clone(), sid },
            RevocationKey::Person { dpa, dpr },
            RevocationKey::Link { iss: iss.clone(), jti },
            RevocationKey::AnonymousLink { root_iss: iss.clone(), root_jti: jti, jti: TokenId([8; 16]) },
            RevocationKey::Workload(iss.clone()),
            RevocationKey::Certificate(Digest([9; 32])),
            RevocationKey::MintingKey(Digest([9; 32])),
            RevocationKey::Asserter(iss),
        ] {
            assert_eq!(RevocationKey::from_parts(key.scope(), &key.parts()), Ok(key));
        }
    }

    #[test]
    fn refuses_keys_it_would_not_write() {
        for (scope, parts) in [
            ("tenant", vec!["x"]),
            ("session", vec!["https://idp.example"]),
            ("root", vec!["SPIFFE://bank.example/a", "AAAAAAAAAAAAAAAAAAAAAA"]),
            ("root", vec!["spiffe://bank.example/a", "short"]),
            ("certificate", vec!["AAAA"]),
            ("workload", vec![]),
            ("minting-key", vec!["AAAA"]),
            ("asserter", vec![]),
        ] {
            let parts: Vec<_> = parts.into_iter().map(str::to_owned).collect();
            assert_eq!(RevocationKey::from_parts(scope, &parts), Err(RevocationKeyError), "{scope}");
        }
    }
}
