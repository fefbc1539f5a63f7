//! The whole life of keys on two replicas that look at different times and whose clocks differ.

use std::collections::{BTreeMap, HashMap};

use super::*;

/// How long a verifier believes keys without fetching them, seconds.
const VERIFIER: u64 = 300;
/// Longest life of a root and the leeway after it, seconds.
const ROOT: u64 = 600 + 5;

/// A replica that looks at the store every `every` seconds with a clock that is `ahead`.
struct Replica {
    keyring: Keyring,
    every: u64,
    ahead: i64,
}

impl Replica {
    fn clock(&self, second: u64) -> Moment {
        Moment(NOW.plus_seconds(second).0 + self.ahead * 1_000_000)
    }
}

/// What was seen of the keys of one kind.
#[derive(Default)]
struct Watch {
    /// Since when every replica publishes a key.
    published: HashMap<String, u64>,
    /// When each key signed last.
    signed: BTreeMap<String, u64>,
    /// How many keys have signed.
    order: Vec<String>,
}

impl Watch {
    /// Notes what every replica publishes; what has signed something that lives must be there.
    fn publish(&mut self, second: u64, sets: &[Vec<String>]) {
        let (first, rest) = sets.split_first().unwrap();
        let everywhere = |kid: &&String| rest.iter().all(|set| set.contains(kid));
        for kid in first.iter().filter(everywhere) {
            self.published.entry(kid.clone()).or_insert(second);
        }
        for (kid, last) in &self.signed {
            let lives = second <= last + ROOT;
            assert!(
                !lives || sets.iter().all(|set| set.contains(kid)),
                "{kid} is gone {} s early",
                last + ROOT - second
            );
        }
    }

    /// Notes a signature; its key must have been published everywhere for ten minutes, unless it is the first of all.
    fn sign(&mut self, second: u64, kid: String) {
        let since = self.published.get(&kid).copied().unwrap_or(second);
        if !self.order.contains(&kid) {
            self.order.push(kid.clone());
        }
        let is_first = self.order.first() == Some(&kid);
        assert!(is_first || second - since >= 600, "{kid} signs {} s after it was published", second - since);
        assert!(is_first || second - since >= VERIFIER, "a verifier may not have it");
        self.signed.insert(kid, second);
    }
}

async fn live(replicas: &[Replica], seconds: u64) -> [Watch; 2] {
    let mut watches = [Watch::default(), Watch::default()];
    for second in 0..seconds {
        for replica in replicas {
            if second % replica.every == 0 {
                replica.keyring.tend(replica.clock(second)).await.unwrap();
            }
        }
        for (kind, watch) in Kind::ALL.into_iter().zip(&mut watches) {
            let mut sets = Vec::new();
            for replica in replicas {
                // What it shows while the store is away, which is older than what it shows otherwise.
                let shown: Vec<_> = kids(&replica.keyring.published(None)).into_iter().map(str::to_owned).collect();
                sets.push(shown);
            }
            watch.publish(second, &sets);
            for replica in replicas {
                watch.sign(second, signs(&replica.keyring, kind, replica.clock(second)).await);
            }
        }
    }
    watches
}

async fn pair(ahead: i64) -> (Arc<dyn Store>, [Replica; 2]) {
    let store = memory().await;
    let quick = Replica { keyring: open(&store).await, every: 2, ahead: 0 };
    let slow = Replica { keyring: open(&store).await, every: 27, ahead };
    (store, [quick, slow])
}

#[tokio::test]
async fn no_replica_signs_with_a_key_that_was_not_published_everywhere_for_ten_minutes() {
    for ahead in [0, 29, -29] {
        let (store, replicas) = pair(ahead).await;
        let watches = live(&replicas, 3 * 3600 + 900).await;
        for watch in &watches {
            assert_eq!(watch.order.len(), 4, "one an hour");
        }
        let left = stored(&*store).await;
        assert!(left.len() <= 6, "what has nothing left is forgotten: {left:?}");
    }
}

#[tokio::test]
async fn another_algorithm_is_published_first_and_the_old_one_until_it_is_not_needed() {
    let store = memory().await;
    let old = open(&store).await;
    let before = signs(&old, Kind::Jose, NOW).await;
    let new = open_with(&store, 1, Algorithm::Ed25519).await.unwrap();
    assert_eq!(signs(&new, Kind::Jose, NOW).await, before);
    assert_eq!(old.jwks(Some("Ed25519"), NOW).await.unwrap().keys.len(), 1, "the other replica shows it too");
    let begins = NOW.plus_seconds(SCHEDULE.lead());
    new.tend(Moment(begins.0 - 1)).await.unwrap();
    assert_eq!(signs(&new, Kind::Jose, begins).await, before);
    new.tend(begins).await.unwrap();
    let after = signs(&new, Kind::Jose, begins).await;
    assert_eq!(new.jwks(Some("Ed25519"), begins).await.unwrap().keys[0].kid, Some(after));
    let ends = begins.plus_seconds(life::RETIREMENT);
    new.tend(Moment(ends.0 - 1)).await.unwrap();
    assert_eq!(kids(&new.published(Some("ES256"))), [before.as_str()]);
    new.tend(ends).await.unwrap();
    assert_eq!(kids(&new.published(Some("ES256"))), [""; 0]);
}

#[tokio::test]
async fn without_a_schedule_keys_stay() {
    let store = memory().await;
    let forever = Schedule { rotate_every: 0, ..SCHEDULE };
    let keyring = Keyring::open(Arc::clone(&store), sealed(1), Algorithm::Es256, forever, NOW).await.unwrap();
    let before = stored(&*store).await;
    keyring.tend(NOW.plus_seconds(10 * 365 * 24 * 3600)).await.unwrap();
    assert_eq!(stored(&*store).await, before);
}

#[tokio::test]
async fn after_a_long_time_away_a_key_still_waits_its_ten_minutes() {
    let store = memory().await;
    let keyring = open(&store).await;
    let before = signs(&keyring, Kind::Jose, NOW).await;
    let back = NOW.plus_seconds(30 * 24 * 3600);
    keyring.tend(back).await.unwrap();
    assert_eq!(signs(&keyring, Kind::Jose, back).await, before);
    let begins = back.plus_seconds(SCHEDULE.lead());
    keyring.tend(begins).await.unwrap();
    assert_ne!(signs(&keyring, Kind::Jose, begins).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_replicas_that_act_at_once_rotate_once() {
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL where the environment names one, a SQLite file otherwise.
    let scratch = store::conformance::Scratch::shared(folder.path()).await.unwrap();
    let url = scratch.url().to_owned();
    let mut replicas = Vec::new();
    for _ in 0..4 {
        replicas.push(Arc::new(open(&store::open(&url).await.unwrap()).await));
    }
    let due = NOW.plus_seconds(3600);
    let mut acting = JoinSet::new();
    for replica in &replicas {
        let replica = Arc::clone(replica);
        acting.spawn(async move { replica.tend(due).await });
    }
    for outcome in acting.join_all().await {
        assert!(
            matches!(outcome, Ok(()) | Err(KeyringError::Store(StoreError::Duplicate | StoreError::Conflict))),
            "{outcome:?}"
        );
    }
    let store = store::open(&url).await.unwrap();
    let states: Vec<_> = stored(&*store).await.iter().map(|key| key.state).collect();
    assert_eq!(states, [KeyState::Current, KeyState::Next, KeyState::Current, KeyState::Next]);
}
