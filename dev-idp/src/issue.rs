//! The tokens: access tokens in the provider's shape and ID tokens of OpenID Connect Core §2.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

use crate::{
    Algorithm, Client, KeyError, Person,
    provider::{Issued, Provider, Session},
    shape::Facts,
};

/// What an access token is about.
pub(crate) struct Access<'a> {
    pub(crate) client: &'a Client,
    pub(crate) scope: &'a str,
    pub(crate) jti: String,
    /// Whose login it comes from; none for a client that acts for itself.
    pub(crate) session: Option<&'a Session>,
}

impl Provider {
    /// Signs an access token, and remembers what it is for.
    pub(crate) async fn access_token(&self, access: Access<'_>) -> Result<String, KeyError> {
        let (now, shape) = (self.now(), self.settings.shape);
        let claims = shape.access_claims(&Facts {
            issuer: &self.issuer,
            audience: &self.settings.audience,
            client: access.client,
            scope: access.scope,
            jti: &access.jti,
            issued_at: now,
            expires_at: now.saturating_add(self.settings.token_life.as_secs()),
            session: access.session,
        });
        let token = self.keys.key(self.algorithm(access.client)).await?.sign(shape.access_typ(), &claims)?;
        let sid = access.session.map(|session| session.sid.clone());
        self.remember_token(&token, Issued { jti: access.jti, scope: access.scope.to_owned(), sid });
        Ok(token)
    }

    /// Signs an ID token that goes with `access_token`.
    pub(crate) async fn id_token(
        &self,
        client: &Client,
        session: &Session,
        scope: &str,
        nonce: Option<&str>,
        access_token: &str,
    ) -> Result<String, KeyError> {
        let (now, algorithm) = (self.now(), self.algorithm(client));
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("aud".to_owned(), json!(client.id));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now.saturating_add(self.settings.token_life.as_secs())));
        claims.insert("at_hash".to_owned(), json!(at_hash(algorithm, access_token)));
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        claims.extend(login_claims(session));
        claims.extend(person_claims(&session.person, scope));
        claims.extend(self.settings.shape.id_claims(client, session));
        self.keys.key(algorithm).await?.sign(self.settings.shape.id_typ(), &Value::Object(claims))
    }
}

fn login_claims(session: &Session) -> Map<String, Value> {
    Map::from_iter([
        ("sid".to_owned(), json!(session.sid)),
        ("auth_time".to_owned(), json!(session.auth_time)),
        ("acr".to_owned(), json!("1")),
        ("amr".to_owned(), json!(["pwd"])),
    ])
}

/// What the granted scopes tell about a person (OpenID Connect Core §5.4).
pub(crate) fn person_claims(person: &Person, scope: &str) -> Map<String, Value> {
    let granted = |name: &str| scope.split(' ').any(|scope| scope == name);
    let mut claims = Map::from_iter([("sub".to_owned(), json!(person.sub))]);
    if granted("profile") {
        claims.insert("name".to_owned(), json!(person.name));
        claims.insert("preferred_username".to_owned(), json!(person.name));
    }
    if granted("email") {
        claims.insert("email".to_owned(), json!(person.email));
        claims.insert("email_verified".to_owned(), json!(true));
    }
    claims
}

/// OpenID Connect Core §3.1.3.6: the left half of the hash that goes with the algorithm.
fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    match algorithm {
        Algorithm::Ed25519 => BASE64.encode(Sha512::digest(access_token).first_chunk::<32>().unwrap_or(&[0; 32])),
        _ => BASE64.encode(Sha256::digest(access_token).first_chunk::<16>().unwrap_or(&[0; 16])),
    }
}
