//! Whose tokens this provider imitates: where the issuer is, and what its tokens look like.
//!
//! The shapes are those the providers document; `asserting-wl/tests/fixtures/providers` names the pages. Only what
//! tells one provider's tokens from another's is imitated: sign-in, keys and endpoints stay this provider's own. Where
//! the administrator of a real provider has a choice, this one is set up as `docs/providers.md` advises.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{Client, provider::Session};

/// A kind of identity provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// RFC 9068, with `sid`, `auth_time`, `acr` and `amr` in access tokens.
    #[default]
    Rfc9068,
    /// Keycloak, realm `bank`: payload `typ`, `azp`, `realm_access`.
    Keycloak,
    /// Okta, authorization server `default`, its `sub` mapped to the user's ID: no header `typ`, `cid`, `scp` as array.
    Okta,
    /// Microsoft Entra ID, version 2.0, with the optional claims `sid` and `auth_time`: `azp`, `scp` as text, `oid`.
    Entra,
    /// Auth0, in its own dialect: `azp`, an audience for userinfo too, no `jti`.
    Auth0,
}

/// The tenant of the Entra imitation.
const TENANT: &str = "9122040d-0000-4000-8000-c5b112b36a30";

/// What an access token says in any shape.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a [String],
    pub(crate) client: &'a Client,
    pub(crate) scope: &'a str,
    pub(crate) jti: &'a str,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
    /// Whose login it comes from; none for a client that acts for itself.
    pub(crate) session: Option<&'a Session>,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 5] = [Self::Rfc9068, Self::Keycloak, Self::Okta, Self::Entra, Self::Auth0];

    /// The name on the command line, which is also that of the profile in asserting-wl's policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc9068 => "rfc9068",
            Self::Keycloak => "keycloak",
            Self::Okta => "okta",
            Self::Entra => "entra",
            Self::Auth0 => "auth0",
        }
    }

    /// The path of the issuer; Auth0's is a bare slash.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Rfc9068 => String::new(),
            Self::Keycloak => "/realms/bank".to_owned(),
            Self::Okta => "/oauth2/default".to_owned(),
            Self::Entra => format!("/{TENANT}/v2.0"),
            Self::Auth0 => "/".to_owned(),
        }
    }

    /// The header `typ` of access tokens.
    pub(crate) const fn access_typ(self) -> Option<&'static str> {
        match self {
            Self::Rfc9068 => Some("at+jwt"),
            Self::Keycloak | Self::Entra | Self::Auth0 => Some("JWT"),
            Self::Okta => None,
        }
    }

    /// The header `typ` of ID tokens.
    pub(crate) const fn id_typ(self) -> Option<&'static str> {
        match self {
            Self::Okta => None,
            _ => Some("JWT"),
        }
    }

    /// The claims of an access token.
    pub(crate) fn access_claims(self, facts: &Facts<'_>) -> Value {
        let mut claims = match self {
            Self::Rfc9068 => rfc9068(facts),
            Self::Keycloak => keycloak(facts),
            Self::Okta => okta(facts),
            Self::Entra => entra(facts),
            Self::Auth0 => auth0(facts),
        };
        if let Some(claims) = claims.as_object_mut() {
            claims.insert("iss".to_owned(), json!(facts.issuer));
            claims.insert("iat".to_owned(), json!(facts.issued_at));
            claims.insert("exp".to_owned(), json!(facts.expires_at));
            claims.entry("sub").or_insert_with(|| json!(facts.subject()));
        }
        claims
    }

    /// What an ID token says beside the claims of OpenID Connect.
    pub(crate) fn id_claims(self, client: &Client, session: &Session) -> Map<String, Value> {
        let more = match self {
            Self::Rfc9068 => json!({"azp": client.id}),
            Self::Keycloak => json!({"azp": client.id, "typ": "ID"}),
            Self::Okta => json!({"ver": 1, "jti": format!("ID.{}", session.sid), "idp": "00ok1u7AsAkrwdZL3z0g3"}),
            Self::Entra => json!({"ver": "2.0", "tid": TENANT, "oid": guid(&session.person.sub)}),
            Self::Auth0 => json!({"nickname": session.person.name}),
        };
        more.as_object().cloned().unwrap_or_default()
    }
}

impl Facts<'_> {
    fn subject(&self) -> &str {
        self.session.map_or(self.client.id.as_str(), |session| &session.person.sub)
    }

    /// One audience as text, several as an array (RFC 7519 §4.1.3).
    fn audience(&self) -> Value {
        match self.audience {
            [one] => json!(one),
            several => json!(several),
        }
    }

    fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|scope| !scope.is_empty())
    }

    /// `claims`, and `login` where a person logged in.
    fn with(&self, claims: Value, login: impl FnOnce(&Session) -> Value) -> Value {
        self.session.map(login).into_iter().fold(claims, joined)
    }
}

fn rfc9068(facts: &Facts<'_>) -> Value {
    let claims = json!({"aud": facts.audience, "client_id": facts.client.id, "jti": facts.jti, "scope": facts.scope});
    facts
        .with(claims, |session| json!({"sid": session.sid, "auth_time": session.auth_time, "acr": "1", "amr": ["pwd"]}))
}

fn keycloak(facts: &Facts<'_>) -> Value {
    let claims = json!({
        "aud": facts.audience(),
        "typ": "Bearer",
        "azp": facts.client.id,
        "jti": format!("onrtac:{}", guid(facts.jti)),
        "acr": "1",
        "realm_access": {"roles": ["customer"]},
        "scope": facts.scope,
    });
    facts.with(claims, |session| {
        let person = &session.person;
        json!({
            "sid": session.sid, "auth_time": session.auth_time, "amr": ["pwd"],
            "preferred_username": person.name, "email": person.email, "email_verified": true,
        })
    })
}

fn okta(facts: &Facts<'_>) -> Value {
    let claims = json!({
        "ver": 1,
        "jti": format!("AT.{}", facts.jti),
        "aud": facts.audience(),
        "cid": facts.client.id,
        "scp": facts.scopes().collect::<Vec<_>>(),
    });
    facts.with(claims, |session| json!({"uid": session.person.sub, "auth_time": session.auth_time}))
}

/// Scopes of OpenID Connect are Microsoft Graph's, so they are in no token for another API.
fn entra(facts: &Facts<'_>) -> Value {
    let own = |scope: &&str| !["openid", "profile", "email", "offline_access"].contains(scope);
    let scp = facts.scopes().filter(own).collect::<Vec<_>>().join(" ");
    let claims = json!({
        "aud": facts.audience(),
        "nbf": facts.issued_at,
        "aio": guid(&format!("aio {}", facts.jti)),
        "azp": facts.client.id,
        "azpacr": if facts.client.secret.is_some() { "1" } else { "0" },
        "rh": format!("0.{}.", facts.jti),
        "tid": TENANT,
        "uti": facts.jti,
        "ver": "2.0",
    });
    if facts.session.is_none() {
        return joined(claims, json!({"idtyp": "app", "roles": [scp], "oid": guid(&facts.client.id)}));
    }
    facts.with(claims, |session| {
        let person = &session.person;
        json!({
            "scp": scp, "oid": guid(&person.sub), "sid": session.sid, "auth_time": session.auth_time,
            "name": person.name, "preferred_username": person.email,
        })
    })
}

fn auth0(facts: &Facts<'_>) -> Value {
    let mut audience = facts.audience.to_vec();
    if facts.scopes().any(|scope| scope == "openid") {
        audience.push(format!("{}userinfo", facts.issuer));
    }
    let claims = json!({
        "aud": match audience.as_slice() { [one] => json!(one), several => json!(several) },
        "azp": facts.client.id,
        "scope": facts.scope,
    });
    if facts.session.is_some() {
        return claims;
    }
    joined(claims, json!({"sub": format!("{}@clients", facts.client.id), "gty": "client-credentials"}))
}

fn joined(mut claims: Value, more: Value) -> Value {
    if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
        claims.extend(more);
    }
    claims
}

/// Something that looks like a GUID (RFC 9562 §5.8) and is always the same for the same text.
fn guid(text: &str) -> String {
    let hash = Sha256::digest(text);
    let number = |from: usize| {
        let bytes = hash.iter().skip(from).take(6);
        bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
    };
    let (first, second, third) = (number(0), number(6), number(12));
    format!(
        "{:08x}-{:04x}-8{:03x}-8{:03x}-{third:012x}",
        first & 0xffff_ffff,
        first >> 32,
        second & 0xfff,
        second >> 12 & 0xfff
    )
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no shape of this provider.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no shape of dev-idp; it knows rfc9068, keycloak, okta, entra and auth0")]
pub struct UnknownShape(String);

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|shape| shape.name() == name).ok_or_else(|| UnknownShape(name.to_owned()))
    }
}
