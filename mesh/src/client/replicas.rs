//! All replicas of one server: found, chosen, and let go.
//!
//! Own code, for tower's balancer is none of this: it has no ejection, cannot choose another replica for a second
//! attempt, and wants services that become ready; connections here are shared and always ready. With exact counts of what
//! is under way at hand, the least loaded replica is as good a choice as the better of two, and the same in every run.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Once, PoisonError, RwLock, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::join_all;
use tokio::{
    task::AbortHandle,
    time::{sleep, timeout},
};

use super::{
    ClientError,
    replica::{Common, Replica},
};
use crate::Origins;
use crate::origins::Origin;

/// Names are asked for at most this often because of trouble.
const TROUBLE_PAUSE: Duration = Duration::from_millis(250);

/// The replicas of one server.
pub(super) struct Replicas {
    common: Arc<Common>,
    origins: Origins,
    /// For each origin what it stands for.
    known: RwLock<Vec<Vec<Arc<Replica>>>>,
    /// Held while names are looked up.
    resolving: tokio::sync::Mutex<()>,
    turn: AtomicUsize,
    begun: Once,
    upkeep: RwLock<Option<AbortHandle>>,
}

impl Replicas {
    pub(super) fn new(common: Common, origins: Origins) -> Arc<Self> {
        let known = RwLock::new(vec![Vec::new(); origins.all().len()]);
        Arc::new(Self {
            common: Arc::new(common),
            origins,
            known,
            resolving: tokio::sync::Mutex::default(),
            turn: AtomicUsize::new(0),
            begun: Once::new(),
            upkeep: RwLock::default(),
        })
    }

    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    pub(super) fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Chooses a replica: in service and not tried yet; else in service; else not tried yet; else any. Of several the one
    /// with the least under way, in turn where that is equal.
    pub(super) async fn choose(self: &Arc<Self>, tried: &[SocketAddr]) -> Result<Arc<Replica>, ClientError> {
        self.begun.call_once(|| self.keep_up());
        let mut all = self.all();
        if all.is_empty() {
            self.find(true).await?;
            all = self.all();
        }
        let rank = |replica: &Replica| {
            let is_tried = tried.contains(&replica.address);
            (replica.is_ejected(), is_tried, replica.pending())
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % all.len().max(1);
        let in_turn = all.iter().skip(turn).chain(all.iter().take(turn));
        let best = in_turn.min_by_key(|replica| rank(replica)).cloned();
        best.ok_or_else(|| self.unknown(std::io::ErrorKind::NotFound.into()))
    }

    /// Whether there is a replica that was not tried.
    pub(super) fn has_others(&self, tried: &[SocketAddr]) -> bool {
        self.all().iter().any(|replica| !tried.contains(&replica.address))
    }

    /// What is known now, each address once.
    fn all(&self) -> Vec<Arc<Replica>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Arc<Replica>> = Vec::new();
        for replica in known.iter().flatten() {
            if all.iter().all(|other| other.address != replica.address) {
                all.push(replica.clone());
            }
        }
        all
    }

    /// Looks all names up. What a name stood for stays when there is no answer.
    async fn find(&self, only_if_none: bool) -> Result<(), ClientError> {
        let _resolving = self.resolving.lock().await;
        if only_if_none && !self.all().is_empty() {
            return Ok(());
        }
        let answers = join_all(self.origins.all().iter().map(|origin| self.addresses(origin))).await;
        let mut failed = None;
        for (place, (origin, answer)) in self.origins.all().iter().zip(answers).enumerate() {
            match answer {
                Ok(addresses) => self.replace(place, origin, &addresses),
                Err(error) => {
                    tracing::debug!(host = origin.host, "its addresses cannot be had: {error}");
                    failed = Some(error);
                }
            }
        }
        match failed.filter(|_| self.all().is_empty()) {
            Some(error) => Err(self.unknown(error)),
            None => Ok(()),
        }
    }

    async fn addresses(&self, origin: &Origin) -> std::io::Result<Vec<SocketAddr>> {
        let settings = &self.common.settings;
        let found = timeout(settings.connect_timeout, settings.resolver.resolve(&origin.host, origin.port)).await;
        let mut addresses = found.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() { Err(std::io::ErrorKind::NotFound.into()) } else { Ok(addresses) }
    }

    fn replace(&self, place: usize, origin: &Origin, addresses: &[SocketAddr]) {
        let old = self.all();
        let replicas = addresses.iter().map(|address| {
            let known = old.iter().find(|replica| replica.address == *address);
            known.cloned().unwrap_or_else(|| {
                tracing::debug!(server = %self.common.server, %address, "a replica is known");
                Replica::new(&self.common, origin, *address)
            })
        });
        let replicas: Vec<_> = replicas.collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known.get_mut(place) {
            *entry = replicas;
        }
    }

    fn unknown(&self, error: std::io::Error) -> ClientError {
        let names: Vec<_> = self.origins.all().iter().map(|origin| origin.authority.as_str()).collect();
        ClientError::unreachable(&self.common.server, &names.join(", "), error)
    }

    /// Looks names up again and again, and closes what is idle.
    fn keep_up(self: &Arc<Self>) {
        let task = tokio::spawn(keep_up(Arc::downgrade(self), self.common.clone()));
        *self.upkeep.write().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        if let Some(task) = self.upkeep.get_mut().unwrap_or_else(PoisonError::into_inner) {
            task.abort();
        }
    }
}

async fn keep_up(replicas: Weak<Replicas>, common: Arc<Common>) {
    loop {
        // Trouble must not turn into a storm of questions.
        sleep(TROUBLE_PAUSE).await;
        drop(timeout(common.settings.refresh, common.trouble.notified()).await);
        let Some(replicas) = replicas.upgrade() else { return };
        // What was said stays true until there is an answer.
        drop(replicas.find(false).await);
        replicas.all().iter().for_each(|replica| replica.sweep());
    }
}
