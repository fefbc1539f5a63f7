//! Turns of those who are about to change the same thing: advisory locks.
//!
//! A serialisable transaction that waits for another's row has lost already, for its snapshot is older than what the other
//! commits. So who knows beforehand what it will change waits before it begins. These locks belong to the session,
//! because the first statement of a transaction fixes its snapshot; they end with the transaction all the same.

use aws_lc_rs::digest::{Context, SHA256};

use super::PostgresTx;
use crate::{Person, StoreError, Turn};

impl PostgresTx {
    /// Waits for these turns; in one order for everybody, so that nobody waits in a circle.
    pub(super) async fn wait_for(&mut self, turns: &[Turn<'_>]) -> Result<(), StoreError> {
        let mut locks = Vec::with_capacity(turns.len());
        for turn in turns {
            locks.extend(self.lock(*turn).await?);
        }
        locks.sort_unstable();
        locks.dedup();
        for lock in locks {
            self.holds_turns = true;
            // Databases in other schemas have turns of their own.
            let query = sqlx::query("SELECT pg_advisory_lock($1 # hashtextextended(current_schema(), 0))");
            self.optional(query.bind(lock)).await?;
        }
        Ok(())
    }

    /// The number of a lock; two that share one by chance wait for each other and do no harm.
    async fn lock(&mut self, turn: Turn<'_>) -> Result<Option<i64>, StoreError> {
        Ok(match turn {
            Turn::Person(person) => Some(of_person(person)),
            Turn::Account(number) => self.holder(number).await?.as_ref().map(of_person),
            Turn::Revocations => Some(number(&["revocations"])),
        })
    }
}

fn of_person(person: &Person) -> i64 {
    number(&["person", &person.dpa, &person.dpr])
}

fn number(parts: &[&str]) -> i64 {
    let mut hash = Context::new(&SHA256);
    for part in parts {
        hash.update(&part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().as_ref().first_chunk().copied().map_or(0, i64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_who_concatenate_alike_have_turns_of_their_own() {
        let (a, b) = (Person::new("https://idp.example/a", "b"), Person::new("https://idp.example/", "ab"));
        assert_ne!(of_person(&a), of_person(&b));
    }
}
