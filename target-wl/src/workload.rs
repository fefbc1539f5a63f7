//! Start-up: identity, store, seeds, trust, gate, listener.

use std::sync::Arc;
use std::time::Duration;

use chassis::certificates::Fetcher;
use chassis::door::Door;
use chassis::gate::Gate;
use chassis::provenance::ProofCheck;
use chassis::trust::TrustStore;
use chassis::{Clock, ConfigError, Process, Running, Workload, async_trait, identity, revocations, service, storage};
use mesh::Allow;
use spiffe::SpiffeId;
use store::{Person, Store, StoreError, retry};
use token::Policy;

use crate::bank::Bank;
use crate::config::{Config, check, check_policy};
use crate::metadata;
use crate::rejections::Rejections;
use crate::routes::{App, router};

/// How often what has expired is forgotten.
const PURGE: Duration = Duration::from_mins(1);

/// The workload at the end of every chain.
#[derive(Debug)]
pub struct TargetWl;

#[async_trait]
impl Workload for TargetWl {
    const NAME: &'static str = "target-wl";
    const ABOUT: &'static str = "The last hop: verifies the whole chain, then acts on the account";
    type Config = Config;

    fn check(config: &Config) -> Result<(), ConfigError> {
        check(config)
    }

    fn check_files(config: &Config) -> Result<(), ConfigError> {
        check_policy(config, &config.policy.load()?).map(drop)
    }

    async fn start(config: Config, process: &Process) -> anyhow::Result<Running> {
        let policy = config.policy.load()?;
        let rules = check_policy(&config, &policy)?;
        let identity = identity::connect(&config.identity, process).await?;
        let me = identity.id()?;
        let store = config.store.open().await?;
        storage::watch(store.clone(), process);
        let bank = Bank::new(store.clone());
        seed(&bank, &config, process).await?;

        let rejections = Arc::new(Rejections::new(me.clone()));
        let flushing = rejections.clone().run(store.clone(), process.clock.clone(), process.stop.clone());
        process.tasks.spawn(flushing);
        process.tasks.spawn(process.stop.clone().run_until_cancelled_owned(purge(store, process.clock.clone())));

        let asserters = [(config.asserting.id.clone(), config.asserting.url.clone())];
        let trust = TrustStore::start(&identity, &asserters, process)?;
        let allow = allow(&me, &policy);
        let asserting = (&config.asserting.id, &config.asserting.url);
        let revocations = revocations::start(&identity, asserting, &trust, &config.revocations, process)?;
        let proofs = ProofCheck::of_policy(&policy, &identity, asserting, &config.providers, process)?;
        let certificates = Fetcher::of_policy(&policy.accept, &identity, asserting, &trust, process)?;
        let gate = Gate::new(me.clone(), policy.accept, trust, revocations, rejections.clone(), process)
            .with_provenance(proofs)
            .with_certificates(certificates);
        let app = App::new(me, bank, rejections, process.clock.clone());
        let door = Door::at(config.listen.address)?;
        let address = door.address();
        let metadata = metadata::router(metadata::document(&config, &identity.id()?, &rules, address));
        let router = router(app, &gate, rules, config.request_timeout.0).merge(metadata);
        let router = service::wrap(router, process);
        let serving = door.serve(identity, allow, router, config.listen.server(), process);
        process.run("the mTLS listener", serving);
        Ok(Running { addresses: vec![("https", address)] })
    }
}

/// Workloads of this trust domain and of those whose links are accepted may connect; the gate decides the rest.
fn allow(me: &SpiffeId, policy: &Policy) -> Allow {
    let mut domains = policy.accept.trust_domains.clone();
    if !domains.contains(me.trust_domain()) {
        domains.push(me.trust_domain().clone());
    }
    Allow::TrustDomains(domains)
}

async fn seed(bank: &Bank, config: &Config, process: &Process) -> Result<(), StoreError> {
    for seed in &config.seed {
        let person = Person::new(&seed.dpa, &seed.dpr);
        if bank.open(&person, &seed.currency, seed.minor, process.clock.moment()).await? {
            tracing::info!(dpa = seed.dpa, dpr = seed.dpr, currency = seed.currency, "account opened by a [[seed]]");
        }
    }
    Ok(())
}

/// Forgets expired entries of rule 12, again and again.
async fn purge(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(PURGE).await;
        if let Err(error) = retry(|| purge_once(&*store, &*clock)).await {
            tracing::warn!(%error, "what has expired was not forgotten");
        }
    }
}

async fn purge_once(store: &dyn Store, clock: &dyn Clock) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let forgotten = tx.once().purge(clock.moment()).await?;
    tracing::debug!(forgotten, "expired entries");
    tx.commit().await
}

#[cfg(test)]
mod tests;
