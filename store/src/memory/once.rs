//! Rule 12 in memory.

use async_trait::async_trait;

use super::MemoryTx;
use crate::{Moment, Once, OnceKey, OnceOutcome, Person, StoreError, StoredResponse};

/// Person, route and idempotency key.
pub(super) type SpentKey = (Person, String, String);

/// What a key was used for.
#[derive(Debug, Clone)]
pub(super) struct Spent {
    body_digest: [u8; 32],
    response: Option<StoredResponse>,
    expires: Moment,
}

fn spent_key(key: &OnceKey) -> SpentKey {
    (key.person.clone(), key.route.clone(), key.key.clone())
}

#[async_trait]
impl Once for MemoryTx {
    async fn insert(&mut self, key: &OnceKey, expires: Moment) -> Result<OnceOutcome, StoreError> {
        let state = self.writer()?;
        let spent_key = spent_key(key);
        let link = state.spent_links.get(&key.first_id).map(|(spent_on, _)| *spent_on == spent_key);
        let outcome = match (link, state.spent_keys.get(&spent_key)) {
            (Some(false), _) | (Some(true), None) => return Ok(OnceOutcome::Replay),
            (None, None) => OnceOutcome::Fresh,
            (_, Some(spent)) if spent.body_digest != key.body_digest => return Ok(OnceOutcome::KeyReused),
            (_, Some(spent)) => {
                let response = spent.response.clone().ok_or(StoreError::Corrupt("once_keys.status"))?;
                OnceOutcome::Same(response)
            }
        };
        let entry = state.spent_keys.entry(spent_key.clone()).or_insert(Spent {
            body_digest: key.body_digest,
            response: None,
            expires,
        });
        entry.expires = entry.expires.max(expires);
        let link = state.spent_links.entry(key.first_id.clone()).or_insert((spent_key, expires));
        link.1 = link.1.max(expires);
        if outcome == OnceOutcome::Fresh {
            self.unanswered.push(key.clone());
        }
        Ok(outcome)
    }

    async fn complete(&mut self, key: &OnceKey, response: &StoredResponse) -> Result<(), StoreError> {
        let made = self.unanswered.iter().position(|made| made == key);
        let no_entry = || StoreError::NoEntry(key.route.clone());
        let spent = self.writer()?.spent_keys.get_mut(&spent_key(key)).ok_or_else(no_entry)?;
        let made = made.ok_or_else(no_entry)?;
        spent.response = Some(response.clone());
        self.unanswered.swap_remove(made);
        Ok(())
    }

    async fn purge(&mut self, now: Moment) -> Result<u64, StoreError> {
        let state = self.writer()?;
        state.spent_links.retain(|_, (_, expires)| *expires >= now);
        let before = state.spent_keys.len();
        state.spent_keys.retain(|_, spent| spent.expires >= now);
        Ok((before - state.spent_keys.len()) as u64)
    }
}
