//! Somebody with an identity of the trust domain: the tool, a middle tier that was broken into, a stranger.

use bytes::Bytes;
use dasvid::input::ChainFile;
use dasvid::outgoing::Outgoing;
use dasvid::place::{Endpoint, Place};
use dasvid::teller::{self, Teller, Wanted};
use http::Request;
use mesh::{Answer, Client, ClientError, ClientSettings, Identity};
use serde_json::json;
use spiffe::SpiffeId;
use token::hop::Extension;
use token::{Chain, Mode};
use wire::bank::{Account, BALANCE, DEPOSITS};
use wire::problem::ProblemKind;

/// Somebody with an identity of the trust domain.
pub struct Actor {
    /// What the tool can do as this workload.
    pub teller: Teller,
    /// Who it is.
    pub identity: Identity,
    place: Place,
}

/// The request for a balance.
#[must_use]
pub fn balance() -> Outgoing {
    Outgoing::new("GET", BALANCE)
}

/// A deposit of US dollars under an `Idempotency-Key`.
#[must_use]
pub fn deposit(minor: u64, key: &str) -> Outgoing {
    Outgoing::post(DEPOSITS, &json!({"currency": "USD", "minor": minor}), key)
}

/// A link bound to `outgoing`, for `next`.
#[must_use]
pub fn bound(outgoing: &Outgoing, next: Option<&SpiffeId>) -> Extension {
    Extension { next: next.cloned(), only: None, rqd: Some(outgoing.rqd().unwrap()), seal: false, life: 60 }
}

impl Actor {
    /// Connects to a Workload API socket; asserting-wl and the first hop are those of `place`.
    pub async fn connect(socket: &str, place: &Place) -> Self {
        let identity = teller::identity(Some(socket)).await.unwrap();
        let teller = Teller::connect(Some(socket), &place.asserting.url, Some(&place.asserting.id)).await.unwrap();
        Self { teller, identity, place: place.clone() }
    }

    /// A root of this mode; a plain one is bound to `outgoing`.
    pub async fn root(&self, mode: Mode, access_token: &str, outgoing: &Outgoing) -> ChainFile {
        let rqd = (mode == Mode::Plain).then(|| outgoing.rqd().unwrap().to_string());
        self.teller.mint(mode, access_token, &Wanted { rqd, ..Wanted::default() }).await.unwrap()
    }

    /// A good chain for `outgoing` at the first hop.
    pub async fn chain(&self, mode: Mode, access_token: &str, outgoing: &Outgoing) -> ChainFile {
        self.teller.chain_for(mode, access_token, outgoing, &self.place.entry.id).await.unwrap()
    }

    /// The chain with one more link of this actor, as an honest hop to `next` appends it; a plain one as it is.
    pub async fn pass_on(&self, chain: &ChainFile, outgoing: &Outgoing, next: &SpiffeId) -> ChainFile {
        match Chain::parse(&chain.da_svid).unwrap().mode() {
            Mode::Plain => chain.clone(),
            Mode::Id => self.teller.extend(chain, &bound(outgoing, Some(next))).await.unwrap(),
            Mode::Anonymous => self.teller.extend(chain, &bound(outgoing, None)).await.unwrap(),
        }
    }

    /// The anonymous chain sealed for `target`.
    pub async fn seal(&self, chain: &ChainFile, outgoing: &Outgoing, target: &SpiffeId) -> ChainFile {
        let seal = Extension { seal: true, life: 30, ..bound(outgoing, Some(target)) };
        self.teller.extend(chain, &seal).await.unwrap()
    }

    /// Sends `outgoing` with a chain to a service.
    pub async fn present(&self, service: &Endpoint, outgoing: &Outgoing, chain: &ChainFile) -> Answer {
        self.teller.call(service, outgoing, Some(chain)).await.unwrap()
    }

    /// Sends `outgoing` to the first hop with a chain of its own.
    pub async fn ask(&self, mode: Mode, access_token: &str, outgoing: &Outgoing) -> Answer {
        let chain = self.chain(mode, access_token, outgoing).await;
        self.present(&self.place.entry, outgoing, &chain).await
    }

    /// What the person holds in US dollars; nothing when there is no account.
    pub async fn holds(&self, access_token: &str) -> i64 {
        let answer = self.ask(Mode::Id, access_token, &balance()).await;
        if let Some(problem) = teller::problem(&answer) {
            assert_eq!(problem.kind(), Some(ProblemKind::UnknownAccount), "{problem:?}");
            return 0;
        }
        let account: Account = teller::read(&answer).unwrap();
        account.balances.iter().find(|one| one.currency == "USD").map_or(0, |one| one.minor)
    }

    /// A client of one service as this actor.
    #[must_use]
    pub fn client(&self, service: &Endpoint) -> Client {
        Client::new(&self.identity, service.id.clone(), &service.url, ClientSettings::default()).unwrap()
    }

    /// Sends any request at all.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, service: &Endpoint, request: Request<Bytes>) -> Result<Answer, ClientError> {
        self.client(service).call(request).await
    }
}
