//! Checks of account numbers, transfers and paging.

use std::sync::Arc;

use tokio::task::JoinSet;
use uuid::Uuid;
use wire::bank::AccountNumber;

use super::{NOW, deposit_entry, somebody};
use crate::{Entry, Person, Store, StoreError, Transfer, TransferOutcome, Turn, retry};

/// Somebody who holds so much in USD, and their number.
async fn holder(store: &dyn Store, minor: i64) -> Result<(Person, AccountNumber), StoreError> {
    let person = somebody();
    let mut tx = store.begin().await?;
    tx.accounts().open(&person, "USD", NOW).await?;
    if minor > 0 {
        tx.accounts().deposit(&person, "USD", minor, &deposit_entry()).await?;
    }
    let number = tx.accounts().number(&person).await?.ok_or(StoreError::Corrupt("account_numbers"))?;
    tx.commit().await?;
    Ok((person, number))
}

fn order(from: &Person, to: AccountNumber, minor: i64) -> Transfer {
    let entry = |kind: &str| Entry::new(kind, Some("txn".into()), NOW);
    Transfer {
        from: from.clone(),
        to,
        currency: "USD".into(),
        minor,
        note: Some("for lunch".into()),
        sent: entry("transfer-out"),
        received: entry("transfer-in"),
    }
}

async fn transfer(store: &dyn Store, transfer: &Transfer) -> Result<TransferOutcome, StoreError> {
    retry(|| async {
        let mut tx = store.begin_for(&[Turn::Person(&transfer.from), Turn::Account(transfer.to)]).await?;
        let outcome = tx.accounts().transfer(transfer).await?;
        tx.commit().await?;
        Ok(outcome)
    })
    .await
}

async fn holds(store: &dyn Store, person: &Person) -> Result<i64, StoreError> {
    Ok(store.read().await?.accounts().balance(person, "USD").await?.unwrap_or(0))
}

/// A person has one number from their first account on, whatever the currency, and nobody else has it.
pub async fn check_numbers(store: &dyn Store) -> Result<(), StoreError> {
    let (alice, number) = holder(store, 0).await?;
    let (_, other) = holder(store, 0).await?;
    assert_ne!(number, other);
    let mut tx = store.begin().await?;
    tx.accounts().deposit(&alice, "EUR", 1, &deposit_entry()).await?;
    assert_eq!(tx.accounts().number(&alice).await?, Some(number), "another currency changes nothing");
    tx.commit().await?;
    assert_eq!(store.read().await?.accounts().number(&alice).await?, Some(number));
    assert_eq!(store.read().await?.accounts().number(&somebody()).await?, None);
    let dropped = somebody();
    let mut tx = store.begin().await?;
    tx.accounts().open(&dropped, "USD", NOW).await?;
    drop(tx);
    assert_eq!(store.read().await?.accounts().number(&dropped).await?, None, "dropped, but the number stayed");
    Ok(())
}

/// A transfer moves money and is in both ledgers, each naming the other side; nothing of a dropped one stays.
pub async fn check_transfers(store: &dyn Store) -> Result<(), StoreError> {
    let ((alice, alices), (bob, bobs)) = (holder(store, 10).await?, holder(store, 1).await?);
    let order = order(&alice, bobs, 10);
    let mut tx = store.begin().await?;
    let moved = TransferOutcome::Done { sender: 0, recipient: 11 };
    assert_eq!(tx.accounts().transfer(&order).await?, moved);
    drop(tx);
    assert_eq!((holds(store, &alice).await?, holds(store, &bob).await?), (10, 1), "dropped, but money moved");
    assert_eq!(transfer(store, &order).await?, moved);
    for (person, entry, minor, balance, counterparty) in
        [(&alice, &order.sent, -10, 0, bobs), (&bob, &order.received, 10, 11, alices)]
    {
        let ledger = store.read().await?.accounts().ledger(person, 1).await?;
        let row = ledger.first().ok_or(StoreError::Corrupt("ledger"))?;
        let side = row.transfer.as_ref().ok_or(StoreError::Corrupt("ledger.transfer"))?;
        assert_eq!((&row.entry, row.minor, row.balance, row.currency.as_str()), (entry, minor, balance, "USD"));
        assert_eq!(
            (side.id, side.counterparty, side.note.as_deref()),
            (order.sent.id, counterparty, Some("for lunch"))
        );
        assert_eq!(holds(store, person).await?, balance);
    }
    Ok(())
}

/// What cannot be transferred changes nothing, and each refusal has its own outcome.
pub async fn check_refused_transfers(store: &dyn Store) -> Result<(), StoreError> {
    let ((alice, alices), (bob, bobs)) = (holder(store, 10).await?, holder(store, i64::MAX - 5).await?);
    let euros = Transfer { currency: "EUR".into(), ..order(&alice, bobs, 1) };
    assert_eq!(transfer(store, &euros).await?, TransferOutcome::NoAccount);
    let mut tx = store.begin().await?;
    tx.accounts().deposit(&alice, "EUR", 1, &deposit_entry()).await?;
    tx.commit().await?;
    assert_eq!(transfer(store, &euros).await?, TransferOutcome::NoRecipient, "bob has no euros");
    let unknown = (0..3).map(AccountNumber::of).find(|number| ![alices, bobs].contains(number));
    let unknown = order(&alice, unknown.ok_or(StoreError::Corrupt("account_numbers"))?, 1);
    assert_eq!(transfer(store, &unknown).await?, TransferOutcome::NoRecipient);
    assert_eq!(transfer(store, &order(&alice, alices, 1)).await?, TransferOutcome::ToOneself);
    assert_eq!(transfer(store, &order(&alice, bobs, 11)).await?, TransferOutcome::Overdrawn);
    assert_eq!(transfer(store, &order(&somebody(), bobs, 1)).await?, TransferOutcome::NoAccount);
    for minor in [0, -1, i64::MIN, 6] {
        let refused = transfer(store, &order(&alice, bobs, minor)).await;
        assert!(matches!(refused, Err(StoreError::Overflow)), "{minor}: {refused:?}");
    }
    let mut known = order(&bob, alices, 1);
    assert!(matches!(transfer(store, &known).await?, TransferOutcome::Done { .. }));
    known.received = deposit_entry();
    let repeated = transfer(store, &known).await;
    assert!(matches!(repeated, Err(StoreError::Duplicate)), "{repeated:?}");
    let refused = store.read().await?.accounts().transfer(&order(&alice, bobs, 1)).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    assert_eq!((holds(store, &alice).await?, holds(store, &bob).await?), (11, i64::MAX - 6));
    Ok(())
}

/// A ledger read page by page has every entry once, in order, whatever is booked meanwhile.
pub async fn check_pages(store: &dyn Store) -> Result<(), StoreError> {
    let ((alice, _), (bob, bobs)) = (holder(store, 100).await?, holder(store, 0).await?);
    for minor in 1..=5 {
        transfer(store, &order(&alice, bobs, minor)).await?;
    }
    let mut page = store.read().await?.accounts().ledger(&alice, 2).await?;
    let mut seen = Vec::new();
    while let Some(last) = page.last() {
        seen.extend(page.iter().map(|row| row.minor));
        transfer(store, &order(&alice, bobs, 10)).await?;
        let older = store.read().await?.accounts().ledger_before(&alice, last.entry.id, 2).await?;
        page = older.ok_or(StoreError::Corrupt("ledger"))?;
    }
    assert_eq!(seen, [-5, -4, -3, -2, -1, 100]);
    let theirs = store.read().await?.accounts().ledger(&bob, 1).await?;
    let theirs = theirs.first().ok_or(StoreError::Corrupt("ledger"))?.entry.id;
    for foreign in [theirs, Uuid::new_v4()] {
        assert_eq!(store.read().await?.accounts().ledger_before(&alice, foreign, 2).await?, None);
    }
    Ok(())
}

/// Of a hundred transfers at once exactly those happen that the account can pay.
pub async fn check_overdraft_race(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let ((alice, _), (bob, bobs)) = (holder(&*store, 1_000).await?, holder(&*store, 0).await?);
    let mut transfers = JoinSet::new();
    for _ in 0..100 {
        let (store, order) = (store.clone(), order(&alice, bobs, 30));
        transfers.spawn(async move { transfer(&*store, &order).await });
    }
    let mut done = 0;
    for outcome in transfers.join_all().await {
        match outcome? {
            TransferOutcome::Done { .. } => done += 1,
            refused => assert_eq!(refused, TransferOutcome::Overdrawn),
        }
    }
    assert_eq!((done, holds(&*store, &alice).await?, holds(&*store, &bob).await?), (33, 10, 990));
    Ok(())
}

/// Transfers in circles, all at once, keep the sum.
pub async fn check_circles(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut people = Vec::new();
    for _ in 0..5 {
        people.push(holder(&*store, 100).await?);
    }
    let mut transfers = JoinSet::new();
    for round in 0..20 {
        for ((from, _), (_, to)) in people.iter().zip(people.iter().cycle().skip(1 + round % 4)) {
            let (store, order) = (store.clone(), order(from, *to, 40 + i64::try_from(round).unwrap_or(0)));
            transfers.spawn(async move { transfer(&*store, &order).await });
        }
    }
    for outcome in transfers.join_all().await {
        let outcome = outcome?;
        assert!(matches!(outcome, TransferOutcome::Done { .. } | TransferOutcome::Overdrawn), "{outcome:?}");
    }
    let mut sum = 0;
    for (person, _) in &people {
        let balance = holds(&*store, person).await?;
        let ledger = store.read().await?.accounts().ledger(person, 1_000).await?;
        assert_eq!(ledger.iter().map(|row| row.minor).sum::<i64>(), balance);
        assert!(balance >= 0 && ledger.iter().all(|row| row.balance >= 0), "never below zero");
        sum += balance;
    }
    assert_eq!(sum, 500);
    Ok(())
}
