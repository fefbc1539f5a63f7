//! The OpenID Provider as this client sees it: where to send a browser, and what a code is worth.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use chassis::Clock;
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, IssuerUrl,
    LogoutRequest, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, SignatureVerificationError, TokenResponse,
    core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreIdTokenClaims, CoreTokenResponse},
};
use secrecy::{ExposeSecret, SecretString};
use token::Timestamp;
use tokio::sync::Mutex;
use url::Url;

use crate::{config::LoginSettings, session::Person};

mod http;

use http::Fetch;

/// How long the provider's metadata and keys are believed, in seconds.
const FRESH: u64 = 600;
/// How often an unknown key may make us ask again, in seconds.
const RETRY: u64 = 5;

/// Why a login did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum OidcError {
    /// The provider does not answer, or not as a provider does.
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    /// The provider refused the code.
    #[error("the identity provider refused the code: {0}")]
    Code(String),
    /// The ID token is missing or not to be believed.
    #[error("the ID token is refused: {0}")]
    IdToken(String),
    /// The settings or metadata hold no usable address.
    #[error("not an address: {0}")]
    Address(String),
}

/// A login under way: where the browser goes, and what must come back.
pub(crate) struct Departure {
    pub(crate) url: Url,
    pub(crate) state: String,
    pub(crate) nonce: Nonce,
    pub(crate) verifier: PkceCodeVerifier,
}

/// A finished login.
pub(crate) struct Arrival {
    pub(crate) person: Person,
    pub(crate) access_token: SecretString,
    pub(crate) expires: Timestamp,
    pub(crate) id_token: CoreIdToken,
}

#[derive(Clone)]
struct Discovered {
    metadata: Arc<ProviderMetadataWithLogout>,
    at: Timestamp,
}

/// One provider.
pub(crate) struct Oidc {
    settings: LoginSettings,
    fetch: Fetch,
    clock: Arc<dyn Clock>,
    callback: String,
    signed_out: String,
    discovered: Mutex<Option<Discovered>>,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

fn address(error: impl fmt::Display) -> OidcError {
    OidcError::Address(error.to_string())
}

impl Oidc {
    /// A provider that sends browsers back to `callback` and, logged out, to `signed_out`.
    pub(crate) fn new(
        settings: LoginSettings,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
        callback: String,
        signed_out: String,
    ) -> Self {
        Self { settings, fetch: Fetch(client), clock, callback, signed_out, discovered: Mutex::new(None) }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The provider's metadata and keys; asked again when they are old, or at once when one was missing.
    async fn metadata(&self, missing_key: bool) -> Result<Arc<ProviderMetadataWithLogout>, OidcError> {
        let mut known = self.discovered.lock().await;
        let now = self.clock.now();
        if let Some(known) = known.as_ref() {
            let limit = if missing_key { RETRY } else { FRESH };
            if now.since(known.at) < limit {
                return Ok(known.metadata.clone());
            }
        }
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(address)?;
        match ProviderMetadataWithLogout::discover_async(issuer, &self.fetch).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *known = Some(Discovered { metadata: metadata.clone(), at: now });
                Ok(metadata)
            }
            Err(error) => Err(OidcError::Unreachable(chain(&error))),
        }
    }

    fn secret(&self) -> Option<ClientSecret> {
        self.settings.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose_secret().to_owned()))
    }

    /// Starts a login: code flow, PKCE S256, a fresh state and nonce.
    pub(crate) async fn depart(&self) -> Result<Departure, OidcError> {
        let metadata = self.metadata(false).await?;
        let client_id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata((*metadata).clone(), client_id, self.secret())
            .set_redirect_uri(RedirectUrl::new(self.callback.clone()).map_err(address)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.settings.scopes.iter().filter(|scope| *scope != "openid").cloned().map(Scope::new);
        let mut request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || CsrfToken::new_random_len(32),
                || Nonce::new_random_len(32),
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge);
        if let Some(audience) = &self.settings.audience {
            request = request.add_extra_param("audience", audience);
        }
        let (url, state, nonce) = request.url();
        Ok(Departure { url, state: state.into_secret(), nonce, verifier })
    }

    /// Redeems a code and believes the ID token, or not.
    pub(crate) async fn arrive(
        &self,
        code: String,
        nonce: &Nonce,
        verifier: PkceCodeVerifier,
    ) -> Result<Arrival, OidcError> {
        let metadata = self.metadata(false).await?;
        let client_id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata((*metadata).clone(), client_id, self.secret())
            .set_redirect_uri(RedirectUrl::new(self.callback.clone()).map_err(address)?);
        let request = client.exchange_code(AuthorizationCode::new(code)).map_err(address)?;
        let response: CoreTokenResponse = request
            .set_pkce_verifier(verifier)
            .request_async(&self.fetch)
            .await
            .map_err(|error| OidcError::Code(chain(&error)))?;
        let id_token = response.id_token().ok_or_else(|| OidcError::IdToken("there is none".to_owned()))?;
        let claims = match self.believe(&metadata, id_token, &response, nonce) {
            Err(Disbelief::NoKey) => {
                let metadata = self.metadata(true).await?;
                self.believe(&metadata, id_token, &response, nonce)
            }
            other => other,
        }
        .map_err(|disbelief| OidcError::IdToken(disbelief.to_string()))?;
        let life = response.expires_in().unwrap_or(Duration::from_mins(1));
        Ok(Arrival {
            person: person(&claims),
            access_token: SecretString::from(response.access_token().secret().clone()),
            expires: self.clock.now().plus(life.as_secs()),
            id_token: id_token.clone(),
        })
    }

    fn believe(
        &self,
        metadata: &ProviderMetadataWithLogout,
        id_token: &CoreIdToken,
        response: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<CoreIdTokenClaims, Disbelief> {
        let client_id = ClientId::new(self.settings.client_id.clone());
        let client = CoreClient::from_provider_metadata(metadata.clone(), client_id, self.secret());
        let now = UNIX_EPOCH + Duration::from_secs(self.clock.now().0);
        let verifier = client.id_token_verifier().set_time_fn(move || now.into());
        let claims = id_token.claims(&verifier, nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let wrong = |error: &dyn fmt::Display| Disbelief::Other(error.to_string());
            let algorithm = id_token.signing_alg().map_err(|error| wrong(&error))?;
            let key = id_token.signing_key(&verifier).map_err(|error| wrong(&error))?;
            let actual =
                AccessTokenHash::from_token(response.access_token(), algorithm, key).map_err(|error| wrong(&error))?;
            if actual != *expected {
                return Err(Disbelief::Other("at_hash is of another access token".to_owned()));
            }
        }
        Ok(claims.clone())
    }

    /// Where the browser goes to log out at the provider; `None` if the provider has no such place.
    pub(crate) async fn farewell(&self, id_token: &CoreIdToken) -> Result<Option<Url>, OidcError> {
        let metadata = self.metadata(false).await?;
        let Some(endpoint) = metadata.additional_metadata().end_session_endpoint.clone() else { return Ok(None) };
        let back = PostLogoutRedirectUrl::new(self.signed_out.clone()).map_err(address)?;
        let request = LogoutRequest::from(endpoint)
            .set_id_token_hint(id_token)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(back);
        Ok(Some(request.http_get_url()))
    }
}

/// Why an ID token is not believed.
#[derive(Debug, thiserror::Error)]
enum Disbelief {
    #[error("its key is not one of the provider's")]
    NoKey,
    #[error("{0}")]
    Other(String),
}

impl From<ClaimsVerificationError> for Disbelief {
    fn from(error: ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => Self::NoKey,
            other => Self::Other(chain(&other)),
        }
    }
}

fn person(claims: &CoreIdTokenClaims) -> Person {
    let name = claims.preferred_username().map(|name| name.as_str().to_owned());
    let auth_time = claims.auth_time().and_then(|time| u64::try_from(time.timestamp()).ok());
    Person {
        iss: claims.issuer().as_str().to_owned(),
        sub: claims.subject().as_str().to_owned(),
        name: name.or_else(|| Some(claims.name()?.get(None)?.as_str().to_owned())),
        email: claims.email().map(|email| email.as_str().to_owned()),
        auth_time: auth_time.map(Timestamp),
    }
}

/// An error and what caused it, in one line. Errors of the OIDC library hold no token.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
