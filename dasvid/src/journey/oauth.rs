//! The tool's own access token, by direct grant.

use anyhow::{Context as _, bail};
use mesh::web::{self, WebSettings};
use serde::Deserialize;
use serde_json::Value;

use crate::place::{Person, Place};

/// What the story needs a token to allow.
const SCOPE: &str = "openid accounts.read payments.write";

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    token_endpoint: String,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

/// An access token of a person at the provider of `place`.
///
/// # Errors
/// What the provider refuses.
pub(super) async fn direct_grant(place: &Place, person: &Person) -> anyhow::Result<String> {
    grant(&place.issuer, &place.client_id, &person.name, &person.password, SCOPE).await
}

/// An access token of a person by the password grant (RFC 6749 §4.3), for providers that offer it to tests.
///
/// # Errors
/// What the provider refuses.
pub async fn grant(issuer: &str, client: &str, name: &str, password: &str, scope: &str) -> anyhow::Result<String> {
    let http = web::client(WebSettings::default())?;
    let document = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let answer = http.get(&document).send().await.with_context(|| format!("no provider answers at {issuer}"))?;
    let found: Discovery = answer.error_for_status()?.json().await.context("the provider's discovery document")?;
    if found.issuer.trim_end_matches('/') != issuer.trim_end_matches('/') {
        bail!("the provider at {issuer} calls itself {}", found.issuer);
    }
    let fields = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", name),
        ("password", password),
        ("scope", scope),
    ];
    let answer = http.post(&found.token_endpoint).form(&fields).send().await?;
    if !answer.status().is_success() {
        let status = answer.status();
        let error: Value = answer.json().await.unwrap_or_default();
        bail!("the provider refuses the direct grant: {status} {}", error.get("error").unwrap_or(&Value::Null));
    }
    Ok(answer.json::<Granted>().await?.access_token)
}
