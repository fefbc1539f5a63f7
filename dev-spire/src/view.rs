//! What the Workload API says at a moment, what of it one caller may see, and the streams that follow it.

use crate::X509Material;
use futures::{Stream, stream};
use prost::bytes::Bytes;
use spiffe::SpiffeId;
use std::{collections::HashMap, pin::Pin, sync::Arc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A stream of answers.
pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The bundles of every trust domain, keyed by the trust domain's SPIFFE ID.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Bundles {
    pub(crate) x509: HashMap<String, Bytes>,
    pub(crate) jwt: HashMap<String, Bytes>,
}

/// What tells one identity from another: the same SPIFFE ID may be issued with different hints.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) id: SpiffeId,
    pub(crate) hint: String,
}

/// Everything there is to hand out at a moment.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) available: bool,
    /// Without those that were withdrawn.
    pub(crate) svids: HashMap<Name, Arc<X509Material>>,
    pub(crate) bundles: Arc<Bundles>,
}

impl Snapshot {
    /// What a caller with these identities may see, in their order.
    pub(crate) fn of(&self, names: &[Name]) -> Result<View, Status> {
        if !self.available {
            return Err(Status::unavailable("the Workload API is out of order"));
        }
        let svids: Vec<_> = names.iter().filter_map(|name| self.svids.get(name)).cloned().collect();
        if svids.is_empty() {
            return Err(Status::permission_denied("no identity issued"));
        }
        Ok(View { svids, bundles: self.bundles.clone() })
    }
}

/// One or more SVIDs and the bundles.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) svids: Vec<Arc<X509Material>>,
    pub(crate) bundles: Arc<Bundles>,
}

impl View {
    fn is(&self, other: &Self) -> bool {
        let mut pairs = self.svids.iter().zip(&other.svids);
        self.svids.len() == other.svids.len()
            && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
            && self.bundles == other.bundles
    }
}

/// A caller who listens.
struct Follower {
    snapshots: watch::Receiver<Arc<Snapshot>>,
    names: Vec<Name>,
    last: Option<View>,
    stop: CancellationToken,
}

impl Follower {
    /// Waits until the caller may see something else than before.
    async fn next(&mut self) -> Result<&View, Status> {
        loop {
            let snapshot = self.snapshots.borrow_and_update().clone();
            let view = snapshot.of(&self.names)?;
            if !self.last.as_ref().is_some_and(|last| last.is(&view)) {
                return Ok(self.last.insert(view));
            }
            let changed = self.stop.run_until_cancelled(self.snapshots.changed()).await;
            if !matches!(changed, Some(Ok(()))) {
                return Err(Status::unavailable("shutting down"));
            }
        }
    }
}

/// Renders what a caller may see, now and after every change, until there is nothing to hand out or `stop`.
pub(crate) fn follow<T: Send + 'static>(
    snapshots: watch::Receiver<Arc<Snapshot>>,
    names: Vec<Name>,
    stop: CancellationToken,
    render: fn(&View) -> T,
) -> Answers<T> {
    let follower = Follower { snapshots, names, last: None, stop };
    Box::pin(stream::unfold(Some(follower), move |follower| async move {
        let mut follower = follower?;
        match follower.next().await.map(render) {
            Ok(answer) => Some((Ok(answer), Some(follower))),
            Err(status) => Some((Err(status), None)),
        }
    }))
}
