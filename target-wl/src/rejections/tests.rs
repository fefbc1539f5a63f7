//! Floods, and what events tell.

use super::*;
use crate::fixture::id;

fn root(n: u32) -> Root {
    Root { iss: id("asserting-wl"), jti: format!("j{n}"), txn: "t".into(), dpa: "i".into(), dpr: "alice".into() }
}

async fn flushed(rejections: &Rejections) -> Vec<Event> {
    let store = store::open("memory:").await.unwrap();
    rejections.flush(&*store, Moment(5)).await.unwrap();
    rejections.flush(&*store, Moment(6)).await.unwrap();
    let pending = store.read().await.unwrap().pending_events(1_000).await.unwrap();
    pending.into_iter().map(|pending| pending.event).collect()
}

#[tokio::test]
async fn a_thousand_refusals_are_one_event() {
    let rejections = Rejections::new(id("target-wl"));
    for second in 0..1_000 {
        rejections.note(Rule::Time, Some(2), &id("middle-tier-2"), Some(&root(1)), Timestamp(100 + second));
    }
    let events = flushed(&rejections).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].kind.as_str(), events[0].txn.as_deref(), events[0].occurred_at),
        (REJECTED, Some("t"), Moment(5))
    );
    assert_eq!(
        events[0].payload,
        json!({
            "rule": "time", "segment": 2, "verifier": "spiffe://bank.example/target-wl",
            "peer": "spiffe://bank.example/middle-tier-2", "count": 1_000, "first_seen": 100, "last_seen": 1_099,
        })
    );
    assert_eq!(
        events[0].subject,
        json!({"format": "jwt_id", "iss": "spiffe://bank.example/asserting-wl", "jti": "j1"})
    );
}

#[tokio::test]
async fn a_flood_of_tokens_is_bounded_and_counted() {
    let rejections = Rejections::new(id("target-wl"));
    for n in 0..10_000 {
        rejections.note(Rule::Authority, None, &id("middle-tier-2"), Some(&root(n)), Timestamp(100));
    }
    let events = flushed(&rejections).await;
    assert_eq!(events.len(), MAX_TALLIES + 1);
    assert_eq!(events.iter().map(|event| event.payload["count"].as_u64().unwrap()).sum::<u64>(), 10_000);
}

#[tokio::test]
async fn a_token_that_is_not_genuine_is_not_named() {
    let rejections = Rejections::new(id("target-wl"));
    rejections.note(Rule::Signatures, Some(0), &id("middle-tier-2"), None, Timestamp(100));
    let events = flushed(&rejections).await;
    assert_eq!(events[0].subject, json!({"format": "uri", "uri": "spiffe://bank.example/middle-tier-2"}));
    assert_eq!(events[0].txn, None);
}

#[tokio::test]
async fn a_chain_used_twice_is_a_replay() {
    let rejections = Rejections::new(id("target-wl"));
    rejections.note(Rule::Once, None, &id("middle-tier-2"), Some(&root(1)), Timestamp(100));
    assert_eq!(flushed(&rejections).await[0].kind, REPLAYED);
}
