//! How an issuer's access tokens are told from everything else it signs, and where they say what.
//!
//! Recognition is positive: a token that does not say that it is an access token is none. What all other kinds of
//! tokens have in common is refused beside it (`claims`), and an audience of this service is always required.
//!
//! | profile | told by | client | scope | id |
//! |---|---|---|---|---|
//! | `rfc9068` | header `typ` is `at+jwt` (RFC 9068 §2.1); a payload `typ`, if any, is `Bearer` | `client_id` | `scope` | `jti` |
//! | `keycloak` | payload `typ` is `Bearer`; header `typ` is `JWT` or `at+jwt` | `azp` | `scope` | `jti` |
//! | `okta` | no header `typ`; `cid` and an array `scp` | `cid` | `scp` | `jti` |
//! | `entra` | header `typ` is `JWT`; `ver` is `2.0`; `azp` and `azpacr` | `azp` | `scp`, text | `uti` |
//! | `auth0` | header `typ` is `JWT`; `azp` and `scope` | `azp` | `scope` | `jti` |
//! | `auth0`, RFC 9068 dialect | as `rfc9068` | `client_id` | `scope` | `jti` |
//!
//! The person (`dpr`) is `sub` everywhere, because that is what the issuer's signature and the proof of provenance
//! speak of. At Entra it is pairwise, another one for every API, and so is nobody's business elsewhere; `oid` would
//! name the same person across the whole tenant, to everyone who sees a chain. At Okta it is whatever the authorization
//! server maps it to, the login name by default.
//!
//! What a profile cannot tell apart is said where it is matched below, and in `docs/providers.md` for whoever sets a
//! provider up.

use token::json::{Object, Value};
use token::policy::Profile;

use super::OauthError;
use super::compact::Header;

/// Where an access token that has been recognised says its client, its scope and its own name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The claim that names the client the token was issued to.
    pub(crate) client: &'static str,
    pub(crate) scope: Scope,
    /// The claim by which the issuer tells this token from its others.
    pub(crate) id: &'static str,
}

/// The claim that lists the scopes, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Words separated by spaces (RFC 9068 §2.2.3).
    Words(&'static str),
    /// An array.
    List(&'static str),
}

const RFC9068: Dialect = Dialect { client: "client_id", scope: Scope::Words("scope"), id: "jti" };
const KEYCLOAK: Dialect = Dialect { client: "azp", scope: Scope::Words("scope"), id: "jti" };
const OKTA: Dialect = Dialect { client: "cid", scope: Scope::List("scp"), id: "jti" };
const ENTRA: Dialect = Dialect { client: "azp", scope: Scope::Words("scp"), id: "uti" };
const AUTH0: Dialect = Dialect { client: "azp", scope: Scope::Words("scope"), id: "jti" };

/// The dialect of an access token of this profile.
///
/// # Errors
/// [`OauthError::NotAnAccessToken`] for anything that does not say it is one; [`OauthError::NoPerson`] for one that an
/// application got for itself, where the provider lets that be seen.
pub(crate) fn recognise(profile: Profile, header: &Header, claims: &Object) -> Result<&'static Dialect, OauthError> {
    let token = Candidate { header, claims };
    match profile {
        Profile::Rfc9068 => token.rfc9068(),
        Profile::Keycloak => token.keycloak(),
        Profile::Okta => token.okta(),
        Profile::Entra => token.entra(),
        Profile::Auth0 => token.auth0(),
    }
}

/// A token whose signature has been checked and whose kind is not known yet.
struct Candidate<'a> {
    header: &'a Header,
    claims: &'a Object,
}

impl Candidate<'_> {
    /// Cannot tell a person from a client that acts for itself: RFC 9068 §5 leaves that to how `sub` is given.
    fn rfc9068(&self) -> Result<&'static Dialect, OauthError> {
        let bearer = !self.claims.contains_key("typ") || self.text("typ") == Some("Bearer");
        kind(self.is("at+jwt") && bearer, &RFC9068)
    }

    /// ID tokens say `ID`, logout tokens `Logout`, refresh tokens `Refresh` or `Offline`. Cannot tell a person from a
    /// service account, which is a user of its own at Keycloak.
    fn keycloak(&self) -> Result<&'static Dialect, OauthError> {
        kind(self.text("typ") == Some("Bearer") && (self.is("JWT") || self.is("at+jwt")), &KEYCLOAK)
    }

    /// ID tokens have no header `typ` either, but neither `cid` nor `scp`; tokens of the org authorization server,
    /// which are for Okta only, have a header `typ` of their own. Client credentials bring no `uid`. Cannot tell one
    /// session of a person from another: there is no `sid` unless the authorization server is told to add one.
    fn okta(&self) -> Result<&'static Dialect, OauthError> {
        let scopes = matches!(self.claims.get("scp"), Some(Value::Array(_)));
        kind(self.header.typ.is_none() && self.has("cid") && scopes, &OKTA)?;
        person(self.has("uid"), &OKTA)
    }

    /// Tokens of version 1.0 have `appid` for `azp` and come from another issuer: an API that wants this profile sets
    /// `requestedAccessTokenVersion` to 2. ID tokens of version 2.0 have neither `azp` nor `azpacr`. Tokens for
    /// Microsoft Graph have a header member `nonce`, with which no signature but Graph's own check verifies; the
    /// header's reader refuses it. Without `scp` nobody delegated: the application has the token for itself.
    fn entra(&self) -> Result<&'static Dialect, OauthError> {
        let version = self.text("ver") == Some("2.0");
        kind(self.is("JWT") && version && self.has("azp") && self.has("azpacr"), &ENTRA)?;
        person(self.has("scp") && self.text("idtyp") != Some("app"), &ENTRA)
    }

    /// ID tokens say `JWT` too, but have neither `azp` (which no custom claim can be called) nor `scope`. Cannot tell
    /// sessions or the time of a login: access tokens say neither.
    fn auth0(&self) -> Result<&'static Dialect, OauthError> {
        let dialect = if self.is("at+jwt") {
            kind(self.has("client_id"), &RFC9068)
        } else {
            kind(self.is("JWT") && self.has("azp") && self.text("scope").is_some(), &AUTH0)
        }?;
        kind(!self.claims.contains_key("typ"), dialect)?;
        let itself = self.text("gty") == Some("client-credentials")
            || self.text("sub").is_some_and(|subject| subject.ends_with("@clients"));
        person(!itself, dialect)
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// Whether the claim is a text that says something.
    fn has(&self, claim: &str) -> bool {
        self.text(claim).is_some_and(|text| !text.is_empty())
    }

    /// Compares the header's `typ`, with or without `application/`, without regard to case (RFC 7515 §4.1.9).
    fn is(&self, media_type: &str) -> bool {
        let Some(typ) = self.header.typ.as_deref() else { return false };
        let short = match typ.split_once('/') {
            Some((application, rest)) if application.eq_ignore_ascii_case("application") => rest,
            Some(_) => return false,
            None => typ,
        };
        short.eq_ignore_ascii_case(media_type)
    }
}

fn kind(recognised: bool, dialect: &'static Dialect) -> Result<&'static Dialect, OauthError> {
    if recognised { Ok(dialect) } else { Err(OauthError::NotAnAccessToken) }
}

fn person(somebody: bool, dialect: &'static Dialect) -> Result<&'static Dialect, OauthError> {
    if somebody { Ok(dialect) } else { Err(OauthError::NoPerson) }
}
