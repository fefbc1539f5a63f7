//! What happens once a minute: forgetting mints, revocations and certificates that have ended.

use std::sync::Arc;
use std::time::Duration;

use chassis::Clock;
use store::{Moment, Store, StoreError, retry};
use tokio_util::sync::CancellationToken;

/// How often.
const INTERVAL: Duration = Duration::from_mins(1);

/// Runs until `stop` is cancelled.
pub(crate) async fn run(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    while tokio::time::timeout(INTERVAL, stop.cancelled()).await.is_err() {
        match retry(|| forget_ended(&*store, Moment::from_seconds(clock.now().0))).await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "forgot what has ended"),
            Err(error) => tracing::warn!(%error, "what has ended was not forgotten"),
        }
    }
}

async fn forget_ended(store: &dyn Store, now: Moment) -> Result<u64, StoreError> {
    let mut tx = store.begin().await?;
    let count =
        tx.mints().purge(now).await? + tx.revocations().purge(now).await? + tx.certificates().purge(now).await?;
    tx.commit().await?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use store::{MintRecord, Person};

    use super::*;

    fn mint(jti: &str, exp: u64) -> MintRecord {
        MintRecord {
            jti: jti.into(),
            txn: "t".into(),
            mode: "plain".into(),
            sub: "spiffe://bank.example/subject-wl".into(),
            person: Person::new("https://idp.example", "alice"),
            sid: None,
            aud: vec!["spiffe://bank.example/target-wl".into()],
            iat: Moment::from_seconds(exp - 120),
            exp: Moment::from_seconds(exp),
            commitment: None,
            digest: [0; 32],
            sealed_oauth: None,
        }
    }

    #[tokio::test]
    async fn forgets_only_mints_that_have_ended() {
        let store = store::open("memory:").await.unwrap();
        let mut tx = store.begin().await.unwrap();
        tx.mints().record(&mint("ended", 1000)).await.unwrap();
        tx.mints().record(&mint("alive", 2000)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(forget_ended(&*store, Moment::from_seconds(1500)).await.unwrap(), 1);
        let mut tx = store.read().await.unwrap();
        assert!(tx.mints().find("ended").await.unwrap().is_none());
        assert!(tx.mints().find("alive").await.unwrap().is_some());
    }
}
