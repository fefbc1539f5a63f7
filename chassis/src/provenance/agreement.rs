//! Whether the asserter makes the proofs that policy asks for.
//!
//! An asserter makes its proofs at mint or at introspection, never both, and says which in its metadata. Where policy asks
//! for the other kind every chain would be refused, so the process says so and is not ready.

use std::time::Duration;

use async_trait::async_trait;
use mesh::{Client, ClientError};
use serde_json::Value;
use spiffe::SpiffeId;
use token::policy::{Proof, Provenance, Verification};
use wire::oauth::{AT_INTROSPECT, AT_MINT, AUTHORIZATION_SERVER};

use crate::process::Process;
use crate::readiness::Guard;

/// What readiness says when policy asks for proofs at introspection.
const NOT_AT_INTROSPECTION: &str = "proofs at introspection, while asserting-wl makes them at mint";
/// What readiness says when policy asks for proofs from mint.
const NOT_AT_MINT: &str = "proofs from mint, while asserting-wl makes them at introspection";

/// How often an asserter that agreed, or did not, is asked again: its settings may change.
const INTERVAL: Duration = Duration::from_mins(1);
/// How often one that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Whoever says when proofs are made.
#[async_trait]
trait Teller: Send + Sync + 'static {
    fn id(&self) -> &SpiffeId;

    /// `introspect`, `mint`, something else, or nothing.
    async fn proofs_at(&self) -> Result<Option<String>, ClientError>;
}

#[async_trait]
impl Teller for Client {
    fn id(&self) -> &SpiffeId {
        self.server()
    }

    async fn proofs_at(&self) -> Result<Option<String>, ClientError> {
        let metadata: Value = self.get_json(AUTHORIZATION_SERVER).await?;
        Ok(metadata.get("dasvid_proofs_at").and_then(Value::as_str).map(str::to_owned))
    }
}

/// Asks the asserter now and then whether it makes what `demanded` asks for.
pub(super) fn watch(asserter: Client, demanded: &Provenance, process: &Process) {
    let following = follow(asserter, demanded.clone(), process.clone(), INTERVAL);
    process.tasks.spawn(process.stop.clone().run_until_cancelled_owned(following));
}

async fn follow(asserter: impl Teller, demanded: Provenance, process: Process, interval: Duration) {
    let mut waiting: Option<(&'static str, Guard)> = None;
    loop {
        let pause = match asserter.proofs_at().await {
            Ok(at) => {
                waiting = judge(asserter.id(), missing(&demanded, at.as_deref()), waiting, &process);
                interval
            }
            Err(_) => RETRY,
        };
        tokio::time::sleep(pause).await;
    }
}

/// What policy asks for and is not made.
fn missing(demanded: &Provenance, at: Option<&str>) -> Option<&'static str> {
    match at {
        Some(AT_MINT) if demanded.verification == Verification::Introspect => Some(NOT_AT_INTROSPECTION),
        Some(AT_INTROSPECT) if demanded.proof == Proof::Embedded => Some(NOT_AT_MINT),
        _ => None,
    }
}

fn judge(
    asserter: &SpiffeId,
    missing: Option<&'static str>,
    waiting: Option<(&'static str, Guard)>,
    process: &Process,
) -> Option<(&'static str, Guard)> {
    match (missing, waiting) {
        (Some(missing), Some((known, guard))) if missing == known => Some((known, guard)),
        (Some(missing), _) => {
            let hint = "its zkp.at and this policy's provenance exclude each other, so every chain would be refused";
            tracing::error!(%asserter, "policy asks for {missing}: {hint}");
            Some((missing, process.ready.guard(missing)))
        }
        (None, Some(_)) => {
            tracing::info!(%asserter, "it makes the proofs that policy asks for");
            None
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::SystemClock;

    struct Saying(Arc<Mutex<Option<&'static str>>>, SpiffeId);

    #[async_trait]
    impl Teller for Saying {
        fn id(&self) -> &SpiffeId {
            &self.1
        }

        async fn proofs_at(&self) -> Result<Option<String>, ClientError> {
            Ok(self.0.lock().unwrap().map(str::to_owned))
        }
    }

    fn demanded(verification: Verification, proof: Proof) -> Provenance {
        Provenance { verification, proof, ..Provenance::default() }
    }

    #[test]
    fn proofs_at_mint_and_proofs_at_introspection_exclude_each_other() {
        let introspect = demanded(Verification::Introspect, Proof::None);
        assert_eq!(missing(&introspect, Some("mint")), Some(NOT_AT_INTROSPECTION));
        assert_eq!(missing(&introspect, Some("introspect")), None);
        let embedded = Provenance { proof: Proof::Embedded, ..Provenance::default() };
        assert_eq!(missing(&embedded, Some("introspect")), Some(NOT_AT_MINT));
        assert_eq!(missing(&embedded, Some("mint")), None);
        for unknown in [None, Some("never")] {
            assert_eq!((missing(&introspect, unknown), missing(&embedded, unknown)), (None, None));
        }
    }

    #[tokio::test]
    async fn a_process_is_not_ready_while_its_asserter_makes_other_proofs() {
        let (process, said) = (Process::new(Arc::new(SystemClock)), Arc::new(Mutex::new(Some("mint"))));
        let asserter = Saying(said.clone(), SpiffeId::new("spiffe://bank.example/asserting-wl").unwrap());
        let (demanded, interval) = (demanded(Verification::Introspect, Proof::None), Duration::from_millis(1));
        tokio::spawn(follow(asserter, demanded, process.clone(), interval));
        while process.ready.is_ready() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(interval * 5).await;
        assert_eq!(process.ready.waiting_for(), [NOT_AT_INTROSPECTION]);
        *said.lock().unwrap() = Some("introspect");
        process.ready.ready().await;
    }
}
