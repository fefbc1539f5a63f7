//! The life of a key: published as `next`, then `current`, then `retiring`, then forgotten.
//!
//! | state | in `/keys` | signs | ends |
//! |---|---|---|---|
//! | `next` | yes | no | after `publish_before` and [`LAG`], when every verifier has fetched it |
//! | `current` | yes | yes | after `rotate_every`, when its successor's time has come |
//! | `retiring` | yes | only in a replica that has not looked yet | after [`RETIREMENT`], when all it signed has expired |
//!
//! Pure: what is due follows from the records, the schedule and the time. Whichever replica looks first writes it, in one
//! transaction; the store holds at most one `current` and one `next` of a kind.

use store::{KeyRecord, KeyState, Moment};

/// Longest life of a root, seconds (rule 7).
const ROOT_LIFE: u64 = 600;
/// A replica that has not seen the store for this long neither signs nor publishes, seconds.
pub const MAX_AGE: u64 = 30;
/// How late a replica may learn of a change: the age of its view, and as much again for clocks that differ. Seconds.
pub const LAG: u64 = 2 * MAX_AGE;
/// How long a key stays published after its successor began to sign: its last root was made within [`LAG`], and has
/// expired everywhere with the leeway of verifiers. Seconds.
pub const RETIREMENT: u64 = LAG + ROOT_LIFE + 60;

/// When keys follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// How long a key signs, seconds; 0: until somebody asks for another.
    pub rotate_every: u64,
    /// How long a key is published before it signs, seconds.
    pub publish_before: u64,
}

impl Schedule {
    /// How long before its first signature a key is put into the store, seconds.
    #[must_use]
    pub const fn lead(&self) -> u64 {
        self.publish_before.saturating_add(LAG)
    }
}

/// One change of the keys of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// This key has nothing left that it signed.
    Forget(String),
    /// This published key begins to sign; the other one retires.
    Promote {
        /// The `next` key.
        begins: String,
        /// The `current` key, if there is one.
        retires: Option<String>,
    },
    /// A key is missing.
    Make {
        /// `current` only where there is none.
        state: KeyState,
        /// When it signs first.
        not_before: Moment,
    },
}

/// What is due first for the keys of one kind, whose next one is to have this `alg`.
#[must_use]
pub fn due(records: &[KeyRecord], alg: &str, schedule: &Schedule, now: Moment) -> Option<Step> {
    let ended = |record: &&KeyRecord| {
        record.state == KeyState::Retiring && record.retires_at.is_some_and(|retires_at| retires_at <= now)
    };
    if let Some(record) = records.iter().find(ended) {
        return Some(Step::Forget(record.kid.clone()));
    }
    let next = find(records, KeyState::Next);
    match (find(records, KeyState::Current), next) {
        // Nothing signs: better a key too early than none.
        (None, Some(next)) => Some(Step::Promote { begins: next.kid.clone(), retires: None }),
        (None, None) => Some(Step::Make { state: KeyState::Current, not_before: now }),
        (Some(current), Some(next)) if next.not_before <= now => {
            Some(Step::Promote { begins: next.kid.clone(), retires: Some(current.kid.clone()) })
        }
        (Some(_), Some(_)) => None,
        (Some(current), None) => {
            let aged = schedule.rotate_every != 0
                && current.not_before.plus_seconds(schedule.rotate_every) <= now.plus_seconds(schedule.lead());
            let not_before = now.plus_seconds(schedule.lead());
            (aged || current.alg != alg).then_some(Step::Make { state: KeyState::Next, not_before })
        }
    }
}

/// The key in a state of which there is one at most.
#[must_use]
pub fn find(records: &[KeyRecord], state: KeyState) -> Option<&KeyRecord> {
    records.iter().find(|record| record.state == state)
}
