//! What a logout token must say to be one (OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6).

use token::Timestamp;
use token::json::{Object, Value};
use token::policy::Profile;

use super::LogoutError;
use crate::oauth::{OauthVerifier, Signed};

/// The member of `events` that makes a token a logout token.
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Clock difference allowed, seconds.
const LEEWAY: u64 = 30;
/// How long ago a logout token may have been made, seconds.
const FRESH: u64 = 300;
/// Longest `sid`, `sub` and `jti`, bytes; a longer one is in no DA-SVID.
const MAX_TEXT: usize = 1024;

/// A logout token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutToken {
    /// `iss`: the identity provider.
    pub issuer: String,
    /// `jti`, unique within the issuer.
    pub id: String,
    /// `iat`, no later than half a minute from now.
    pub issued_at: Timestamp,
    /// `sid`: the session that ended, where access tokens of this provider say theirs; else all of `sub` counts. At
    /// least one of the two is there.
    pub session: Option<String>,
    /// `sub`: whose sessions ended.
    pub person: Option<String>,
}

impl LogoutToken {
    /// Verifies a logout token for one of the clients in `audience`.
    ///
    /// # Errors
    /// [`LogoutError`]; the first check that fails: form, issuer, algorithm, signature, kind, audience, times, claims.
    pub async fn verify(
        oauth: &OauthVerifier,
        audience: &[String],
        token: &str,
        now: Timestamp,
    ) -> Result<Self, LogoutError> {
        let signed = oauth.authenticate(token, now).await?;
        kind(&signed)?;
        let claims = signed.claims();
        if !names(claims, audience)? {
            return Err(LogoutError::Audience);
        }
        let issued_at = times(claims, now)?;
        let (session, person) = (text(claims, "sid")?, text(claims, "sub")?);
        if session.is_none() && person.is_none() {
            return Err(LogoutError::Claim("sid"));
        }
        Ok(Self {
            issuer: text(claims, "iss")?.ok_or(LogoutError::Claim("iss"))?,
            id: text(claims, "jti")?.ok_or(LogoutError::Claim("jti"))?,
            issued_at,
            session: session.filter(|_| names_sessions(signed.profile()) || person.is_none()),
            person,
        })
    }

    /// Until when its `jti` must be remembered: it is too old afterwards.
    #[must_use]
    pub fn remembered_until(&self) -> Timestamp {
        self.issued_at.plus(FRESH + LEEWAY)
    }
}

/// A logout token says so, with an event and without what makes an ID token of it.
fn kind(signed: &Signed<'_>) -> Result<(), LogoutError> {
    if !is_typed(signed) {
        return Err(LogoutError::NotALogoutToken);
    }
    let event = signed.claims().get("events").and_then(Value::as_object).and_then(|events| events.get(EVENT));
    if event.and_then(Value::as_object).is_none() {
        return Err(LogoutError::Claim("events"));
    }
    match ["nonce", "at_hash", "scope", "cnf"].into_iter().find(|claim| signed.claims().contains_key(*claim)) {
        Some(claim) => Err(LogoutError::Claim(claim)),
        None => Ok(()),
    }
}

/// Header `typ` is `logout+jwt`; older Keycloaks send `JWT` and say `Logout` in the payload.
fn is_typed(signed: &Signed<'_>) -> bool {
    let typ = signed.typ().unwrap_or_default().to_ascii_lowercase();
    let typed = typ.strip_prefix("application/").unwrap_or(&typ) == "logout+jwt";
    let keycloak = signed.profile() == Profile::Keycloak;
    match signed.claims().get("typ").map(Value::as_str) {
        None => typed,
        Some(payload) => payload == Some("Logout") && (typed || (keycloak && typ == "jwt")),
    }
}

/// Whether access tokens of this profile say which session they belong to. If not, a session's end is unknown to them.
fn names_sessions(profile: Profile) -> bool {
    matches!(profile, Profile::Rfc9068 | Profile::Keycloak)
}

fn names(claims: &Object, audience: &[String]) -> Result<bool, LogoutError> {
    let is_ours = |entry: &str| audience.iter().any(|client| client == entry);
    match claims.get("aud") {
        Some(Value::String(one)) => Ok(is_ours(one)),
        Some(Value::Array(entries)) => {
            let entries: Option<Vec<_>> = entries.iter().map(Value::as_str).collect();
            Ok(entries.ok_or(LogoutError::Claim("aud"))?.into_iter().any(is_ours))
        }
        _ => Err(LogoutError::Claim("aud")),
    }
}

/// `iat` is required, and `exp` heeded where it is there: providers of before the errata leave it out.
fn times(claims: &Object, now: Timestamp) -> Result<Timestamp, LogoutError> {
    let issued_at = moment(claims, "iat")?.ok_or(LogoutError::Claim("iat"))?;
    let expired = moment(claims, "exp")?.is_some_and(|expires| expires.plus(LEEWAY) <= now);
    if expired || issued_at > now.plus(LEEWAY) || now.since(issued_at) > FRESH {
        return Err(LogoutError::Time);
    }
    Ok(issued_at)
}

fn moment(claims: &Object, name: &'static str) -> Result<Option<Timestamp>, LogoutError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_integer().map(|seconds| Some(Timestamp(seconds))).ok_or(LogoutError::Claim(name)),
    }
}

fn text(claims: &Object, name: &'static str) -> Result<Option<String>, LogoutError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= MAX_TEXT => Ok(Some(text.clone())),
        Some(_) => Err(LogoutError::Claim(name)),
    }
}
