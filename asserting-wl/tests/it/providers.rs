//! Every provider's tokens, in the shapes its own documentation shows: which are accepted, and as what; which are
//! refused, and in which words.

mod imitated;

use asserting_wl::oauth::{AccessToken, OauthError, OauthVerifier};
use crypto::jose::Algorithm;
use mesh::web::WebSettings;
use serde::Deserialize;
use serde_json::{Value, json};
use token::Timestamp;
use token::policy::{Issuer, Policy, Profile};

use crate::bank::{id, merged};
use crate::provider::{Key, Provider};

/// `tests/fixtures/providers/*.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    sources: Vec<String>,
    note: String,
    profile: Profile,
    /// When the tokens are shown, Unix seconds.
    now: u64,
    issuer: String,
    audience: Vec<String>,
    clients: Vec<String>,
    access_token: Token,
    id_token: Token,
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    header: Value,
    claims: Value,
}

/// The access token with some members changed; `null` removes one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    name: String,
    #[serde(default = "nothing")]
    header: Value,
    #[serde(default = "nothing")]
    claims: Value,
    says: Value,
}

/// The access token, or the one `of` names, with some members changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    name: String,
    of: Option<String>,
    #[serde(default = "nothing")]
    header: Value,
    #[serde(default = "nothing")]
    claims: Value,
    error: String,
}

fn nothing() -> Value {
    json!({})
}

/// A fixture, the provider that signs its tokens, and who judges them.
struct Stand {
    fixture: Fixture,
    provider: Provider,
    key: Key,
    verifier: OauthVerifier,
}

impl Stand {
    async fn set_up(text: &str) -> Self {
        let fixture: Fixture = serde_json::from_str(text).unwrap();
        assert!(!fixture.sources.is_empty() && !fixture.note.is_empty(), "a fixture names its source");
        let key = Key::generate("k1", Algorithm::Rs256);
        let provider = Provider::start(&[&key]).await;
        let issuer = Issuer {
            url: provider.issuer.clone(),
            profile: fixture.profile,
            audience: fixture.audience.clone(),
            clients: fixture.clients.clone(),
            algs: vec!["RS256".to_owned()],
        };
        let http = mesh::web::client(WebSettings::default()).unwrap();
        let verifier = OauthVerifier::new(&[issuer], &http).unwrap();
        Self { fixture, provider, key, verifier }
    }

    /// What becomes of a token with these members changed.
    async fn judge(&self, of: &Token, header: &Value, claims: &Value) -> Result<AccessToken, String> {
        assert_eq!(of.claims["iss"], self.fixture.issuer);
        let header = merged(merged(of.header.clone(), header.clone()), json!({"kid": "k1"}));
        let claims = merged(merged(of.claims.clone(), claims.clone()), json!({"iss": self.provider.issuer}));
        let token = self.key.sign_text(&header.to_string(), &claims.to_string());
        let now = Timestamp(self.fixture.now);
        self.verifier.verify(&token, &id("subject-wl"), now).await.map_err(|error| error.to_string())
    }

    async fn run(&self) {
        let Fixture { access_token, id_token, .. } = &self.fixture;
        for Accepted { name, header, claims, says } in &self.fixture.accepted {
            let token = self.judge(access_token, header, claims).await;
            assert_eq!(said(&token.unwrap_or_else(|error| panic!("{name}: {error}"))), *says, "{name}");
        }
        for Refused { name, of, header, claims, error } in &self.fixture.refused {
            let of = if of.as_deref() == Some("id_token") { id_token } else { access_token };
            assert_eq!(self.judge(of, header, claims).await.map(|token| said(&token)), Err(error.clone()), "{name}");
        }
    }
}

/// What is believed of an access token, as the fixtures write it.
fn said(token: &AccessToken) -> Value {
    json!({
        "subject": token.subject,
        "client_id": token.client_id,
        "scopes": token.scopes,
        "id": token.id,
        "auth_time": token.auth_time.map(|at| at.0),
        "sid": token.sid,
        "acr": token.acr,
        "amr": token.amr,
    })
}

const RFC9068: &str = include_str!("../fixtures/providers/rfc9068.json");
const KEYCLOAK: &str = include_str!("../fixtures/providers/keycloak.json");
const OKTA: &str = include_str!("../fixtures/providers/okta.json");
const ENTRA: &str = include_str!("../fixtures/providers/entra.json");
const AUTH0: &str = include_str!("../fixtures/providers/auth0.json");

#[tokio::test]
async fn rfc_9068_access_tokens_are_told_from_everything_else() {
    Stand::set_up(RFC9068).await.run().await;
}

#[tokio::test]
async fn keycloaks_access_tokens_are_told_from_everything_else() {
    Stand::set_up(KEYCLOAK).await.run().await;
}

#[tokio::test]
async fn oktas_access_tokens_are_told_from_everything_else() {
    Stand::set_up(OKTA).await.run().await;
}

#[tokio::test]
async fn entras_access_tokens_are_told_from_everything_else() {
    Stand::set_up(ENTRA).await.run().await;
}

#[tokio::test]
async fn auth0s_access_tokens_are_told_from_everything_else() {
    Stand::set_up(AUTH0).await.run().await;
}

/// One provider's access token under another's profile: a policy that names the wrong one admits nothing by accident.
#[tokio::test]
async fn a_profile_accepts_the_tokens_of_no_other_profile() {
    let all = [RFC9068, KEYCLOAK, OKTA, ENTRA, AUTH0];
    for judge in all {
        let stand = Stand::set_up(judge).await;
        for other in all {
            let theirs: Fixture = serde_json::from_str(other).unwrap();
            if theirs.profile == stand.fixture.profile {
                continue;
            }
            // Even with the audience that the policy asks for.
            let claims = json!({"iss": stand.fixture.issuer, "aud": stand.fixture.audience});
            let claims = merged(theirs.access_token.claims.clone(), claims);
            let token = Token { header: theirs.access_token.header, claims };
            let judged = stand.judge(&token, &nothing(), &nothing()).await.map(|token| said(&token));
            // Auth0's second dialect is RFC 9068 itself: only issuer, audience and client tell those two apart.
            let same = (stand.fixture.profile, theirs.profile) == (Profile::Auth0, Profile::Rfc9068);
            let error = if same { OauthError::Client } else { OauthError::NotAnAccessToken };
            assert_eq!(judged, Err(error.to_string()), "{:?} by {:?}", theirs.profile, stand.fixture.profile);
        }
    }
}

#[tokio::test]
async fn both_names_of_ed25519_are_one_algorithm() {
    let fixture: Fixture = serde_json::from_str(RFC9068).unwrap();
    let key = Key::generate("k1", Algorithm::Ed25519);
    let provider = Provider::start(&[&key]).await;
    let http = mesh::web::client(WebSettings::default()).unwrap();
    for (listed, alg, accepted) in
        [("EdDSA", "Ed25519", true), ("Ed25519", "EdDSA", true), ("EdDSA", "EdDSA", true), ("ES256", "EdDSA", false)]
    {
        let issuer = Issuer {
            url: provider.issuer.clone(),
            profile: Profile::Rfc9068,
            audience: fixture.audience.clone(),
            clients: Vec::new(),
            algs: vec![listed.to_owned()],
        };
        let verifier = OauthVerifier::new(&[issuer], &http).unwrap();
        let header = json!({"typ": "at+jwt", "alg": alg, "kid": "k1"}).to_string();
        let claims = merged(fixture.access_token.claims.clone(), json!({"iss": provider.issuer})).to_string();
        let token = key.sign_text(&header, &claims);
        let judged = verifier.verify(&token, &id("subject-wl"), Timestamp(fixture.now)).await;
        assert_eq!(judged.is_ok(), accepted, "{listed} lists {alg}: {judged:?}");
    }
}

/// The rows of the documentation and of the example policy are ones that a policy can have.
#[test]
fn documented_rows_are_rows() {
    let page = include_str!("../../../docs/providers.md");
    let blocks = page.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let documented = blocks.filter(|block| block.starts_with("# asserting-wl.policy.toml")).map(str::to_owned);
    let example = include_str!("../../../config/asserting-wl.policy.toml");
    let commented: Vec<_> = example
        .lines()
        .skip_while(|line| *line != "# [[issuer]]")
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim_start())
        .collect();
    let policies: Vec<Policy> =
        documented.chain([commented.join("\n")]).map(|text| chassis::config::parse(&text).unwrap()).collect();
    let profiles = |policy: &Policy| policy.issuer.iter().map(|issuer| issuer.profile).collect::<Vec<_>>();
    let all = [Profile::Keycloak, Profile::Okta, Profile::Entra, Profile::Auth0];
    assert_eq!(policies[..4].iter().flat_map(profiles).collect::<Vec<_>>(), all);
    assert_eq!(profiles(&policies[4]), all);
    for policy in &policies {
        assert_eq!(OauthVerifier::check(&policy.issuer), Ok(()));
        assert!(policy.mint.iter().all(|row| policy.issuer.iter().any(|issuer| issuer.url == row.issuer)));
    }
}
