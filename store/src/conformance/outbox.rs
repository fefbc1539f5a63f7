//! Checks of the outbox.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use super::{NOW, event_about, pending_about, somebody};
use crate::{Event, EventState, Moment, Store, StoreError, retry};

/// An event comes back as it was given, to the microsecond, and leaves the queue when it is settled.
pub async fn check_outbox(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    let first =
        Event { payload: json!({"text": "é \u{0} \"", "n": 9_007_199_254_740_991_u64}), ..event_about(&person) };
    let second = Event { txn: None, occurred_at: Moment(NOW.0 + 1), ..event_about(&person) };
    let mut tx = store.begin().await?;
    tx.emit(&first).await?;
    tx.emit(&second).await?;
    let repeated = tx.emit(&first).await;
    assert!(matches!(repeated, Err(StoreError::Duplicate)), "{repeated:?}");
    tx.commit().await?;

    let pending = pending_about(store, &person).await?;
    assert_eq!(pending.iter().map(|pending| &pending.event).collect::<Vec<_>>(), [&first, &second]);
    let mut tx = store.begin().await?;
    for (pending, state) in pending.iter().zip([EventState::Delivered, EventState::Dead]) {
        let before = tx.outbox().count(state).await?;
        assert!(tx.outbox().settle(pending.sequence, state).await?);
        assert!(!tx.outbox().settle(pending.sequence, state).await?, "it is in this state already");
        assert_eq!(tx.outbox().count(state).await?, before + 1);
    }
    tx.commit().await?;
    assert_eq!(pending_about(store, &person).await?, []);

    let mut tx = store.begin().await?;
    let dead = tx.outbox().count(EventState::Dead).await?;
    assert!(tx.outbox().purge(EventState::Delivered, Moment(NOW.0 + 1)).await? >= 1);
    assert_eq!(tx.outbox().count(EventState::Dead).await?, dead, "another state was purged");
    tx.commit().await
}

/// Events of transactions that overlap come out in one order, those of one transaction together.
pub async fn check_commit_order(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let person = somebody();
    let mut writers = JoinSet::new();
    for writer in 0..20 {
        let (store, person) = (store.clone(), person.clone());
        writers.spawn(async move {
            retry(|| async {
                let mut tx = store.begin().await?;
                for part in 0..3 {
                    let event = Event { payload: json!([writer, part]), ..event_about(&person) };
                    tx.emit(&event).await?;
                    tokio::task::yield_now().await;
                }
                tx.commit().await
            })
            .await
        });
    }
    for done in writers.join_all().await {
        done?;
    }
    let pending = pending_about(&*store, &person).await?;
    assert!(pending.is_sorted_by(|a, b| a.sequence < b.sequence));
    for parts in pending.chunks(3) {
        let writer = parts.first().and_then(|first| first.event.payload.get(0));
        let seen: Vec<_> = parts.iter().map(|part| part.event.payload.clone()).collect();
        assert_eq!(seen, [json!([writer, 0]), json!([writer, 1]), json!([writer, 2])]);
    }
    assert_eq!(pending.len(), 60);
    Ok(())
}
