//! Leaving this process's own certificate with the asserting workload, before anything is signed that names it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::StatusCode;
use mesh::{Identity, IdentityError, Origins, Svid};
use spiffe::SpiffeId;
use token::SignerChain;
use token::certificates::CertificateError;
use token::encoding::Digest;

use super::fetcher::client;
use super::{MeshCertificates, SourceError};
use crate::process::Process;

/// How often a certificate that is kept is left again, in case it was lost.
const AGAIN: Duration = Duration::from_mins(1);
/// First and longest pause before one that could not be left is left again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Knows which of this process's certificates can be fetched. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Publisher {
    kept: Arc<Mutex<Option<Digest>>>,
}

/// Why a certificate was not left. All are tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum PublishError {
    /// There is no identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The SVID is none a verifier would take.
    #[error("the SVID: {0}")]
    Certificate(#[from] CertificateError),
    /// The asserting workload does not take it.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// No client can be made.
    #[error("{0}")]
    Client(String),
}

impl PublishError {
    /// Whether the asserting workload answered that it does not keep it.
    fn is_refused(&self) -> bool {
        matches!(self, Self::Source(SourceError::Status(status)) if status.is_client_error() && *status != StatusCode::TOO_MANY_REQUESTS)
    }
}

impl Publisher {
    /// Starts to leave certificates of `identity` with `asserting`, now and after each rotation.
    ///
    /// Returns at once: what is not kept yet travels inline. An asserting workload keeps certificates of its own trust
    /// domain only, so those of another one always do.
    #[must_use]
    pub fn start(identity: &Identity, asserting: (&SpiffeId, &Origins), process: &Process) -> Self {
        let publisher = Self::default();
        let publishing = Publishing {
            identity: identity.clone(),
            asserter: asserting.0.clone(),
            origins: asserting.1.clone(),
            publisher: publisher.clone(),
            process: process.clone(),
        };
        process.tasks.spawn(process.stop.clone().run_until_cancelled_owned(publishing.run()));
        publisher
    }

    /// Whether whoever verifies can fetch the certificate of this hash. False is always safe.
    #[must_use]
    pub fn keeps(&self, x5t: Digest) -> bool {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) == Some(x5t)
    }

    fn set(&self, kept: Option<Digest>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }
}

struct Publishing {
    identity: Identity,
    asserter: SpiffeId,
    origins: Origins,
    publisher: Publisher,
    process: Process,
}

impl Publishing {
    async fn run(self) {
        if self.identity.trust_domain().is_ok_and(|own| own != *self.asserter.trust_domain()) {
            tracing::info!(asserter = %self.asserter, "it keeps no certificates of this trust domain: they travel inline");
            return;
        }
        let retries = ExponentialBuilder::default()
            .with_min_delay(RETRY.0)
            .with_max_delay(RETRY.1)
            .with_jitter()
            .without_max_times();
        let mut updates = self.identity.updates();
        let mut delays = retries.build();
        loop {
            let pause = match self.publish().await {
                Ok(()) => {
                    delays = retries.build();
                    AGAIN
                }
                Err(error) => {
                    self.complain(&error);
                    delays.next().unwrap_or(RETRY.1)
                }
            };
            match tokio::time::timeout(pause, updates.changed()).await {
                Ok(Ok(())) => delays = retries.build(),
                // No more updates: the identity ends with the process.
                Ok(Err(_)) => return,
                Err(_) => {}
            }
        }
    }

    async fn publish(&self) -> Result<(), PublishError> {
        let svid = self.identity.svid()?;
        let x5t = Digest(svid.x5t);
        match self.leave(&svid).await {
            Ok(()) => {
                if !self.publisher.keeps(x5t) {
                    tracing::debug!(%x5t, "this workload's certificate is kept and need not travel");
                }
                self.publisher.set(Some(x5t));
                Ok(())
            }
            Err(error) => {
                if error.is_refused() {
                    self.publisher.set(None);
                }
                Err(error)
            }
        }
    }

    /// Leaves it over a connection of its own, for only the certificate of the very connection is taken.
    async fn leave(&self, svid: &Svid) -> Result<(), PublishError> {
        let chain = SignerChain::new(svid.chain.clone())?;
        let client = client(&self.identity, (&self.asserter, &self.origins), &self.process);
        let client = client.map_err(|error| PublishError::Client(error.to_string()))?;
        Ok(MeshCertificates(client).leave(chain.to_pem()).await?)
    }

    /// The asserting workload may start after this process, and until then certificates travel inline.
    fn complain(&self, error: &PublishError) {
        let asserter = &self.asserter;
        if error.is_refused() {
            tracing::warn!(%asserter, "it does not keep this workload's certificate, which travels inline: {error}");
        } else {
            tracing::debug!(%asserter, "this workload's certificate travels inline: {error}");
        }
    }
}
