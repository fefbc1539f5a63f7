//! The real bank: asserting-wl and the first hop, over SPIFFE mTLS.

use std::{sync::Arc, time::Duration};

use chassis::{Clock, Process, async_trait, trace::carry};
use http::StatusCode;
use mesh::{Client, ClientSettings, Identity, Svid};
use serde::de::DeserializeOwned;
use token::{Certificates, Chain, Mode, Timestamp, policy::Certs};
use tracing::Instrument;
use wire::bank::{Account, DepositReceipt, DepositRequest, Transactions, TransferReceipt, TransferRequest};

use super::{
    Bank, BankError, Errand,
    asserter::{Asserter, Wanted},
    call::{self, Call, Prepared},
    link::{self, Route},
    references::{self, References},
    wallet::Root,
};
use crate::{
    config::{BankSettings, Config},
    trail::Trail,
};

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// The bank behind the mesh.
pub(crate) struct RemoteBank {
    identity: Identity,
    bank: Client,
    asserter: Asserter,
    /// Where certificates travel by reference.
    references: Option<References>,
    route: Route,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl RemoteBank {
    /// The bank of these settings, as `identity`.
    pub(crate) fn new(identity: Identity, config: &Config, process: &Process) -> anyhow::Result<Self> {
        let BankSettings { next_hop, target, link_life, timeout, .. } = &config.bank;
        let settings = ClientSettings { first_byte_timeout: timeout.0, ..process.client() };
        let asserting = &config.asserting;
        let asserter = Client::balanced(&identity, asserting.id.clone(), &asserting.url, settings.clone())?;
        let references = match config.bank.certs {
            Certs::ByReference => Some(References::start(&identity, asserting, process)?),
            Certs::Inline => None,
        };
        Ok(Self {
            bank: Client::balanced(
                &identity,
                next_hop.id.clone(),
                &next_hop.url,
                ClientSettings { max_answer: MAX_ANSWER, ..settings },
            )?,
            asserter: Asserter::new(asserter),
            references,
            route: Route { next: next_hop.id.clone(), target: target.clone(), life: link_life.0.as_secs().max(1) },
            timeout: timeout.0,
            identity,
            clock: process.clock.clone(),
        })
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The root of a session in `mode`, minted when there is none that lives.
    async fn root(&self, errand: &Errand<'_>) -> Result<Arc<Root>, BankError> {
        let wanted = Wanted { mode: errand.mode, target: &self.route.target, bound: None };
        let mint = self.asserter.mint(errand.holder, &wanted, errand.trace);
        errand.holder.wallet.root(errand.mode, self.now(), mint).await
    }

    /// Makes the chain for one request: a link bound to it, or in plain mode a root bound to it.
    async fn prepare(&self, errand: &Errand<'_>, call: Call) -> Result<Prepared, BankError> {
        if !errand.holder.lives(self.now()) {
            return Err(BankError::LoginExpired);
        }
        let (chain, certificates, proof) = match errand.mode {
            Mode::Plain => {
                let bound = Some((call.scope, call.rqd()?));
                let wanted = Wanted { mode: Mode::Plain, target: &self.route.target, bound };
                let root = self.asserter.mint(errand.holder, &wanted, errand.trace).await?;
                let certificates = self.travelling(&root, None).await;
                (root.chain.as_str().to_owned(), certificates, root.proof)
            }
            Mode::Id => {
                let root = self.root(errand).await?;
                let svid = self.identity.svid().map_err(|error| BankError::Chain(error.to_string()))?;
                let chain = link::signed(&root.chain, &svid, &self.route, &call, self.now())?;
                (chain, self.travelling(&root, Some(&svid)).await, root.proof.clone())
            }
            Mode::Anonymous => {
                let root = self.root(errand).await?;
                let key = self.asserter.anonymous_key(&root).await?;
                let chain = link::anonymous(&root.chain, &key, &self.route, &call, self.now())?;
                (chain, root.certificates.clone(), root.proof.clone())
            }
        };
        let parsed = Chain::parse(&chain).map_err(|error| BankError::Chain(error.to_string()))?;
        errand.holder.wallet.sent(Trail::of(&parsed));
        call.with_chain(&chain, &certificates, parsed.expires())?.with_proof(proof.as_deref())
    }

    async fn travelling(&self, root: &Root, svid: Option<&Svid>) -> Certificates {
        references::travelling(self.references.as_ref(), root, svid, &self.identity).await
    }

    /// Moves money. When the outcome of a request is not known it is sent again with the same chain, so that the target
    /// recognises it.
    async fn pay<T: DeserializeOwned>(&self, errand: &Errand<'_>, key: &str, call: Call) -> Result<T, BankError> {
        let wallet = &errand.holder.wallet;
        let prepared = match wallet.prepared(key, self.now()) {
            Some(prepared) => prepared,
            None => Arc::new(self.prepare(errand, call).await?),
        };
        wallet.prepare(key, prepared.clone(), self.now());
        let answer = self.send(errand, &prepared).await;
        if answer.as_ref().err().is_none_or(BankError::is_final) {
            wallet.settle(key);
        }
        answer
    }

    /// Sends a request and reads the answer; once more through another replica if the connection died.
    async fn send<T: DeserializeOwned>(&self, errand: &Errand<'_>, prepared: &Prepared) -> Result<T, BankError> {
        let hop = self.bank.server().to_string();
        let no_answer = |cause: String| BankError::NoAnswer { hop: hop.clone(), cause };
        let mut request = prepared.request().map_err(|error| no_answer(error.to_string()))?;
        let mode = errand.mode.name();
        let span = chassis::span!("bank.call", otel.kind = "client", dasvid.server = hop, dasvid.mode = mode);
        let calling = async {
            carry(request.headers_mut());
            self.bank.call(request).await
        };
        let answer = match tokio::time::timeout(self.timeout, calling.instrument(span)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(no_answer(error.to_string())),
            Err(_) => return Err(no_answer(format!("no answer within {} s", self.timeout.as_secs()))),
        };
        let read = call::read(&hop, false, answer.status, &answer.headers, &answer.body);
        if answer.status == StatusCode::UNAUTHORIZED {
            errand.holder.wallet.forget(errand.mode).await;
        }
        read
    }
}

#[async_trait]
impl Bank for RemoteBank {
    async fn account(&self, errand: &Errand<'_>) -> Result<Account, BankError> {
        let prepared = self.prepare(errand, Call::balance(errand.trace)?).await?;
        self.send(errand, &prepared).await
    }

    async fn deposit(
        &self,
        errand: &Errand<'_>,
        key: &str,
        request: &DepositRequest,
    ) -> Result<DepositReceipt, BankError> {
        self.pay(errand, key, Call::deposit(key, request, errand.trace)?).await
    }

    async fn transfer(
        &self,
        errand: &Errand<'_>,
        key: &str,
        request: &TransferRequest,
    ) -> Result<TransferReceipt, BankError> {
        self.pay(errand, key, Call::transfer(key, request, errand.trace)?).await
    }

    async fn transactions(&self, errand: &Errand<'_>, after: Option<&str>) -> Result<Transactions, BankError> {
        let prepared = self.prepare(errand, Call::transactions(after, errand.trace)?).await?;
        self.send(errand, &prepared).await
    }

    async fn token(&self, errand: &Errand<'_>) -> Result<Trail, BankError> {
        let wallet = &errand.holder.wallet;
        let live = |trail: &Trail| trail.lives(self.now());
        match wallet.last_sent(errand.mode).filter(live) {
            Some(trail) => Ok(trail),
            None => Ok(Trail::of(&self.root(errand).await?.chain)),
        }
    }
}
