//! The process: identity, store, keys, policy, listener, in this order.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use chassis::trust::TrustStore;
use chassis::{ConfigError, Process, Running, Workload, identity, plain, service};
use mesh::{Allow, Identity};
use spiffe::{SpiffeId, TrustDomain};
use store::seal::SealKey;
use store::{Moment, Store};
use token::{Policy, RootKeys};
use tokio::net::TcpListener;

use crate::admission::Admission;
use crate::config::{self, Config, LogoutSettings};
use crate::examination::Examiner;
use crate::housekeeping;
use crate::introspection::Introspector;
use crate::keyring::Keyring;
use crate::logout::{self, LogoutCounter, LogoutReceiver};
use crate::metadata;
use crate::minting::Minter;
use crate::oauth::OauthVerifier;
use crate::provenance::Provenance;
use crate::rejections::Rejections;
use crate::revocations::Ledger;
use crate::routes::{self, App};
use crate::validation::Validator;
use crate::withdrawal::Withdrawals;

/// The asserting workload.
#[derive(Debug)]
pub struct AssertingWl;

#[chassis::async_trait]
impl Workload for AssertingWl {
    const NAME: &'static str = "asserting-wl";
    const ABOUT: &'static str = "Turns an OAuth access token into a DA-SVID";
    type Config = Config;

    fn check(config: &Config) -> Result<(), ConfigError> {
        config::check(config)
    }

    async fn start(config: Config, process: &Process) -> anyhow::Result<Running> {
        let policy = config.policy.load()?;
        config::check_policy(&policy)?;
        let identity = identity::connect(&config.identity, process).await?;
        let me = identity.id()?;
        let store = store::open(&config.store.url).await.context("the store cannot be opened")?;
        let trust_domain = me.trust_domain().clone();
        let app = app(&config, policy, me, identity.clone(), Arc::clone(&store), process).await?;
        let (clock, stop) = (&process.clock, &process.stop);
        let mut addresses = Vec::new();
        if let Some(logout) = &config.logout {
            addresses.push(("logout", serve_logout(logout, &app, process).await?));
        }
        process.tasks.spawn(housekeeping::run(Arc::clone(&store), Arc::clone(clock), stop.clone()));
        process.tasks.spawn(Arc::clone(&app.rejections).run(store, Arc::clone(clock), stop.clone()));
        let address = serve(&config, identity, trust_domain, app, process).await?;
        addresses.insert(0, ("mtls", address));
        Ok(Running { addresses })
    }
}

/// Puts the parts together.
async fn app(
    config: &Config,
    policy: Policy,
    me: SpiffeId,
    identity: Identity,
    store: Arc<dyn Store>,
    process: &Process,
) -> anyhow::Result<App> {
    let seal = SealKey::for_store(&config.store.url, config.seal.key_file.as_deref())?;
    let now = Moment::from_seconds(process.clock.now().0);
    let keyring = Arc::new(Keyring::open(&*store, &seal, config.mint.alg.jose(), now).await?);
    let own_keys = RootKeys::parse(&serde_json::to_vec(&keyring.jwks(None))?)?;
    let http = mesh::web::client(config.providers.web()?)?;
    let revocations = Arc::new(Ledger::open(&*store, process.clock.now()).await.context("revocations cannot be read")?);
    let following = Arc::clone(&revocations).follow(Arc::clone(&store), process.clock.clone(), process.stop.clone());
    process.tasks.spawn(following);
    let trust = TrustStore::start(&identity, &[], process)?;
    trust.set_keys(me.clone(), own_keys);
    let examiner = Arc::new(Examiner::new(me.clone(), &policy, trust, revocations.clone()));
    let provenance = Arc::new(Provenance::new(me.clone(), seal, config.zkp));
    let introspector =
        Introspector::new(Arc::clone(&examiner), Arc::clone(&store), Arc::clone(&provenance), policy.introspect);
    let withdrawals = Withdrawals {
        store: Arc::clone(&store),
        ledger: Arc::clone(&revocations),
        listed: policy.revoke.into_iter().map(|row| row.caller).collect(),
        clock: process.clock.clone(),
    };
    let minter = Minter {
        me: me.clone(),
        oauth: Arc::new(OauthVerifier::new(&policy.issuer, &http)?),
        rows: policy.mint,
        keyring: Arc::clone(&keyring),
        identity,
        store: Arc::clone(&store),
        provenance,
        revocations,
        clock: process.clock.clone(),
        settings: config.mint.clone(),
    };
    Ok(App {
        minter: Arc::new(minter),
        introspector: Arc::new(introspector),
        store,
        validator: Arc::new(Validator::new(examiner)),
        keyring,
        me: me.clone(),
        withdrawals: Arc::new(withdrawals),
        base: String::new(),
        rejections: Arc::new(Rejections::new(me.clone(), &process.metrics)),
        admission: Arc::new(Admission::new(config.limits)),
        trust_domain: me.trust_domain().clone(),
        clock: process.clock.clone(),
    })
}

/// The listener for identity providers.
async fn serve_logout(settings: &LogoutSettings, app: &App, process: &Process) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(settings.listen).await.with_context(|| settings.listen.to_string())?;
    let address = listener.local_addr()?;
    let receiver = LogoutReceiver {
        oauth: Arc::clone(&app.minter.oauth),
        audience: settings.audience.clone(),
        store: Arc::clone(&app.store),
        ledger: Arc::clone(&app.minter.revocations),
        clock: process.clock.clone(),
        counted: LogoutCounter::new(&process.metrics),
    };
    let router = logout::router(Arc::new(receiver));
    process.tasks.spawn(plain::serve(listener, router, plain::Limits::default(), process.stop.clone()));
    Ok(address)
}

async fn serve(
    config: &Config,
    identity: Identity,
    trust_domain: TrustDomain,
    app: App,
    process: &Process,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(config.listen.address).await.with_context(|| config.listen.address.to_string())?;
    let address = listener.local_addr()?;
    let base = config.public_url.as_ref().map_or_else(|| metadata::address(address), metadata::identifier);
    let router = service::wrap(routes::router(App { base, ..app }), process);
    let serving = mesh::serve(
        listener,
        identity,
        Allow::TrustDomain(trust_domain),
        router,
        config.listen.server(),
        process.stop.clone(),
    );
    process.run("the listener", serving);
    Ok(address)
}
