//! The process: identity, store, keys, policy, listener, in this order.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use chassis::provider::ProviderMetrics;
use chassis::trust::TrustStore;
use chassis::{ConfigError, Process, Running, Workload, identity, plain, service, storage};
use mesh::{Allow, Identity};
use spiffe::{SpiffeId, TrustDomain};
use store::Store;
use token::{Policy, RootKeys};
use tokio::net::TcpListener;

use crate::admission::Admission;
use crate::certs::Shelf;
use crate::config::{self, Config, LogoutSettings};
use crate::examination::Examiner;
use crate::housekeeping;
use crate::introspection::Introspector;
use crate::keyring::Keyring;
use crate::keyring::vault::SealedVault;
use crate::logout::{self, LogoutCounter, LogoutReceiver};
use crate::metadata;
use crate::minting::{MintCounter, Minter};
use crate::oauth::OauthVerifier;
use crate::provenance::Provenance;
use crate::rejections::Rejections;
use crate::revocations::Ledger;
use crate::routes::{self, App};
use crate::sealing;
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

    fn check_files(config: &Config) -> Result<(), ConfigError> {
        config::check_policy(&config.policy.load()?)
    }

    async fn start(config: Config, process: &Process) -> anyhow::Result<Running> {
        let policy = config.policy.load()?;
        config::check_policy(&policy)?;
        let identity = identity::connect(&config.identity, process).await?;
        let me = identity.id()?;
        let store = config.store.open().await?;
        let trust_domain = me.trust_domain().clone();
        let app = app(&config, policy, me, identity.clone(), Arc::clone(&store), process).await?;
        let (clock, stop) = (&process.clock, &process.stop);
        let mut addresses = Vec::new();
        if let Some(logout) = &config.logout {
            addresses.push(("logout", serve_logout(logout, &app, process).await?));
        }
        storage::watch(Arc::clone(&store), process);
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
    let keyring = keyring(config, &store, process).await?;
    let http = mesh::web::client(config.providers.web()?)?;
    let revocations =
        Arc::new(Ledger::open(&*store, &me, process.clock.now()).await.context("revocations cannot be read")?);
    let following = Arc::clone(&revocations).follow(Arc::clone(&store), process.clock.clone(), process.stop.clone());
    process.tasks.spawn(following);
    let trust = TrustStore::start(&identity, &[], process)?;
    believe_own(&keyring, &me, &trust);
    let shelf = Arc::new(Shelf { store: Arc::clone(&store), trust, clock: process.clock.clone() });
    let keeping = Arc::clone(&shelf).follow(identity.clone());
    process.tasks.spawn(process.stop.clone().run_until_cancelled_owned(keeping));
    let examiner = Arc::new(Examiner::new(me.clone(), &policy, Arc::clone(&shelf), revocations.clone()));
    let provenance = Arc::new(Provenance::new(me.clone(), sealing::key(config, &*store).await?, config.zkp));
    let introspector =
        Introspector::new(Arc::clone(&examiner), Arc::clone(&store), Arc::clone(&provenance), policy.introspect);
    let withdrawals = Withdrawals {
        store: Arc::clone(&store),
        ledger: Arc::clone(&revocations),
        listed: policy.revoke.into_iter().map(|row| row.caller).collect(),
        clock: process.clock.clone(),
    };
    let measured = ProviderMetrics::new(&process.metrics, process.clock.clone());
    let minter = Minter {
        me: me.clone(),
        oauth: Arc::new(OauthVerifier::new(&policy.issuer, &http)?.measured(&measured)),
        counted: MintCounter::new(&process.metrics),
        rows: policy.mint,
        keyring: Arc::clone(&keyring),
        identity,
        store: Arc::clone(&store),
        provenance,
        revocations,
        clock: process.clock.clone(),
        settings: config.mint.clone(),
        signer_timeout: config.keys.signer_timeout.0,
    };
    Ok(App {
        minter: Arc::new(minter),
        introspector: Arc::new(introspector),
        store,
        shelf,
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

/// The keys, and the task that follows them in the store.
async fn keyring(config: &Config, store: &Arc<dyn Store>, process: &Process) -> anyhow::Result<Arc<Keyring>> {
    let vault = Arc::new(SealedVault::new(sealing::key(config, &**store).await?));
    let (alg, schedule, clock) = (config.mint.alg.jose(), config.keys.schedule(), &process.clock);
    let keyring = Arc::new(Keyring::open(Arc::clone(store), vault, alg, schedule, clock.moment()).await?);
    let following = Arc::clone(&keyring).follow(config.keys.follow.0, Arc::clone(clock), process.stop.clone());
    process.tasks.spawn(following);
    Ok(keyring)
}

/// Believes the published keys as every verifier does, from the moment they are published.
fn believe_own(keyring: &Keyring, me: &SpiffeId, trust: &TrustStore) {
    let (me, trust) = (me.clone(), trust.clone());
    keyring.tell(move |jwks| match serde_json::to_vec(jwks).map(|jwks| RootKeys::parse(&jwks)) {
        Ok(Ok(keys)) => trust.set_keys(me.clone(), keys),
        error => tracing::error!(?error, "the published keys cannot be read back"),
    });
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
