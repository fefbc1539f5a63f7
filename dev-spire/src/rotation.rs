//! Rotation in the background: SVIDs at half their life, the CA at half of its own.

use crate::registry::Registry;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

/// Rotates until `stop`.
pub(crate) async fn run(registry: Arc<Registry>, stop: CancellationToken) {
    let settings = registry.settings();
    let mut svids = every(settings.x509_ttl / 2);
    let mut cas = every(settings.ca_ttl / 2);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = cas.tick() => rotate_ca(&registry).await,
            _ = svids.tick() => rotate(&registry).await,
        }
    }
}

/// A new CA is in every bundle for a while before it issues, so that no peer meets an unknown one.
async fn rotate_ca(registry: &Arc<Registry>) {
    if let Err(error) = registry.prepare_ca() {
        tracing::error!(%error, "dev-spire could not make a new CA");
        return;
    }
    tokio::time::sleep(registry.settings().overlap).await;
    if let Err(error) = registry.activate_ca() {
        tracing::error!(%error, "dev-spire could not issue from its new CA");
    }
}

/// On a thread of its own: RSA keys take their time.
async fn rotate(registry: &Arc<Registry>) {
    let registry = registry.clone();
    match tokio::task::spawn_blocking(move || registry.reissue()).await {
        Ok(Ok(())) => tracing::debug!("dev-spire rotated every SVID"),
        Ok(Err(error)) => tracing::error!(%error, "dev-spire could not rotate"),
        Err(error) => tracing::error!(%error, "dev-spire could not rotate"),
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let period = period.max(Duration::from_millis(50));
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
