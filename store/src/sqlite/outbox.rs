//! The outbox in SQLite.

use async_trait::async_trait;
use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteTx;
use crate::{Event, EventState, Moment, Outbox, PendingEvent, StoreError};

#[async_trait]
impl Outbox for SqliteTx {
    async fn emit(&mut self, event: &Event) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO outbox (id, kind, subject, payload, txn, occurred_at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(event.id.to_string())
            .bind(&event.kind)
            .bind(event.subject.to_string())
            .bind(event.payload.to_string())
            .bind(&event.txn)
            .bind(event.occurred_at.0)
            .execute(self.writer()?)
            .await?;
        Ok(())
    }

    async fn pending(&mut self, limit: u32) -> Result<Vec<PendingEvent>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, id, kind, subject, payload, txn, occurred_at FROM outbox
             WHERE state = 'pending' ORDER BY sequence LIMIT ?",
        )
        .bind(limit)
        .fetch_all(self.reader())
        .await?;
        rows.iter().map(pending).collect()
    }

    async fn settle(&mut self, sequence: i64, state: EventState) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE outbox SET state = ?1 WHERE sequence = ?2 AND state <> ?1")
            .bind(state.name())
            .bind(sequence)
            .execute(self.writer()?)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn count(&mut self, state: EventState) -> Result<u64, StoreError> {
        Ok(sqlx::query_scalar("SELECT count(*) FROM outbox WHERE state = ?")
            .bind(state.name())
            .fetch_one(self.reader())
            .await?)
    }

    async fn purge(&mut self, state: EventState, before: Moment) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM outbox WHERE state = ? AND occurred_at < ?")
            .bind(state.name())
            .bind(before.0)
            .execute(self.writer()?)
            .await?;
        Ok(done.rows_affected())
    }
}

fn pending(row: &SqliteRow) -> Result<PendingEvent, StoreError> {
    Ok(PendingEvent {
        sequence: row.try_get("sequence")?,
        event: Event {
            id: row.try_get::<&str, _>("id")?.parse().map_err(|_| StoreError::Corrupt("outbox.id"))?,
            kind: row.try_get("kind")?,
            subject: json(row, "subject")?,
            payload: json(row, "payload")?,
            txn: row.try_get("txn")?,
            occurred_at: Moment(row.try_get("occurred_at")?),
        },
    })
}

fn json(row: &SqliteRow, column: &'static str) -> Result<Value, StoreError> {
    serde_json::from_str(row.try_get(column)?).map_err(|_| StoreError::Corrupt(column))
}
