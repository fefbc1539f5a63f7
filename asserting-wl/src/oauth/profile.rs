//! How an issuer's access tokens are told from everything else it signs. Recognition is positive: a token that does
//! not say that it is an access token is none.

use token::json::{Object, Value};
use token::policy;

use super::compact::Header;

/// A kind of identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Header `typ` is `at+jwt` (RFC 9068 §2.1); a payload `typ`, if any, is `Bearer`.
    Rfc9068,
    /// Keycloak: payload `typ` is `Bearer`, header `typ` is `JWT` or `at+jwt`.
    Keycloak,
}

impl Profile {
    /// The profile a policy names, if this version supports it.
    pub(crate) fn supported(named: policy::Profile) -> Option<Self> {
        match named {
            policy::Profile::Rfc9068 => Some(Self::Rfc9068),
            policy::Profile::Keycloak => Some(Self::Keycloak),
            policy::Profile::Okta | policy::Profile::Entra | policy::Profile::Auth0 => None,
        }
    }

    pub(crate) fn recognises(self, header: &Header, claims: &Object) -> bool {
        let at_jwt = is_media_type(header, "at+jwt");
        let payload_typ = claims.get("typ");
        let bearer = payload_typ.and_then(Value::as_str) == Some("Bearer");
        match self {
            Self::Rfc9068 => at_jwt && (payload_typ.is_none() || bearer),
            Self::Keycloak => bearer && (at_jwt || is_media_type(header, "JWT")),
        }
    }
}

/// Compares a header `typ`, with or without `application/`, without regard to case (RFC 7515 §4.1.9).
fn is_media_type(header: &Header, name: &str) -> bool {
    let Some(typ) = header.typ.as_deref() else { return false };
    let short = match typ.split_once('/') {
        Some((application, rest)) if application.eq_ignore_ascii_case("application") => rest,
        Some(_) => return false,
        None => typ,
    };
    short.eq_ignore_ascii_case(name)
}
