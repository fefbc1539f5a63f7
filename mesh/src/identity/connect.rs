//! The first contact with the Workload API, and a clear word on why there was none.

use super::IdentityError;
use spiffe::{WorkloadApiClient, WorkloadApiError, X509Source, transport::Endpoint, x509_source::X509SourceError};
use std::time::Duration;
use tokio::{net::UnixStream, time::timeout};

const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// How long the look for the cause of a failure may take.
const DIAGNOSIS: Duration = Duration::from_secs(1);

/// A source that has its first SVID. Errors that may pass are retried until `wait` is over.
pub(super) async fn source(configured: Option<&str>, wait: Duration) -> Result<X509Source, IdentityError> {
    let endpoint = match configured {
        Some(endpoint) => endpoint.to_owned(),
        None => std::env::var("SPIFFE_ENDPOINT_SOCKET").map_err(|_| IdentityError::NotConfigured)?,
    };
    Endpoint::parse(&endpoint).map_err(|_| IdentityError::Endpoint { endpoint: endpoint.clone() })?;
    let connecting = X509Source::builder()
        .endpoint(&endpoint)
        .initial_sync_timeout(wait)
        .reconnect_backoff(MIN_BACKOFF, MAX_BACKOFF)
        .build();
    match connecting.await {
        Ok(source) => Ok(source),
        Err(X509SourceError::InitialSyncTimeout) => Err(diagnose(endpoint).await),
        Err(X509SourceError::NoSuitableSvid) => Err(IdentityError::Expired),
        Err(other) => Err(IdentityError::Unreachable { endpoint, reason: other.to_string() }),
    }
}

/// Asks once more, to tell a missing agent from a missing registration.
async fn diagnose(endpoint: String) -> IdentityError {
    if let Ok(Endpoint::Unix(path)) = Endpoint::parse(&endpoint)
        && let Err(error) = UnixStream::connect(&path).await
    {
        return IdentityError::Unreachable { endpoint, reason: error.to_string() };
    }
    let asking = async {
        let client = WorkloadApiClient::connect_to(&endpoint).await?;
        client.fetch_x509_context().await
    };
    match timeout(DIAGNOSIS, asking).await {
        Ok(Err(WorkloadApiError::NoIdentityIssued | WorkloadApiError::PermissionDenied(_))) => {
            IdentityError::NotIssued { endpoint }
        }
        Ok(Err(error)) => IdentityError::Unreachable { endpoint, reason: error.to_string() },
        Ok(Ok(_)) => IdentityError::Unreachable { endpoint, reason: "its answer came too late".to_owned() },
        Err(_) => IdentityError::Unreachable { endpoint, reason: "it does not answer".to_owned() },
    }
}
