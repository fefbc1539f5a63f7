//! The embedded Workload API as a whole.

use crate::{
    AuthorityError, Config, Entry, Listen, Registration, Settings, SocketError,
    connection::Connection,
    pb::spiffe_workload_api_server::SpiffeWorkloadApiServer,
    reflection,
    registry::Registry,
    rotation,
    service::{Offer, Service},
    socket,
    socket::{Access, SocketFile},
    view::Name,
};
use futures::{Stream, StreamExt as _};
use spiffe::{SpiffeId, TrustDomain};
use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, Once, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long [`DevSpire::shutdown`] waits for streams to end.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// Why the embedded Workload API could not do something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevSpireError {
    /// Nothing was issued.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The socket was not opened.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The port was not opened.
    #[error("cannot listen at tcp://{address}")]
    Port {
        /// Where.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The task that makes keys ended.
    #[error("the runtime is shutting down")]
    Runtime,
}

/// An embedded SPIFFE Workload API. Dropping it ends it; [`shutdown`](Self::shutdown) does so tidily.
#[derive(Debug)]
pub struct DevSpire {
    registry: Arc<Registry>,
    files: Mutex<Vec<SocketFile>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl DevSpire {
    /// Makes a CA and starts the rotation. Says once, loudly, that this is not for production.
    ///
    /// # Errors
    /// [`DevSpireError::Authority`] if no CA could be made.
    #[expect(clippy::unused_async, reason = "must run inside a runtime: the rotation is a task")]
    pub async fn start(settings: Settings) -> Result<Self, DevSpireError> {
        warn_once();
        let registry = Arc::new(Registry::new(settings)?);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(rotation::run(registry.clone(), stop.clone()));
        Ok(Self { registry, files: Mutex::default(), tasks, stop })
    }

    /// Serves `entry` on a Unix socket at `path`: whoever opens it gets that identity.
    ///
    /// The folder is made with mode 0700 if it is missing. [`endpoint`](Self::endpoint) makes the
    /// `SPIFFE_ENDPOINT_SOCKET` of a path.
    ///
    /// # Errors
    /// [`DevSpireError::Socket`] if the path is too long or taken, or others can enter its folder;
    /// [`DevSpireError::Authority`] if the entry does not fit this trust domain.
    pub async fn issue_socket(&self, path: &Path, entry: Entry) -> Result<(), DevSpireError> {
        let name = self.enter(entry).await?;
        let (listener, file) = socket::bind(path, Access::Owner)?;
        self.keep(file);
        let incoming = UnixListenerStream::new(listener).map(|stream| stream.map(Connection::unix));
        self.serve(incoming, vec![Offer { name, selectors: None }]);
        Ok(())
    }

    /// Starts what a configuration says, and returns it with the `SPIFFE_ENDPOINT_SOCKET` of every address.
    ///
    /// # Errors
    /// Like [`start`](Self::start) and [`listen`](Self::listen).
    pub async fn configured(config: &Config) -> Result<(Self, Vec<String>), DevSpireError> {
        let spire = Self::start(config.settings()).await?;
        let mut endpoints = Vec::new();
        for listen in &config.listen {
            endpoints.push(spire.listen(listen, &config.entries).await?);
        }
        Ok((spire, endpoints))
    }

    /// Serves several identities at one address, each to those callers its selectors admit, and returns the
    /// `SPIFFE_ENDPOINT_SOCKET` of the address. A caller that gets nothing is told `PERMISSION_DENIED`, "no identity
    /// issued".
    ///
    /// # Errors
    /// [`DevSpireError::Socket`] or [`DevSpireError::Port`] if the address cannot be opened;
    /// [`DevSpireError::Authority`] if an entry does not fit this trust domain.
    pub async fn listen(&self, listen: &Listen, registrations: &[Registration]) -> Result<String, DevSpireError> {
        let mut offers = Vec::new();
        for Registration { entry, selectors } in registrations {
            offers.push(Offer { name: self.enter(entry.clone()).await?, selectors: Some(selectors.clone()) });
        }
        match listen {
            Listen::Unix(path) => {
                let (listener, file) = socket::bind(path, Access::Everyone)?;
                self.keep(file);
                let incoming = UnixListenerStream::new(listener).map(|stream| stream.map(Connection::unix));
                self.serve(incoming, offers);
                Ok(Self::endpoint(path))
            }
            Listen::Tcp(address) => {
                let failed = |source| DevSpireError::Port { address: *address, source };
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let local = listener.local_addr().map_err(failed)?;
                let incoming = TcpListenerStream::new(listener).map(|stream| stream.map(Connection::tcp));
                self.serve(incoming, offers);
                Ok(format!("tcp://{local}"))
            }
        }
    }

    /// On a thread of its own: RSA keys take their time.
    async fn enter(&self, entry: Entry) -> Result<Name, DevSpireError> {
        let registry = self.registry.clone();
        let entered = tokio::task::spawn_blocking(move || registry.enter(entry)).await;
        Ok(entered.map_err(|_| DevSpireError::Runtime)??)
    }

    fn keep(&self, file: SocketFile) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }

    fn serve<S>(&self, incoming: impl Stream<Item = io::Result<Connection<S>>> + Send + 'static, offers: Vec<Offer>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = Service { registry: self.registry.clone(), offers, stop: self.stop.clone() };
        let server = tonic::transport::Server::builder()
            .add_service(SpiffeWorkloadApiServer::new(service))
            .add_optional_service(reflection::service())
            .serve_with_incoming_shutdown(incoming, self.stop.clone().cancelled_owned());
        self.tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "a socket of dev-spire failed");
            }
        });
    }

    /// The `SPIFFE_ENDPOINT_SOCKET` of a socket; a relative path starts at the current folder.
    #[must_use]
    pub fn endpoint(path: &Path) -> String {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        format!("unix://{}", absolute.display())
    }

    /// Issues every SVID anew.
    ///
    /// # Errors
    /// [`DevSpireError::Authority`] if no certificate could be made; those already issued stay.
    pub fn rotate(&self) -> Result<(), DevSpireError> {
        Ok(self.registry.reissue()?)
    }

    /// Makes a new CA, leaves it in the bundles for [`Settings::overlap`] and lets it issue everything anew. The old
    /// anchor stays in the bundles.
    ///
    /// # Errors
    /// [`DevSpireError::Authority`] if no certificate could be made.
    pub async fn rotate_ca(&self) -> Result<(), DevSpireError> {
        self.registry.prepare_ca()?;
        tokio::time::sleep(self.registry.settings().overlap).await;
        Ok(self.registry.activate_ca()?)
    }

    /// Takes every CA but the newest out of the bundles, as if the old ones were tainted.
    pub fn forget_old_cas(&self) {
        self.registry.forget_old_cas();
    }

    /// Begins or ends an outage: streams end and calls are answered `UNAVAILABLE` until it is over.
    pub fn set_available(&self, available: bool) {
        self.registry.set_available(available);
    }

    /// An outage of this length.
    pub fn outage(&self, length: Duration) {
        self.set_available(false);
        let (registry, stop) = (self.registry.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            if stop.run_until_cancelled(tokio::time::sleep(length)).await.is_some() {
                registry.set_available(true);
            }
        });
    }

    /// Takes an identity away: its calls and streams end with `PERMISSION_DENIED`, "no identity issued".
    pub fn withdraw(&self, id: &SpiffeId) {
        self.registry.set_withdrawn(id, true);
    }

    /// Gives a withdrawn identity back.
    pub fn restore(&self, id: &SpiffeId) {
        self.registry.set_withdrawn(id, false);
    }

    /// Hands out the anchors (DER) of a foreign trust domain with every bundle.
    pub fn federate(&self, trust_domain: TrustDomain, anchors: Vec<Vec<u8>>) {
        self.registry.federate(trust_domain, anchors);
    }

    /// The anchors (DER), oldest first.
    #[must_use]
    pub fn bundle(&self) -> Vec<Vec<u8>> {
        self.registry.bundle()
    }

    /// Ends all streams, removes the sockets and waits up to two seconds for the tasks.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN, self.tasks.wait()).await.is_err() {
            tracing::warn!("dev-spire ended with streams still open");
        }
    }
}

impl Drop for DevSpire {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn warn_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::warn!(
            "dev-spire is NOT FOR PRODUCTION: its CA keys live in this process, and whoever opens a socket gets its \
             identity. Use SPIRE where it matters."
        );
    });
}
