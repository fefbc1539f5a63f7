//! Start-up: identity, trust, gate, the client to the next hop, listener.

use std::sync::Arc;

use chassis::certificates::{Fetcher, Publisher};
use chassis::door::Door;
use chassis::gate::{Gate, LogOnly};
use chassis::provenance::ProofCheck;
use chassis::trust::TrustStore;
use chassis::{ConfigError, Process, Running, Workload, async_trait, identity, revocations, service};
use mesh::{Allow, Client, Identity};
use spiffe::SpiffeId;
use token::policy::Certs;
use token::{Policy, Revocations};

use crate::config::{Config, OnlySettings, check, check_policy};
use crate::link::Linker;
use crate::proxy::{Proxy, forward};

/// One hop between the front end and the target.
#[derive(Debug)]
pub struct MiddleTier;

#[async_trait]
impl Workload for MiddleTier {
    const NAME: &'static str = "middle-tier";
    const ABOUT: &'static str = "One hop: verifies the chain, appends its own link, forwards";
    type Config = Config;

    fn check(config: &Config) -> Result<(), ConfigError> {
        check(config)
    }

    fn check_files(config: &Config) -> Result<(), ConfigError> {
        check_policy(config, &config.policy.load()?)
    }

    async fn start(config: Config, process: &Process) -> anyhow::Result<Running> {
        let policy = config.policy.load()?;
        check_policy(&config, &policy)?;
        let identity = identity::connect(&config.identity, process).await?;
        let asserters = [(config.asserting.id.clone(), config.asserting.url.clone())];
        let trust = TrustStore::start(&identity, &asserters, process)?;
        let me = identity.id()?;
        let allow = allow(&me, &policy);
        let proxy = proxy(&config, policy, me, &identity, trust, process)?;
        let router = axum::Router::new().fallback(forward).with_state(Arc::new(proxy));
        let router = service::layers(router, process);

        let door = Door::at(config.listen.address)?;
        let address = door.address();
        let serving = door.serve(identity, allow, router, config.listen.server(), process);
        process.run("the mTLS listener", serving);
        Ok(Running { addresses: vec![("https", address)] })
    }
}

fn proxy(
    config: &Config,
    policy: Policy,
    me: SpiffeId,
    identity: &Identity,
    trust: TrustStore,
    process: &Process,
) -> anyhow::Result<Proxy> {
    let asserting = (&config.asserting.id, &config.asserting.url);
    let revocations: Arc<dyn Revocations> =
        revocations::start(identity, asserting, &trust, &config.revocations, process)?;
    let proofs = ProofCheck::of_policy(&policy, identity, asserting, &config.providers, process)?;
    let accept = policy.accept.clone();
    let certificates = Fetcher::of_policy(&accept, identity, asserting, &trust, process)?;
    let by_reference = accept.certs == Certs::ByReference;
    let linker = Linker {
        identity: identity.clone(),
        trust: trust.clone(),
        published: by_reference.then(|| Publisher::start(identity, asserting, process)),
        clock: process.clock.clone(),
        next: config.next.id.clone(),
        only: config.link.only.as_ref().map(OnlySettings::claim).transpose()?,
        life: config.link.life.0.as_secs(),
        seal: accept.seal,
    };
    Ok(Proxy {
        pseudonym: pseudonym(&me),
        gate: Gate::new(me.clone(), accept, trust, revocations.clone(), Arc::new(LogOnly), process)
            .with_provenance(proofs)
            .with_certificates(certificates),
        client: Client::balanced(
            identity,
            config.next.id.clone(),
            &config.next.url,
            config.next.client(process.client()),
        )?,
        clock: process.clock.clone(),
        max_bytes: config.body.max_bytes,
        idle: config.body.idle.0,
        revocations,
        linker,
        policy,
        me,
    })
}

/// Workloads of this trust domain and of those whose links are accepted may connect; the gate decides the rest.
fn allow(me: &SpiffeId, policy: &Policy) -> Allow {
    let mut domains = policy.accept.trust_domains.clone();
    if !domains.contains(me.trust_domain()) {
        domains.push(me.trust_domain().clone());
    }
    Allow::TrustDomains(domains)
}

/// A name for `Via`: the SPIFFE ID's path in the alphabet of a token.
fn pseudonym(me: &SpiffeId) -> String {
    me.path().trim_start_matches('/').replace('/', ".")
}
