//! This process's SPIFFE identity, and readiness that follows it.

use std::time::Duration;

use mesh::{Identity, IdentityError};
use prometheus_client::metrics::gauge::Gauge;

use crate::config::IdentitySettings;
use crate::process::Process;
use crate::readiness::Guard;

/// What readiness calls the wait for an SVID.
const WAITING: &str = "identity";

/// How often the SVID is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Connects to the Workload API and waits for the first SVID. From then on the process is not ready while it has no
/// SVID that is valid now.
///
/// # Errors
/// No SVID came within `settings.wait`.
pub async fn connect(settings: &IdentitySettings, process: &Process) -> Result<Identity, IdentityError> {
    let _waiting = process.ready.guard(WAITING);
    let identity = Identity::connect(settings.socket.as_deref(), settings.wait.0).await?;
    let watching = watch(
        {
            let identity = identity.clone();
            move || identity.is_usable()
        },
        process.clone(),
    );
    process.tasks.spawn(process.stop.clone().run_until_cancelled_owned(watching));
    measure(&identity, process);
    Ok(identity)
}

/// Shows how long the SVID still lives, and how long it does in all.
fn measure(identity: &Identity, process: &Process) {
    let (metrics, clock) = (&process.metrics, process.clock.clone());
    let left = "Seconds until this process's SVID expires; 0 when it has none that is valid";
    let left: Gauge = metrics.register("svid_expiry_seconds", left, Gauge::default());
    let whole = "How long this process's SVID lives in all; 0 when it has none";
    let whole: Gauge = metrics.register("svid_life_seconds", whole, Gauge::default());
    let identity = identity.clone();
    metrics.before_each_scrape(move || {
        let (begins, ends) = identity.life().unwrap_or_default();
        left.set(i64::try_from(ends.since(clock.now())).unwrap_or(i64::MAX));
        whole.set(i64::try_from(ends.since(begins)).unwrap_or(i64::MAX));
    });
}

/// Holds the process unready whenever `is_usable` says no.
async fn watch(is_usable: impl Fn() -> bool + Send + 'static, process: Process) {
    let mut waiting: Option<Guard> = None;
    loop {
        match (is_usable(), waiting.is_some()) {
            (false, false) => {
                tracing::error!("this process has no valid SVID");
                waiting = Some(process.ready.guard(WAITING));
            }
            (true, true) => {
                tracing::info!("this process has a valid SVID again");
                waiting = None;
            }
            _ => {}
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::SystemClock;

    #[tokio::test]
    async fn a_process_without_a_valid_svid_is_not_ready() {
        let process = Process::new(Arc::new(SystemClock));
        let usable = Arc::new(AtomicBool::new(false));
        let seen = usable.clone();
        tokio::spawn(watch(move || seen.load(Ordering::SeqCst), process.clone()));
        while process.ready.is_ready() {
            tokio::task::yield_now().await;
        }
        assert_eq!(process.ready.waiting_for(), [WAITING]);
        usable.store(true, Ordering::SeqCst);
        process.ready.ready().await;
    }

    #[tokio::test]
    async fn a_workload_api_that_is_not_there_is_an_error_and_leaves_no_guard() {
        let process = Process::new(Arc::new(SystemClock));
        let settings = IdentitySettings {
            socket: Some("unix:/nonexistent/agent.sock".into()),
            wait: crate::config::Period(Duration::from_millis(50)),
        };
        mesh::install_crypto();
        assert!(connect(&settings, &process).await.is_err());
        assert!(process.ready.is_ready());
    }
}
