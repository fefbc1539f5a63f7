//! One replica: its connections, what is under way there, and whether it is in service.
//!
//! A replica that cannot be connected to, proves to be somebody else or breaks a connection is ejected: it gets requests
//! only in need. It is probed with a connection after a pause that doubles, and comes back with the first that holds.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use http::{Request, Response, uri::Authority};
use hyper::body::Incoming;
use spiffe::SpiffeId;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{
    ClientError, ClientSettings, Failure,
    body::AnswerBody,
    connector::{Connector, Handshaker},
    error,
    line::{Ending, Line},
    metrics::ReplicaMetrics,
    progress::{Progress, Watch},
};
use crate::origins::Origin;

/// The pause before the first probe of an ejected replica. It doubles with every one that fails, and with every ejection
/// soon after another.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two probes.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A replica that was in service for this long is forgiven its earlier failures.
const FORGIVEN: Duration = Duration::from_secs(30);

type Opening = Shared<BoxFuture<'static, Result<Line, ClientError>>>;

/// What all replicas of a client share.
pub(super) struct Common {
    pub(super) server: SpiffeId,
    pub(super) handshaker: Handshaker,
    pub(super) settings: ClientSettings,
    /// Told when a replica is ejected: its address may have moved.
    pub(super) trouble: Notify,
}

/// One address at which the server may be.
pub(super) struct Replica {
    pub(super) address: SocketAddr,
    /// How requests name the server.
    pub(super) authority: Authority,
    common: Arc<Common>,
    connector: Connector,
    slot: Mutex<Slot>,
    health: Mutex<Health>,
    pending: AtomicUsize,
    metrics: ReplicaMetrics,
}

#[derive(Default)]
struct Slot {
    generation: u64,
    state: State,
}

#[derive(Default)]
enum State {
    #[default]
    Closed,
    /// One attempt for all who wait.
    Opening(Opening),
    Open(Line),
}

struct Health {
    ejected: bool,
    /// Ejections in a row.
    strikes: usize,
    /// When it came into service.
    since: Instant,
    /// When it last gave an answer.
    heard: Instant,
}

/// A request under way at a replica.
pub(super) struct Ticket(Arc<Replica>);

impl Ticket {
    fn new(replica: &Arc<Replica>) -> Self {
        replica.pending.fetch_add(1, Ordering::Relaxed);
        replica.metrics.in_flight.inc();
        Self(replica.clone())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.in_flight.dec();
    }
}

impl Replica {
    pub(super) fn new(common: &Arc<Common>, origin: &Origin, address: SocketAddr) -> Arc<Self> {
        let now = Instant::now();
        Arc::new(Self {
            address,
            authority: origin.authority.clone(),
            connector: Connector::new(&common.handshaker, origin, address),
            slot: Mutex::default(),
            health: Mutex::new(Health { ejected: false, strikes: 0, since: now, heard: now }),
            pending: AtomicUsize::new(0),
            metrics: common.settings.metrics.replica(&common.server, address),
            common: common.clone(),
        })
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    pub(super) fn is_ejected(&self) -> bool {
        self.health().ejected
    }

    /// Sends a request once and waits for the response head, no longer than `until`.
    pub(super) async fn attempt(
        self: &Arc<Self>,
        request: Request<Progress>,
        watch: &Watch,
        until: Option<Instant>,
    ) -> Result<Response<AnswerBody>, Failure> {
        let ticket = Ticket::new(self);
        self.metrics.requests.inc();
        let begun = Instant::now();
        let answer = match self.line().await {
            Ok((generation, line)) => {
                watch.start();
                self.exchange(generation, &line, request, watch, until).await
            }
            Err(error) => Err(Failure { error, begun: false }),
        };
        match answer {
            Ok(response) => {
                self.answered();
                Ok(response.map(|body| AnswerBody::new(body, ticket)))
            }
            Err(failure) => {
                self.metrics.failures.inc();
                self.judge(&failure.error, begun);
                Err(failure)
            }
        }
    }

    async fn exchange(
        self: &Arc<Self>,
        generation: u64,
        line: &Line,
        request: Request<Progress>,
        watch: &Watch,
        until: Option<Instant>,
    ) -> Result<Response<Incoming>, Failure> {
        line.touch();
        let mut answer = line.send(request);
        let (server, after) = (&self.common.server, self.common.settings.first_byte_timeout);
        loop {
            let patience = watch.last() + after;
            let deadline = until.map_or(patience, |until| until.min(patience));
            match timeout_at(deadline, &mut answer).await {
                Ok(Ok(response)) => {
                    line.touch();
                    return Ok(response);
                }
                Ok(Err(error)) => {
                    let begun = error::is_begun(&*error);
                    if !begun {
                        self.close(generation);
                    }
                    let known = ClientError::of(&*error, server, watch.failed());
                    if line.is_http1() && matches!(known, ClientError::Broken { .. }) {
                        self.eject(&known.to_string());
                    }
                    return Err(Failure { error: known, begun });
                }
                Err(_) if until.is_none_or(|until| until > deadline) && watch.last() + after > deadline => {}
                Err(_) => {
                    let error = ClientError::Silent { server: server.clone(), after };
                    return Err(Failure { error, begun: true });
                }
            }
        }
    }

    /// An open line, and its generation. Those who need one at the same time share the attempt to open it.
    async fn line(self: &Arc<Self>) -> Result<(u64, Line), ClientError> {
        let (generation, opening) = {
            let mut slot = self.slot();
            let idle = self.common.settings.idle_timeout;
            match &slot.state {
                // The one request under way is the caller's own.
                State::Open(line)
                    if line.is_open(&self.common.settings) && (line.idle() < idle || self.pending() > 1) =>
                {
                    return Ok((slot.generation, line.clone()));
                }
                State::Opening(opening) => (slot.generation, opening.clone()),
                _ => self.open(&mut slot),
            }
        };
        Ok((generation, opening.await?))
    }

    /// Begins to open a line. It goes on whoever gives up waiting.
    fn open(self: &Arc<Self>, slot: &mut Slot) -> (u64, Opening) {
        slot.generation += 1;
        let (replica, generation) = (self.clone(), slot.generation);
        let opening = tokio::spawn(async move {
            let opened = Line::open(&replica.connector, &replica.common.settings).await;
            replica.settle(generation, opened)
        });
        let server = self.common.server.clone();
        let opening = opening
            .map(|opened| opened.unwrap_or_else(|error| Err(ClientError::Broken { server, source: Arc::new(error) })));
        let opening = opening.boxed().shared();
        slot.state = State::Opening(opening.clone());
        (generation, opening)
    }

    /// Notes what became of the attempt to open a line.
    fn settle(
        self: &Arc<Self>,
        generation: u64,
        opened: Result<(Line, Option<Ending>), ClientError>,
    ) -> Result<Line, ClientError> {
        let mut slot = self.slot();
        let is_current = slot.generation == generation;
        match opened {
            Ok((line, ending)) => {
                if is_current {
                    slot.state = State::Open(line.clone());
                }
                if let Some(ending) = ending {
                    tokio::spawn(follow(Arc::downgrade(self), generation, ending));
                }
                Ok(line)
            }
            Err(error) => {
                if is_current {
                    slot.state = State::Closed;
                }
                drop(slot);
                self.judge(&error, Instant::now());
                Err(error)
            }
        }
    }

    /// Leaves the line of a generation behind, unless that was done already.
    fn close(&self, generation: u64) {
        let mut slot = self.slot();
        if slot.generation == generation && matches!(slot.state, State::Open(_)) {
            slot.state = State::Closed;
        }
    }

    /// Closes a line that is idle or old.
    pub(super) fn sweep(&self) {
        let mut slot = self.slot();
        let settings = &self.common.settings;
        let is_over =
            |line: &Line| !line.is_open(settings) || (self.pending() == 0 && line.idle() >= settings.idle_timeout);
        if matches!(&slot.state, State::Open(line) if is_over(line)) {
            slot.state = State::Closed;
        }
    }

    /// Takes note of an answer: whoever gives one is in service.
    fn answered(&self) {
        let mut health = self.health();
        health.heard = Instant::now();
        if health.ejected {
            self.restore(&mut health);
        }
    }

    /// Ejects the replica if the failure of a request that began at `begun` is its own.
    fn judge(self: &Arc<Self>, error: &ClientError, begun: Instant) {
        // Slow requests do not count against a replica that answers others.
        let deaf = matches!(error, ClientError::Silent { .. }) && self.health().heard < begun;
        let is_new = (deaf || error.is_of_replica()) && self.eject(&error.to_string());
        if is_new && matches!(error, ClientError::WrongPeer { .. } | ClientError::Untrusted { .. }) {
            tracing::warn!("{error}");
        }
    }

    /// Takes the replica out of service and leaves its connections; whether it was in service.
    fn eject(self: &Arc<Self>, reason: &str) -> bool {
        let mut health = self.health();
        if health.ejected {
            return false;
        }
        if health.since.elapsed() > FORGIVEN {
            health.strikes = 0;
        }
        health.ejected = true;
        self.metrics.ejections.inc();
        self.metrics.ejected.inc();
        tracing::info!(server = %self.common.server, address = self.connector.label(), "replica ejected: {reason}");
        self.common.trouble.notify_one();
        tokio::spawn(probe(Arc::downgrade(self), health.strikes));
        health.strikes += 1;
        drop(health);
        let mut slot = self.slot();
        if matches!(slot.state, State::Open(_)) {
            slot.state = State::Closed;
        }
        true
    }

    fn restore(&self, health: &mut Health) {
        health.ejected = false;
        health.since = Instant::now();
        self.metrics.ejected.dec();
        tracing::info!(server = %self.common.server, address = self.connector.label(), "replica is back in service");
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if self.health().ejected {
            self.metrics.ejected.dec();
        }
    }
}

/// Drives a connection to its end. One that does not end as it should ejects its replica.
async fn follow(replica: Weak<Replica>, generation: u64, ending: Ending) {
    let ended = ending.await;
    let Some(replica) = replica.upgrade() else { return };
    let is_current = replica.slot().generation == generation;
    replica.close(generation);
    if let Some(reason) = ended.filter(|_| is_current) {
        replica.eject(&format!("its connection broke: {reason}"));
    }
}

/// Connects to an ejected replica until it holds.
async fn probe(replica: Weak<Replica>, strikes: usize) {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times();
    for pause in pauses.build().skip(strikes) {
        tokio::time::sleep(pause).await;
        let Some(replica) = replica.upgrade().filter(|replica| replica.is_ejected()) else { return };
        match replica.line().await {
            Ok(_) => {
                let mut health = replica.health();
                if health.ejected {
                    replica.restore(&mut health);
                }
                return;
            }
            Err(error) => {
                let address = replica.connector.label();
                tracing::debug!(server = %replica.common.server, address, "replica still out of service: {error}");
            }
        }
    }
}
