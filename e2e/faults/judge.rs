//! The judge: what the databases hold against what was acknowledged.

mod books;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::driver::order::{Fate, Order};
use crate::report::Report;
use books::{Holding, Kept, Movement};

pub(crate) use books::Books;

/// The books of the bank, read once.
#[derive(Debug, Default)]
struct Evidence {
    movements: Vec<Movement>,
    kept: Vec<Kept>,
    holdings: Vec<Holding>,
    /// Events by kind and what they tell of.
    told: BTreeMap<(String, String), usize>,
}

/// Judges the target's books: nothing acknowledged is lost, nothing is done twice, no money is made or burnt, and every
/// movement is told of once.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn judge_bank(books: &Books, orders: &[Order], report: &mut Report) -> anyhow::Result<()> {
    let evidence = Evidence {
        movements: books.movements().await?,
        kept: books.kept().await?,
        holdings: books.holdings().await?,
        told: books.told("id").await?,
    };
    let acknowledged = orders.iter().filter(|order| order.fate == Fate::Acknowledged).count();
    let open = orders.iter().filter(|order| order.fate == Fate::Open).count();
    let again = orders.iter().filter(|order| order.sent > 1).count();
    report.figure("orders acknowledged", acknowledged);
    report.figure("orders sent more than once", again);
    report.figure("orders whose fate stayed open", open);
    report.figure("ledger entries", evidence.movements.len());
    evidence.orders(orders, report);
    evidence.effects(report);
    evidence.balances(report);
    evidence.transfers(report);
    evidence.events(report);
    Ok(())
}

/// Judges asserting-wl's books: every mint is told of once, every logout that was acknowledged is kept.
///
/// # Errors
/// The database cannot be read.
pub(crate) async fn judge_asserter(
    books: &Books,
    logouts: &BTreeSet<String>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let (mints, told) = (books.mints().await?, books.told("jti").await?);
    let count = |jti: &str| told.get(&("assertion-minted".to_owned(), jti.to_owned())).copied().unwrap_or(0);
    let untold = mints.iter().filter(|jti| count(jti) != 1).count();
    report.figure("mints remembered", mints.len());
    report.promise("every mint told of exactly once", untold);
    let revoked: BTreeSet<String> = books.revoked_sessions().await?.into_iter().collect();
    report.figure("logouts acknowledged", logouts.len());
    report.promise("no acknowledged logout lost", logouts.difference(&revoked).count());
    Ok(())
}

/// The entry a kept answer names.
fn receipt(kept: &Kept) -> Option<String> {
    let body: Value = serde_json::from_slice(kept.body.as_deref()?).ok()?;
    body.get("id").and_then(Value::as_str).map(str::to_owned)
}

impl Evidence {
    /// What was acknowledged happened once, for that amount; what was refused did not happen.
    fn orders(&self, orders: &[Order], report: &mut Report) {
        let kept: BTreeMap<&str, &Kept> = self.kept.iter().map(|kept| (kept.key.as_str(), kept)).collect();
        let (mut lost, mut wrong, mut done_though_refused) = (0, 0, 0);
        for order in orders.iter().filter(|order| !order.key.is_empty()) {
            let effect = kept.get(order.key.as_str()).filter(|kept| kept.status == Some(201));
            let moved = effect.and_then(|kept| receipt(kept)).and_then(|id| self.moved(&id));
            let amount = i64::try_from(order.minor).unwrap_or(i64::MAX);
            match (&order.fate, moved) {
                (Fate::Acknowledged, None) => lost += 1,
                (Fate::Acknowledged | Fate::Open, Some(minor)) if minor.abs() != amount => wrong += 1,
                (Fate::Refused { .. }, Some(_)) => done_though_refused += 1,
                _ => {}
            }
        }
        report.promise("no acknowledged order lost", lost);
        report.promise("every order for its own amount", wrong);
        report.promise("no refused order carried out", done_though_refused);
    }

    fn moved(&self, id: &str) -> Option<i64> {
        self.movements.iter().find(|movement| movement.id == id).map(|movement| movement.minor)
    }

    /// One answer is kept an effect, and one effect made an answer.
    fn effects(&self, report: &mut Report) {
        let answers: Vec<String> = self.kept.iter().filter_map(receipt).collect();
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for id in &answers {
            *counted.entry(id).or_default() += 1;
        }
        let effects = self.movements.iter().filter(|movement| matches!(&*movement.kind, "deposit" | "transfer-out"));
        let (mut without, mut more) = (0, 0);
        for effect in effects {
            match counted.get(effect.id.as_str()).copied().unwrap_or(0) {
                0 => without += 1,
                1 => {}
                _ => more += 1,
            }
        }
        let missing = answers.iter().filter(|id| self.moved(id).is_none()).count();
        let half = self.kept.iter().filter(|kept| kept.status.is_none()).count();
        report.promise("no movement without its key (nothing doubled)", without + more);
        report.promise("no kept answer without its movement (nothing half-written)", missing + half);
    }

    /// A balance is the sum of its ledger, at every entry, and never below zero.
    fn balances(&self, report: &mut Report) {
        let mut sums: BTreeMap<(&str, &str, &str), i64> = BTreeMap::new();
        let mut broken = 0;
        for movement in &self.movements {
            let sum = sums.entry((&movement.dpa, &movement.dpr, &movement.currency)).or_default();
            *sum = sum.saturating_add(movement.minor);
            if *sum != movement.balance || *sum < 0 {
                broken += 1;
            }
        }
        let held = |holding: &Holding| sums.get(&(&*holding.dpa, &*holding.dpr, &*holding.currency)).copied();
        broken += self.holdings.iter().filter(|holding| held(holding).unwrap_or(0) != holding.balance).count();
        report.promise("every balance the sum of its ledger", broken);
    }

    /// Both sides of a transfer are there and cancel out.
    fn transfers(&self, report: &mut Report) {
        let mut sides: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
        for movement in &self.movements {
            if let Some(transfer) = &movement.transfer {
                let side = sides.entry(transfer).or_default();
                *side = (side.0 + 1, side.1.saturating_add(movement.minor));
            }
        }
        report.figure("transfers", sides.len());
        report.promise("both sides of every transfer", sides.values().filter(|side| **side != (2, 0)).count());
    }

    /// Every effect is in the outbox exactly once, and nothing else is.
    fn events(&self, report: &mut Report) {
        let count = |kind: &str, id: &str| self.told.get(&(kind.to_owned(), id.to_owned())).copied().unwrap_or(0);
        let mut wrong = 0;
        for movement in &self.movements {
            let kind = match &*movement.kind {
                "deposit" => "bank-deposit",
                "transfer-out" => "bank-transfer",
                _ => continue,
            };
            wrong += usize::from(count(kind, &movement.id) != 1);
        }
        let of_money = self.told.keys().filter(|(kind, _)| matches!(&**kind, "bank-deposit" | "bank-transfer"));
        let invented = of_money.filter(|(_, id)| self.moved(id).is_none()).count();
        report.promise("every movement told of exactly once", wrong + invented);
    }
}
