//! asserting-wl as a whole, with an identity for everyone who talks to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asserting_wl::{AssertingWl, Config};
use bytes::Bytes;
use chassis::{Clock, Handle, SystemClock};
use dev_spire::{DevSpire, Entry, Settings};
use http::{Method, Request};
use mesh::{Answer, Client, ClientError, ClientSettings, Identity};
use serde_json::{Value, json};
use spiffe::{SpiffeId, TrustDomain};
use tempfile::TempDir;

use crate::provider::{Key, Provider};

/// A running asserting-wl, its Workload API and its identity provider.
pub(crate) struct Bank {
    pub(crate) provider: Provider,
    pub(crate) key: Key,
    pub(crate) handle: Handle,
    pub(crate) spire: DevSpire,
    pub(crate) folder: TempDir,
}

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

/// The algorithms the policy lists, where a test does not say otherwise.
const ALGORITHMS: [&str; 4] = ["RS256", "ES256", "EdDSA", "Ed25519"];

/// The person of [`Bank::claims`].
pub(crate) const ALICE: &str = "a11ce000-0000-4000-8000-000000000001";

/// Seconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    SystemClock.now().0
}

impl Bank {
    /// A bank with an RS256 provider of the given profile.
    pub(crate) async fn open(profile: &str) -> Self {
        Self::open_with(profile, "", Key::generate("k1", crypto::jose::Algorithm::Rs256)).await
    }

    /// A bank with more settings (TOML) and this provider key.
    pub(crate) async fn open_with(profile: &str, settings: &str, key: Key) -> Self {
        Self::open_for(profile, settings, key, &ALGORITHMS).await
    }

    /// The same where the policy lists other algorithms of the provider.
    pub(crate) async fn open_for(profile: &str, settings: &str, key: Key, algorithms: &[&str]) -> Self {
        let spire = DevSpire::start(Settings::new(TrustDomain::new("bank.example").unwrap())).await.unwrap();
        let folder = TempDir::new().unwrap();
        for name in ["asserting-wl", "subject-wl", "target-wl", "middle-tier-1", "auditor", "verifier", "stranger"] {
            spire.issue_socket(&socket(folder.path(), name), Entry::new(id(name))).await.unwrap();
        }
        let provider = Provider::start(&[&key]).await;
        let handle = start_for(folder.path(), &provider.issuer, profile, settings, algorithms).await;
        Self { provider, key, handle, spire, folder }
    }

    /// A client of asserting-wl with the identity `name`.
    pub(crate) async fn client(&self, name: &str) -> Client {
        client(&identity(self.folder.path(), name).await, self.port())
    }

    pub(crate) fn port(&self) -> u16 {
        self.handle.addresses[0].1.port()
    }

    /// The claims of an access token that is in order.
    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.provider.issuer,
            "sub": ALICE,
            "aud": ["asserting-wl"],
            "iat": now(),
            "exp": now() + 300,
            "jti": "onrtro:93bc8400",
            "client_id": "bank-web",
            "scope": "openid accounts.read payments.write",
            "sid": "XbMYj0Y59HMcxfQlQE9bCQsp",
            "auth_time": now() - 5,
            "acr": "1",
        })
    }

    /// An RFC 9068 access token that is in order.
    pub(crate) fn token(&self) -> String {
        self.key.sign("at+jwt", &self.claims())
    }

    /// An RFC 9068 access token with some claims changed; `null` removes one.
    pub(crate) fn token_with(&self, changes: Value) -> String {
        self.key.sign("at+jwt", &merged(self.claims(), changes))
    }

    /// Mints with the identity of subject-wl.
    pub(crate) async fn mint(&self, token: &str) -> (u16, Value) {
        self.post("subject-wl", "/mint", &[("access_token", token)]).await
    }

    pub(crate) async fn post(&self, caller: &str, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let answer = self.client(caller).await.post_form(path, form).await.unwrap();
        read(&answer)
    }

    /// Sends anything at all.
    pub(crate) async fn send(&self, caller: &str, request: Request<Bytes>) -> Result<Answer, ClientError> {
        self.client(caller).await.call(request).await
    }
}

/// Status and JSON body.
pub(crate) fn read(answer: &Answer) -> (u16, Value) {
    (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

pub(crate) fn request(method: Method, path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Bytes> {
    Request::builder().method(method).uri(path).header("content-type", content_type).body(body.into()).unwrap()
}

/// The claims with some changed; `null` removes one.
pub(crate) fn merged(mut claims: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(&name);
        } else {
            claims[name] = value;
        }
    }
    claims
}

pub(crate) fn socket(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{name}.sock"))
}

pub(crate) async fn identity(folder: &Path, name: &str) -> Identity {
    let endpoint = DevSpire::endpoint(&socket(folder, name));
    Identity::connect(Some(&endpoint), Duration::from_secs(10)).await.unwrap()
}

pub(crate) fn client(identity: &Identity, port: u16) -> Client {
    let base = format!("https://127.0.0.1:{port}").parse().unwrap();
    Client::new(identity, id("asserting-wl"), &base, ClientSettings::default()).unwrap()
}

/// Starts asserting-wl with its store in `folder`.
pub(crate) async fn start(folder: &Path, issuer: &str, profile: &str, settings: &str) -> Handle {
    start_for(folder, issuer, profile, settings, &ALGORITHMS).await
}

async fn start_for(folder: &Path, issuer: &str, profile: &str, settings: &str, algorithms: &[&str]) -> Handle {
    try_start(folder, issuer, profile, settings, algorithms).await.unwrap()
}

/// The same where it may refuse to start.
pub(crate) async fn try_start(
    folder: &Path,
    issuer: &str,
    profile: &str,
    settings: &str,
    algorithms: &[&str],
) -> anyhow::Result<Handle> {
    let url = format!("sqlite://{}/asserting-wl.db?mode=rwc", folder.display());
    try_start_on(folder, issuer, &url, (profile, settings, algorithms)).await
}

/// Starts a replica with its store at `url`.
pub(crate) async fn start_on(folder: &Path, issuer: &str, url: &str, settings: &str) -> Handle {
    let handle = try_start_on(folder, issuer, url, ("rfc9068", settings, &ALGORITHMS)).await.unwrap();
    handle.ready.ready().await;
    handle
}

async fn try_start_on(
    folder: &Path,
    issuer: &str,
    url: &str,
    (profile, settings, algorithms): (&str, &str, &[&str]),
) -> anyhow::Result<Handle> {
    let text = format!(
        r#"
{settings}
[identity]
socket = "{socket}"
[listen]
address = "127.0.0.1:0"
[store]
url = "{url}"
[[policy.issuer]]
url = "{issuer}"
profile = "{profile}"
audience = ["asserting-wl"]
clients = ["bank-web"]
algs = {algorithms:?}
[[policy.mint]]
caller = "spiffe://bank.example/subject-wl"
issuer = "{issuer}"
scopes = ["accounts.read", "payments.write"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
[[policy.introspect]]
caller = "spiffe://bank.example/auditor"
[[policy.introspect]]
caller = "spiffe://bank.example/verifier"
oauth_claims = true
[[policy.revoke]]
caller = "spiffe://bank.example/auditor"
"#,
        socket = DevSpire::endpoint(&socket(folder, "asserting-wl")),
    );
    let config: Config = chassis::config::parse(&text).unwrap();
    chassis::spawn::<AssertingWl>(config, Arc::new(SystemClock)).await
}
