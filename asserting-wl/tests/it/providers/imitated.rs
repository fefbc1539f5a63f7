//! dev-idp as each of the providers, signing in each algorithm, against asserting-wl as it runs.

use std::sync::Arc;

use asserting_wl::{AssertingWl, Config};
use chassis::{Handle, SystemClock};
use dev_idp::{Algorithm, DevIdp, Settings, Shape};
use dev_spire::{DevSpire, Entry};
use mesh::Client;
use mesh::web::WebSettings;
use serde_json::Value;
use spiffe::TrustDomain;
use tempfile::TempDir;
use token::{Chain, Mode};

use crate::bank::{ALICE, client, id, identity, read, socket};

/// One provider for every shape and algorithm, and an asserting-wl whose policy has a row for each.
struct World {
    providers: Vec<(Shape, Algorithm, DevIdp)>,
    handle: Handle,
    folder: TempDir,
    _spire: DevSpire,
}

impl World {
    async fn start() -> Self {
        let mut providers = Vec::new();
        for shape in Shape::ALL {
            for alg in Algorithm::ALL {
                let idp = DevIdp::start(Settings { shape, alg, ..Settings::default() }).await.unwrap();
                providers.push((shape, alg, idp));
            }
        }
        let spire = DevSpire::start(dev_spire::Settings::new(TrustDomain::new("bank.example").unwrap())).await.unwrap();
        let folder = TempDir::new().unwrap();
        for name in ["asserting-wl", "subject-wl"] {
            spire.issue_socket(&socket(folder.path(), name), Entry::new(id(name))).await.unwrap();
        }
        let config: Config = chassis::config::parse(&config(&folder, &providers)).unwrap();
        let handle = chassis::spawn::<AssertingWl>(config, Arc::new(SystemClock)).await.unwrap();
        Self { providers, handle, folder, _spire: spire }
    }

    async fn client(&self) -> Client {
        client(&identity(self.folder.path(), "subject-wl").await, self.handle.addresses[0].1.port())
    }
}

fn config(folder: &TempDir, providers: &[(Shape, Algorithm, DevIdp)]) -> String {
    let mut text = vec![format!(
        "[identity]\nsocket = \"{}\"\n[listen]\naddress = \"127.0.0.1:0\"\n[store]\nurl = \"sqlite://{}/wl.db?mode=rwc\"\n",
        DevSpire::endpoint(&socket(folder.path(), "asserting-wl")),
        folder.path().display(),
    )];
    for (shape, alg, idp) in providers {
        text.push(format!(
            r#"
[[policy.issuer]]
url = "{issuer}"
profile = "{shape}"
audience = ["asserting-wl"]
clients = ["bank-cli"]
algs = ["{alg}"]
[[policy.mint]]
caller = "spiffe://bank.example/subject-wl"
issuer = "{issuer}"
scopes = ["accounts.read", "payments.write"]
audiences = ["spiffe://bank.example/target-wl"]
modes = ["plain", "id", "anonymous"]
"#,
            issuer = idp.issuer(),
            alg = alg.name(),
        ));
    }
    text.concat()
}

/// What the token endpoint of a provider answers alice.
async fn granted(idp: &DevIdp) -> Value {
    let fields = [
        ("grant_type", "password"),
        ("client_id", "bank-cli"),
        ("username", "alice"),
        ("password", "alice-pw"),
        ("scope", "openid accounts.read payments.write"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let address = format!("{}/token", idp.issuer().trim_end_matches('/'));
    let http = mesh::web::client(WebSettings::default()).unwrap();
    let request = http.post(address).header("content-type", "application/x-www-form-urlencoded").body(body);
    serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap()
}

async fn minted(client: &Client, path: &str, token: &Value) -> (u16, Value) {
    read(&client.post_form(path, &[("access_token", token.as_str().unwrap())]).await.unwrap())
}

#[tokio::test]
async fn every_provider_in_every_algorithm_mints_in_every_mode() {
    let world = World::start().await;
    let client = world.client().await;
    for (shape, alg, idp) in &world.providers {
        let token = granted(idp).await["access_token"].clone();
        for (path, mode) in [("/mint", Mode::Plain), ("/ecdsaassertion", Mode::Id), ("/mintassertion", Mode::Anonymous)]
        {
            let (status, answer) = minted(&client, path, &token).await;
            assert_eq!(status, 200, "{shape} {} {path}: {answer}", alg.name());
            let chain = Chain::parse(answer["da_svid"].as_str().unwrap()).unwrap();
            let root = chain.root();
            assert_eq!((root.dpa.as_str(), root.dpr.as_str(), chain.mode()), (idp.issuer(), ALICE, mode), "{shape}");
            assert_eq!(root.scope.to_string(), "accounts.read payments.write", "{shape}");
        }
    }
}

#[tokio::test]
async fn no_providers_id_token_mints_anything() {
    let world = World::start().await;
    let client = world.client().await;
    for (shape, alg, idp) in &world.providers {
        let token = granted(idp).await["id_token"].clone();
        let (status, answer) = minted(&client, "/mint", &token).await;
        let detail = "the token does not say that it is an access token; send the access token, not the ID token";
        assert_eq!((status, answer["detail"].as_str()), (401, Some(detail)), "{shape} {}", alg.name());
    }
}
