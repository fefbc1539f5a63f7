//! The outbox in PostgreSQL: docs/adr/0006.
//!
//! An event's sequence is made of the identifier of the transaction that emits it, so writers need not take turns to
//! number their events. An event is listed once no transaction with a lower identifier runs any more: then nothing that
//! belongs before it can still appear.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::PostgresTx;
use super::text::{column, kept, optional_column};
use crate::{Event, EventState, Moment, Outbox, PendingEvent, StoreError};

/// How many events one transaction can emit. Identifiers of transactions up to 2^43 fit beside it.
const PLACES: i64 = 1 << 20;

#[async_trait]
impl Outbox for PostgresTx {
    async fn emit(&mut self, event: &Event) -> Result<(), StoreError> {
        let place = Some(self.emitted).filter(|place| *place < PLACES).ok_or(StoreError::Corrupt("outbox.sequence"))?;
        let statement = sqlx::query(
            "INSERT INTO outbox (sequence, id, kind, subject, payload, txn, occurred_at)
             SELECT shifted + (pg_current_xact_id()::text::bigint << 20) + $1, $2, $3, $4, $5, $6, $7 FROM outbox_offset
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(place)
        .bind(event.id)
        .bind(kept(&event.kind))
        .bind(event.subject.to_string())
        .bind(event.payload.to_string())
        .bind(event.txn.as_deref().map(kept))
        .bind(event.occurred_at.0);
        self.write_new(statement).await?;
        self.emitted += 1;
        Ok(())
    }

    async fn pending(&mut self, limit: u32) -> Result<Vec<PendingEvent>, StoreError> {
        let query = sqlx::query(
            "SELECT sequence, id, kind, subject, payload, txn, occurred_at FROM outbox
             WHERE state = 'pending' AND sequence < (
                 SELECT shifted + (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20) FROM outbox_offset
             )
             ORDER BY sequence LIMIT $1",
        )
        .bind(i64::from(limit));
        self.all(query).await?.iter().map(pending).collect()
    }

    async fn settle(&mut self, sequence: i64, state: EventState) -> Result<bool, StoreError> {
        let statement = sqlx::query("UPDATE outbox SET state = $1 WHERE sequence = $2 AND state <> $1")
            .bind(state.name())
            .bind(sequence);
        Ok(self.write(statement).await? == 1)
    }

    async fn count(&mut self, state: EventState) -> Result<u64, StoreError> {
        let query = sqlx::query("SELECT count(*) AS events FROM outbox WHERE state = $1").bind(state.name());
        let row = self.optional(query).await?.ok_or(StoreError::Corrupt("outbox"))?;
        u64::try_from(row.try_get::<i64, _>("events")?).map_err(|_| StoreError::Corrupt("outbox"))
    }

    async fn purge(&mut self, state: EventState, before: Moment) -> Result<u64, StoreError> {
        let statement =
            sqlx::query("DELETE FROM outbox WHERE state = $1 AND occurred_at < $2").bind(state.name()).bind(before.0);
        self.write(statement).await
    }
}

/// Keeps sequences growing in a database that was restored into a cluster whose transactions count from a lower number.
pub(super) async fn mind_restored_clusters(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE outbox_offset SET shifted = last.sequence - (next.xact << 20) + (1 << 20)
         FROM (SELECT max(sequence) AS sequence FROM outbox) AS last,
              (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xact) AS next
         WHERE last.sequence >= shifted + (next.xact << 20)",
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn pending(row: &PgRow) -> Result<PendingEvent, StoreError> {
    Ok(PendingEvent {
        sequence: row.try_get("sequence")?,
        event: Event {
            id: row.try_get("id")?,
            kind: column(row, "kind")?,
            subject: json(row, "subject")?,
            payload: json(row, "payload")?,
            txn: optional_column(row, "txn")?,
            occurred_at: Moment(row.try_get("occurred_at")?),
        },
    })
}

fn json(row: &PgRow, column: &'static str) -> Result<Value, StoreError> {
    serde_json::from_str(row.try_get(column)?).map_err(|_| StoreError::Corrupt(column))
}
