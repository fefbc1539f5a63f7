//! The tool's own login, by direct grant.

use anyhow::{Context as _, bail, ensure};
use mesh::web::{self, WebSettings};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::place::{Person, Place};

/// What the story needs a token to allow.
const SCOPE: &str = "openid accounts.read payments.write";

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    token_endpoint: String,
    end_session_endpoint: Option<Url>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    id_token: Option<String>,
}

/// A login of the tool's own.
pub(super) struct Login {
    pub(super) access_token: String,
    /// Where to go to end it.
    end: Option<Url>,
}

impl Login {
    /// Ends the session at the provider (OpenID Connect RP-Initiated Logout 1.0).
    ///
    /// # Errors
    /// The provider offers no such thing, or refuses.
    pub(super) async fn log_out(&self) -> anyhow::Result<()> {
        let end = self.end.clone().context("the provider offers no logout")?;
        let answer = web::client(WebSettings::default())?.get(end).send().await?;
        ensure!(!answer.status().is_client_error(), "the provider refuses the logout: {}", answer.status());
        ensure!(!answer.status().is_server_error(), "the provider fails at the logout: {}", answer.status());
        Ok(())
    }
}

/// Logs a person in at the provider of `place`, by direct grant.
///
/// # Errors
/// What the provider refuses.
pub(super) async fn log_in(place: &Place, person: &Person) -> anyhow::Result<Login> {
    let found = discover(&place.issuer).await?;
    let granted = ask(&found, &place.client_id, &person.name, &person.password, SCOPE).await?;
    let end = found.end_session_endpoint.zip(granted.id_token).map(|(mut end, hint)| {
        end.query_pairs_mut().append_pair("id_token_hint", &hint).append_pair("client_id", &place.client_id);
        end
    });
    Ok(Login { access_token: granted.access_token, end })
}

/// An access token of a person by the password grant (RFC 6749 §4.3), for providers that offer it to tests.
///
/// # Errors
/// What the provider refuses.
pub async fn grant(issuer: &str, client: &str, name: &str, password: &str, scope: &str) -> anyhow::Result<String> {
    Ok(ask(&discover(issuer).await?, client, name, password, scope).await?.access_token)
}

async fn discover(issuer: &str) -> anyhow::Result<Discovery> {
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let asked = web::client(WebSettings::default())?.get(&document).send().await;
    let answer = asked.with_context(|| format!("no provider answers at {issuer}"))?;
    let found: Discovery = answer.error_for_status()?.json().await.context("the provider's discovery document")?;
    if found.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        bail!("the provider at {issuer} calls itself {}", found.issuer);
    }
    Ok(found)
}

async fn ask(found: &Discovery, client: &str, name: &str, password: &str, scope: &str) -> anyhow::Result<Granted> {
    let fields = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", name),
        ("password", password),
        ("scope", scope),
    ];
    let answer = web::client(WebSettings::default())?.post(&found.token_endpoint).form(&fields).send().await?;
    if !answer.status().is_success() {
        let status = answer.status();
        let error: Value = answer.json().await.unwrap_or_default();
        bail!("the provider refuses the direct grant: {status} {}", error.get("error").unwrap_or(&Value::Null));
    }
    Ok(answer.json().await?)
}
