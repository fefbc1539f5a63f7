//! What is recorded as revoked, and who follows it.

use super::*;

const NOW: Timestamp = Timestamp(1_700_000_000);

fn session(sid: &str) -> Revoked {
    Revoked {
        key: RevocationKey::Session { dpa: "https://idp.example".into(), sid: sid.into() },
        not_after_iat: None,
        cause: Cause::Logout,
        source: ("https://idp.example".into(), "j1".into()),
        txn: None,
    }
}

async fn record(store: &dyn Store, revoked: &Revoked) -> bool {
    let mut tx = store.begin().await.unwrap();
    let changed = revoked.record(&mut *tx, NOW).await.unwrap();
    tx.commit().await.unwrap();
    changed
}

fn me() -> spiffe::SpiffeId {
    spiffe::SpiffeId::new("spiffe://bank.example/asserting-wl").unwrap()
}

#[tokio::test]
async fn a_ledger_knows_what_was_recorded_before_it_was_opened_and_after() {
    let store = store::open("memory:").await.unwrap();
    for number in 0..5 {
        assert!(record(&*store, &session(&format!("s{number}"))).await);
    }
    let ledger = Ledger::open(&*store, &me(), NOW).await.unwrap();
    assert_eq!(ledger.len(), 5);
    assert!(record(&*store, &session("late")).await);
    assert_eq!(ledger.len(), 5);
    ledger.look(&*store, NOW).await.unwrap();
    assert_eq!(ledger.len(), 6);
}

#[tokio::test]
async fn a_ledger_reads_more_than_a_page() {
    let store = store::open("memory:").await.unwrap();
    let mut tx = store.begin().await.unwrap();
    for number in 0..=PAGE {
        session(&format!("s{number}")).record(&mut *tx, NOW).await.unwrap();
    }
    tx.commit().await.unwrap();
    let ledger = Ledger::open(&*store, &me(), NOW).await.unwrap();
    assert_eq!(ledger.len(), PAGE as usize + 1);
}

#[tokio::test]
async fn a_second_report_of_the_same_logout_is_no_second_event() {
    let store = store::open("memory:").await.unwrap();
    assert!(record(&*store, &session("s")).await);
    assert!(!record(&*store, &session("s")).await);
    let events = store.read().await.unwrap().pending_events(9).await.unwrap();
    let [told] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((told.event.kind.as_str(), &told.event.payload["scope"]), ("assertion-revoked", &"session".into()));
    assert_eq!(told.event.payload["cause"], serde_json::json!({"iss": "https://idp.example", "jti": "j1"}));
}

#[tokio::test]
async fn the_list_goes_on_after_a_version_a_page_at_a_time() {
    let store = store::open("memory:").await.unwrap();
    let empty = list::read(&*store, &me(), 0, NOW).await.unwrap();
    assert_eq!((empty.version, empty.complete, empty.records.len()), (0, true, 0));
    let mut tx = store.begin().await.unwrap();
    for number in 0..1001 {
        session(&format!("s{number}")).record(&mut *tx, NOW).await.unwrap();
    }
    tx.commit().await.unwrap();
    let first = list::read(&*store, &me(), 0, NOW).await.unwrap();
    assert_eq!((first.version, first.complete, first.records.len()), (1000, false, 1000));
    let second = list::read(&*store, &me(), first.version, NOW).await.unwrap();
    assert_eq!((second.version, second.complete, second.records.len()), (1001, true, 1));
    assert_eq!(second.records[0].expires, NOW.0 + 660, "no root lives longer");
    let later = list::read(&*store, &me(), 0, NOW.plus(660)).await.unwrap();
    assert_eq!((later.version, later.records.len()), (1000, 0), "verifiers need it no longer");
}

#[test]
fn a_query_of_the_list_is_one_version() {
    assert_eq!(list::wanted(None).unwrap(), 0);
    assert_eq!(list::wanted(Some("after=17")).unwrap(), 17);
    for query in
        ["", "after", "after=", "after=-1", "after=x", "after=1&after=2", "token=a.b.c", "after=99999999999999999999"]
    {
        assert!(matches!(list::wanted(Some(query)), Err(list::ListError::Query)), "{query}");
    }
}
