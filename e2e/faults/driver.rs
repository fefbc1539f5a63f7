//! The load: several people at several browsers, through the bank's pages, until told to stop.
//!
//! It needs nothing but the front door's address and who can sign in, so it drives any bank: the laboratory's, or one
//! that docker-compose brought up. Every request is recorded with its outcome; every order of money is sent again under
//! the same key until the bank says yes or no, as a person would press the button again.

pub(crate) mod browser;
pub(crate) mod order;
pub(crate) mod outcome;
pub(crate) mod visitor;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use url::Url;

use browser::Browser;
use order::{Fate, Kind, Order};
use outcome::{Log, Outcome, Record};
use visitor::Visitor;

/// What each account begins with, so that transfers do not run dry.
const OPENING: u64 = 10_000_000;
/// The ways a request can travel, in the order browsers choose them.
const MODES: [&str; 3] = ["id", "anonymous", "plain"];

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// What they type as their name.
    pub(crate) name: String,
    /// Their password.
    pub(crate) password: String,
}

/// Who asks what, and how patiently.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The bank's front door.
    pub(crate) front: Url,
    /// Who can sign in; browsers take turns.
    pub(crate) people: Vec<Person>,
    /// How many browsers.
    pub(crate) browsers: usize,
    /// The pause between two actions of a browser.
    pub(crate) pause: Duration,
    /// How long a page may take; beyond it the request hangs.
    pub(crate) patience: Duration,
    /// How long an order is sent again before it stays open.
    pub(crate) persistence: Duration,
    /// A further certificate authority (PEM).
    pub(crate) ca: Option<Vec<u8>>,
}

/// What everybody shares.
struct Street {
    plan: Plan,
    log: Log,
    stop: CancellationToken,
    /// Account numbers by name.
    numbers: Mutex<BTreeMap<String, String>>,
    /// Every order has an amount of its own.
    amounts: AtomicU64,
    orders: Mutex<Vec<Order>>,
}

/// A load under way.
pub(crate) struct Load {
    street: Arc<Street>,
    browsers: JoinSet<()>,
}

/// What a load left behind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Every request.
    pub(crate) records: Vec<Record>,
    /// Every order.
    pub(crate) orders: Vec<Order>,
}

impl Load {
    /// Starts to ask.
    pub(crate) fn start(plan: Plan) -> anyhow::Result<Self> {
        let street = Arc::new(Street {
            log: Log::new(),
            stop: CancellationToken::new(),
            numbers: Mutex::default(),
            amounts: AtomicU64::new(1),
            orders: Mutex::default(),
            plan,
        });
        let mut browsers = JoinSet::new();
        let people = street.plan.people.iter().cycle().take(street.plan.browsers).cloned();
        for (index, person) in people.enumerate() {
            let browser = Browser::new(street.plan.patience, street.plan.ca.as_deref())?;
            let visitor = Visitor::new(index, person, street.plan.front.clone(), browser, street.log.clone());
            let mode = MODES.get(index % MODES.len()).copied().unwrap_or("id");
            browsers.spawn(Arc::clone(&street).visit(visitor, mode));
        }
        Ok(Self { street, browsers })
    }

    /// How long it has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.street.log.elapsed()
    }

    /// What was asked so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        self.street.log.records()
    }

    /// How many orders were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        let orders = self.street.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.iter().filter(|order| order.fate == Fate::Acknowledged).count()
    }

    /// Returns once every browser is signed in and has paid something; whether that was within `limit`.
    pub(crate) async fn warm(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if self.acknowledged() >= 2 * self.street.plan.browsers {
                return true;
            }
            sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// Sees every order through and returns what was recorded.
    pub(crate) async fn stop(mut self) -> Tally {
        self.street.stop.cancel();
        while self.browsers.join_next().await.is_some() {}
        let orders = self.street.orders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Tally { records: self.street.log.records(), orders }
    }
}

impl Street {
    /// One browser until told to stop.
    async fn visit(self: Arc<Self>, mut visitor: Visitor, mode: &'static str) {
        let mut turn = 0_usize;
        let mut is_open = false;
        while !self.stop.is_cancelled() {
            if !visitor.is_signed_in() {
                if !visitor.sign_in().await.is_done() || !visitor.travel(mode).await.is_done() {
                    self.rest(Duration::from_millis(200)).await;
                }
                continue;
            }
            match turn % 4 {
                _ if !is_open => is_open = self.pay(&mut visitor, Kind::Deposit, OPENING).await,
                0 | 3 => self.look(&mut visitor).await,
                1 => {
                    let minor = self.amount();
                    self.pay(&mut visitor, Kind::Deposit, minor).await;
                }
                _ => self.transfer(&mut visitor).await,
            }
            turn += 1;
            self.rest(self.plan.pause).await;
        }
    }

    async fn look(&self, visitor: &mut Visitor) {
        match visitor.balance().await {
            Ok(account) => {
                if let Some(number) = account.number {
                    let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
                    numbers.insert(visitor.name().to_owned(), number);
                }
            }
            Err(_) => self.rest(Duration::from_millis(50)).await,
        }
    }

    /// Pays somebody else, or looks at the ledger while nobody else has an account.
    async fn transfer(&self, visitor: &mut Visitor) {
        let other = {
            let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.iter().find(|(name, _)| *name != visitor.name()).map(|(_, number)| number.clone())
        };
        match other {
            Some(to) => {
                let minor = self.amount();
                self.pay(visitor, Kind::Transfer { to }, minor).await;
            }
            None => {
                visitor.statement().await;
            }
        }
    }

    /// Sends an order until the bank says yes or no; whether it said yes.
    async fn pay(&self, visitor: &mut Visitor, kind: Kind, minor: u64) -> bool {
        let mut order = Order::new(visitor.name(), kind, minor);
        let deadline = Instant::now() + self.plan.persistence;
        let mut pause = Duration::from_millis(50);
        while order.fate == Fate::Open && Instant::now() < deadline {
            if !visitor.is_signed_in() && !visitor.sign_in().await.is_done() {
                sleep(Duration::from_millis(200)).await;
                continue;
            }
            order.fate = match visitor.send(&mut order).await {
                Outcome::Done => Fate::Acknowledged,
                outcome if outcome.is_open() => Fate::Open,
                Outcome::Refused { problem, status, .. } => {
                    Fate::Refused { problem: problem.unwrap_or_else(|| status.to_string()) }
                }
                _ => Fate::Open,
            };
            if order.fate == Fate::Open {
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(500));
            }
        }
        let is_done = order.fate == Fate::Acknowledged;
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        is_done
    }

    fn amount(&self) -> u64 {
        self.amounts.fetch_add(1, Ordering::Relaxed)
    }

    /// A pause that ends when told to stop.
    async fn rest(&self, pause: Duration) {
        self.stop.run_until_cancelled(sleep(pause)).await;
    }
}
