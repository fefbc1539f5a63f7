//! Events, and the outbox that keeps them until they are delivered.

use async_trait::async_trait;
use serde_json::Value;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{Moment, StoreError};

/// Something that happened, told in the transaction that made it happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its identifier, a version 7 UUID of `occurred_at`.
    pub id: Uuid,
    /// The event type's short name: `assertion-minted`, `assertion-rejected`, …
    pub kind: String,
    /// Whom it is about, as an RFC 9493 subject.
    pub subject: Value,
    /// The event type's own members.
    pub payload: Value,
    /// The transaction of the token that caused it.
    pub txn: Option<String>,
    /// When it happened.
    pub occurred_at: Moment,
}

impl Event {
    /// An event of this moment with a fresh identifier.
    #[must_use]
    pub fn new(
        kind: impl Into<String>,
        subject: Value,
        payload: Value,
        txn: Option<String>,
        occurred_at: Moment,
    ) -> Self {
        Self { id: identifier(occurred_at), kind: kind.into(), subject, payload, txn, occurred_at }
    }
}

/// A version 7 UUID (RFC 9562 §5.7) of this moment.
pub(crate) fn identifier(at: Moment) -> Uuid {
    Uuid::new_v7(Timestamp::from_unix(NoContext, at.seconds(), at.subsecond_micros().saturating_mul(1_000)))
}

/// How far the delivery of an event got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventState {
    /// It waits for delivery.
    Pending,
    /// Every receiver has it.
    Delivered,
    /// Delivery was given up.
    Dead,
}

impl EventState {
    /// The state as the database spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }
}

/// An event in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingEvent {
    /// Its place; grows from one that is listed to the next, with gaps.
    pub sequence: i64,
    /// The event.
    pub event: Event,
}

/// Events in an order that never changes: that of the transactions that emitted them.
#[async_trait]
pub trait Outbox: Send {
    /// Adds an event, pending.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] if its identifier is known, [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn emit(&mut self, event: &Event) -> Result<(), StoreError>;

    /// The oldest pending events, at most `limit`, in order.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    async fn pending(&mut self, limit: u32) -> Result<Vec<PendingEvent>, StoreError>;

    /// Moves an event to another state; whether there was one in another state.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn settle(&mut self, sequence: i64, state: EventState) -> Result<bool, StoreError>;

    /// How many events are in this state.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn count(&mut self, state: EventState) -> Result<u64, StoreError>;

    /// Forgets events in this state that happened before `before`; how many.
    ///
    /// # Errors
    /// [`StoreError::ReadOnly`], [`StoreError::Database`].
    async fn purge(&mut self, state: EventState, before: Moment) -> Result<u64, StoreError>;
}
