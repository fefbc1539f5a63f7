//! What an access token must say to be one, for us, now (RFC 9068 §4, RFC 8725).

use token::Timestamp;
use token::json::{Object, Value};
use token::policy::Profile;
use token::revocation::Login;

use super::OauthError;
use super::compact::Header;
use super::profile::{self, Scope};

/// Clock difference allowed for `iat` and `nbf`, seconds.
const LEEWAY: u64 = 30;
/// Longest life of an access token, seconds.
const MAX_LIFE: u64 = 3600;
/// Claims that only other kinds of tokens have: ID tokens, logout tokens, security event tokens; and possession
/// that is not proven here.
const REFUSED: [&str; 5] = ["nonce", "at_hash", "c_hash", "events", "cnf"];

/// An access token whose signature, issuer, audience, times and kind were checked. Only the verifier makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// `iss`: the delegating principal authority.
    pub issuer: String,
    /// `sub`: the delegating principal, unique within the issuer only.
    pub subject: String,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `jti`, or Entra's `uti`, by which the issuer may revoke it.
    pub id: Option<String>,
    /// `scope` or `scp`, in the token's order.
    pub scopes: Vec<String>,
    /// When the person logged in, where the provider says it.
    pub auth_time: Option<Timestamp>,
    /// The person's session at the provider, where it says one.
    pub sid: Option<String>,
    /// How well the person was authenticated, where the provider says it.
    pub acr: Option<String>,
    /// By which methods, where the provider says them.
    pub amr: Option<Vec<String>>,
    /// `client_id`, or the profile's `azp` or `cid`.
    pub client_id: Option<String>,
}

impl AccessToken {
    /// The login the token comes from, as revocations look it up.
    #[must_use]
    pub fn login(&self) -> Login<'_> {
        let at = self.auth_time.unwrap_or(self.issued_at);
        Login { dpa: &self.issuer, dpr: &self.subject, sid: self.sid.as_deref(), at }
    }
}

/// What the policy row of an issuer expects of its tokens.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) profile: Profile,
    pub(crate) audience: &'a [String],
    pub(crate) clients: &'a [String],
    /// SPIFFE ID of the workload that presents the token.
    pub(crate) caller: &'a str,
}

/// Reads the claims of a token whose signature has been checked.
pub(crate) fn read(
    header: &Header,
    claims: &Object,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<AccessToken, OauthError> {
    let dialect = profile::recognise(expected.profile, header, claims)?;
    belonging(claims, expected.caller)?;
    let claims = Claims(claims);
    audience(&claims, expected.audience)?;
    let (issued_at, expires_at) = times(&claims, now)?;
    let client_id = claims.text(dialect.client)?;
    let listed = |client: &String| expected.clients.contains(client);
    if !expected.clients.is_empty() && !client_id.as_ref().is_some_and(listed) {
        return Err(OauthError::Client);
    }
    Ok(AccessToken {
        issuer: claims.required_text("iss")?,
        subject: claims.required_text("sub")?,
        issued_at,
        expires_at,
        id: claims.text(dialect.id)?,
        scopes: scopes(&claims, &dialect.scope)?,
        auth_time: login(&claims, now)?,
        sid: claims.text("sid")?,
        acr: claims.text("acr")?,
        amr: claims.texts("amr")?,
        client_id,
    })
}

/// Nothing that belongs to another kind of token, or to another caller, may be in it.
fn belonging(claims: &Object, caller: &str) -> Result<(), OauthError> {
    if let Some(claim) = REFUSED.into_iter().find(|claim| claims.contains_key(*claim)) {
        return Err(OauthError::Claim(claim));
    }
    match claims.get("may_act") {
        None => Ok(()),
        Some(Value::Object(actor)) if actor.get("sub").and_then(Value::as_str) == Some(caller) => Ok(()),
        Some(_) => Err(OauthError::MayAct),
    }
}

fn audience(claims: &Claims<'_>, allowed: &[String]) -> Result<(), OauthError> {
    let audience = match claims.0.get("aud") {
        Some(Value::String(one)) => vec![one.clone()],
        _ => claims.texts("aud")?.ok_or(OauthError::Claim("aud"))?,
    };
    if audience.iter().any(|entry| allowed.contains(entry)) { Ok(()) } else { Err(OauthError::Audience) }
}

fn times(claims: &Claims<'_>, now: Timestamp) -> Result<(Timestamp, Timestamp), OauthError> {
    let issued_at = claims.integer("iat")?.ok_or(OauthError::Claim("iat"))?;
    let expires_at = claims.integer("exp")?.ok_or(OauthError::Claim("exp"))?;
    let not_before = claims.integer("nbf")?.unwrap_or(issued_at);
    if issued_at > now.plus(LEEWAY).0 || not_before > now.plus(LEEWAY).0 {
        return Err(OauthError::NotYetValid);
    }
    if expires_at <= now.0 {
        return Err(OauthError::Expired);
    }
    if expires_at.saturating_sub(issued_at) > MAX_LIFE {
        return Err(OauthError::LivesTooLong);
    }
    Ok((Timestamp(issued_at), Timestamp(expires_at)))
}

/// `auth_time` is when somebody logged in, so it lies in the past.
fn login(claims: &Claims<'_>, now: Timestamp) -> Result<Option<Timestamp>, OauthError> {
    let login = claims.integer("auth_time")?.map(Timestamp);
    if login.is_some_and(|login| login > now.plus(LEEWAY)) { Err(OauthError::Claim("auth_time")) } else { Ok(login) }
}

/// Absent means none.
fn scopes(claims: &Claims<'_>, scope: &Scope) -> Result<Vec<String>, OauthError> {
    match *scope {
        Scope::Words(claim) => {
            let words = claims.text(claim)?.unwrap_or_default();
            Ok(words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect())
        }
        Scope::List(claim) => {
            let list = claims.texts(claim)?.unwrap_or_default();
            let word = |entry: &String| !entry.is_empty() && !entry.contains(' ');
            if list.iter().all(word) { Ok(list) } else { Err(OauthError::Claim(claim)) }
        }
    }
}

/// Claims by type: absent is `None`, of another type is an error that names the claim.
struct Claims<'a>(&'a Object);

impl Claims<'_> {
    fn text(&self, name: &'static str) -> Result<Option<String>, OauthError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(OauthError::Claim(name)),
        }
    }

    fn required_text(&self, name: &'static str) -> Result<String, OauthError> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or(OauthError::Claim(name))
    }

    fn texts(&self, name: &'static str) -> Result<Option<Vec<String>>, OauthError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Array(entries)) => {
                let texts = entries.iter().map(|entry| entry.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Some).ok_or(OauthError::Claim(name))
            }
            Some(_) => Err(OauthError::Claim(name)),
        }
    }

    /// An integer of 0…2⁵³ − 1, written without fraction or exponent.
    fn integer(&self, name: &'static str) -> Result<Option<u64>, OauthError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_integer().map(Some).ok_or(OauthError::Claim(name)),
        }
    }
}

#[cfg(test)]
mod tests;
