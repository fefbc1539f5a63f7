//! What one identity's socket answers at a moment, and the streams that follow it.

use crate::X509Material;
use futures::{Stream, stream};
use prost::bytes::Bytes;
use std::{collections::HashMap, pin::Pin, sync::Arc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// A stream of answers.
pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The bundles of every trust domain, keyed by the trust domain's SPIFFE ID.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    pub(crate) x509: HashMap<String, Bytes>,
    pub(crate) jwt: HashMap<String, Bytes>,
}

/// What one identity's socket answers at a moment.
#[derive(Clone, Debug)]
pub(crate) enum View {
    /// An SVID and the bundles.
    Issued(Arc<X509Material>, Arc<Bundles>),
    /// The identity was taken away.
    Withdrawn,
    /// The Workload API is out of order.
    Unavailable,
}

impl View {
    /// What there is to hand out.
    pub(crate) fn admit(&self) -> Result<(&X509Material, &Bundles), Status> {
        match self {
            Self::Issued(svid, bundles) => Ok((svid, bundles)),
            Self::Withdrawn => Err(Status::permission_denied("no identity issued")),
            Self::Unavailable => Err(Status::unavailable("the Workload API is out of order")),
        }
    }
}

/// Renders the view now and after every change, until there is nothing to hand out or `stop`.
pub(crate) fn follow<T: Send + 'static>(
    views: watch::Receiver<View>,
    stop: CancellationToken,
    render: fn(&X509Material, &Bundles) -> T,
) -> Answers<T> {
    let start = Some((views, stop, true));
    Box::pin(stream::unfold(start, move |state| async move {
        let (mut views, stop, first) = state?;
        if !first {
            tokio::select! {
                changed = views.changed() => changed.ok()?,
                () = stop.cancelled() => return Some((Err(Status::unavailable("shutting down")), None)),
            }
        }
        let answer = views.borrow_and_update().admit().map(|(svid, bundles)| render(svid, bundles));
        let next = answer.is_ok().then_some((views, stop, false));
        Some((answer, next))
    }))
}
