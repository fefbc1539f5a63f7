//! The outbox in memory.

use async_trait::async_trait;

use super::MemoryTx;
use crate::{Event, EventState, Moment, Outbox, PendingEvent, StoreError};

#[async_trait]
impl Outbox for MemoryTx {
    async fn emit(&mut self, event: &Event) -> Result<(), StoreError> {
        let state = self.writer()?;
        if state.outbox.iter().any(|(known, _)| known.event.id == event.id) {
            return Err(StoreError::Duplicate);
        }
        state.sequence += 1;
        let pending = PendingEvent { sequence: state.sequence, event: event.clone() };
        state.outbox.push((pending, EventState::Pending));
        Ok(())
    }

    async fn pending(&mut self, limit: u32) -> Result<Vec<PendingEvent>, StoreError> {
        let pending = self.state.outbox.iter().filter(|(_, state)| *state == EventState::Pending);
        Ok(pending.take(limit as usize).map(|(event, _)| event.clone()).collect())
    }

    async fn settle(&mut self, sequence: i64, state: EventState) -> Result<bool, StoreError> {
        let outbox = &mut self.writer()?.outbox;
        let event = outbox.iter_mut().find(|(event, old)| event.sequence == sequence && *old != state);
        Ok(event.map(|(_, old)| *old = state).is_some())
    }

    async fn count(&mut self, state: EventState) -> Result<u64, StoreError> {
        Ok(self.state.outbox.iter().filter(|(_, other)| *other == state).count() as u64)
    }

    async fn purge(&mut self, state: EventState, before: Moment) -> Result<u64, StoreError> {
        let outbox = &mut self.writer()?.outbox;
        let length = outbox.len();
        outbox.retain(|(pending, other)| *other != state || pending.event.occurred_at >= before);
        Ok((length - outbox.len()) as u64)
    }
}
