//! Starting the front end: identity first, then the bank, then the listener.

use std::{fs, sync::Arc, time::Duration};

use anyhow::Context;
use chassis::{ConfigError, Process, Running, Workload, async_trait, identity, plain, service};
use mesh::web;
use tokio::net::TcpListener;
use url::Url;

use crate::{
    bank::RemoteBank,
    config::Config,
    front::{self, Front},
    guard,
    oidc::Oidc,
    origin::Origin,
    session::Sessions,
    sign_in::{Departures, Logins},
};

/// How many browsers may be connected at once, and how slow and long their requests' heads may be.
const BROWSERS: plain::Limits =
    plain::Limits { max_connections: 4096, head: Duration::from_secs(10), max_head: 32 * 1024 };

/// The bank's front end.
#[derive(Debug)]
pub struct SubjectWl;

#[async_trait]
impl Workload for SubjectWl {
    const NAME: &'static str = "subject-wl";
    const ABOUT: &'static str = "The bank's front end: logs a person in and shows their account.";
    type Config = Config;

    fn check(config: &Config) -> Result<(), ConfigError> {
        config.check()
    }

    async fn start(config: Config, process: &Process) -> anyhow::Result<Running> {
        let identity = identity::connect(&config.identity, process).await?;
        let bank = RemoteBank::new(identity, &config, process)?;
        let ca = config.login.ca.as_ref().map(fs::read_to_string).transpose().context("login.ca cannot be read")?;
        let (via, timeout) = (config.login.via.clone(), config.login.timeout.0);
        let client = web::client(web::WebSettings { ca, via, timeout, ..web::WebSettings::default() })?;
        let listener = TcpListener::bind(config.web.listen).await.context("web.listen cannot be bound")?;
        let address = listener.local_addr()?;
        let public = match &config.web.public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{address}"))?,
        };
        let origin = Origin::of(&public);
        let (callback, signed_out) = (origin.at("/callback"), origin.at("/signed-out"));
        let clock = process.clock.clone();
        let front = Front {
            content_policy: guard::content_policy(&config.login.issuer),
            sessions: Sessions::new(&config.session, clock.clone()).measured(&process.metrics),
            departures: Departures::default(),
            logins: Logins::registered(&process.metrics),
            oidc: Oidc::new(config.login, client, clock.clone(), callback, signed_out),
            bank: Arc::new(bank),
            mode: config.bank.mode,
            currencies: config.bank.currencies,
            origin,
            clock,
        };
        let router = service::layers(front::router(Arc::new(front)), process);
        process.tasks.spawn(plain::serve(listener, router, BROWSERS, process.stop.clone()));
        Ok(Running { addresses: vec![("http", address)] })
    }
}
