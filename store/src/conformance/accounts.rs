//! Checks of accounts and their ledger.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{NOW, deposit_entry, somebody};
use crate::{Balance, Person, Store, StoreError, Turn, retry};

async fn deposit(store: &dyn Store, person: &Person, currency: &str, minor: i64) -> Result<i64, StoreError> {
    retry(|| async {
        let mut tx = store.begin_for(&[Turn::Person(person)]).await?;
        let balance = tx.accounts().deposit(person, currency, minor, &deposit_entry()).await?;
        tx.commit().await?;
        Ok(balance)
    })
    .await
}

async fn balance(store: &dyn Store, person: &Person, currency: &str) -> Result<Option<i64>, StoreError> {
    store.read().await?.accounts().balance(person, currency).await
}

/// Nobody has an account before the first deposit or an opening; opening twice changes nothing.
pub async fn check_accounts(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    assert_eq!(store.read().await?.accounts().balances(&person).await?, []);
    assert_eq!(deposit(store, &person, "USD", 7).await?, 7, "the first deposit opens the account");
    let mut tx = store.begin().await?;
    assert!(!tx.accounts().open(&person, "USD", NOW).await?, "the account is open already");
    assert!(tx.accounts().open(&person, "EUR", NOW).await?);
    tx.commit().await?;
    assert_eq!(balance(store, &person, "USD").await?, Some(7));
    assert_eq!(balance(store, &person, "EUR").await?, Some(0));
    Ok(())
}

/// Only a positive amount whose sum an `i64` holds is added; a refused one changes nothing.
pub async fn check_amounts(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    deposit(store, &person, "USD", i64::MAX - 1).await?;
    for minor in [0, -1, i64::MIN, 2, i64::MAX] {
        let refused = deposit(store, &person, "USD", minor).await;
        assert!(matches!(refused, Err(StoreError::Overflow)), "{minor}: {refused:?}");
    }
    assert_eq!(balance(store, &person, "USD").await?, Some(i64::MAX - 1));
    assert_eq!(deposit(store, &person, "USD", 1).await?, i64::MAX);
    Ok(())
}

/// Currencies are accounts of their own and come in the order of their codes.
pub async fn check_currencies(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    deposit(store, &person, "USD", 1).await?;
    deposit(store, &person, "EUR", 2).await?;
    let balances = store.read().await?.accounts().balances(&person).await?;
    let expected = [("EUR", 2), ("USD", 1)].map(|(code, minor)| Balance { currency: code.into(), minor });
    assert_eq!(balances, expected);
    Ok(())
}

/// A person is the pair (`dpa`, `dpr`), compared bytewise: nothing that looks alike or concatenates alike is equal.
pub async fn check_people(store: &dyn Store) -> Result<(), StoreError> {
    let name = somebody().dpr;
    let person = Person::new("https://idp.example", format!("é{name}"));
    deposit(store, &person, "USD", 1).await?;
    let others = [
        Person::new("https://evil.example", &person.dpr),
        Person::new("https://idp.example/", &person.dpr),
        Person::new("HTTPS://IDP.EXAMPLE", &person.dpr),
        Person::new(&person.dpa, person.dpr.to_uppercase()),
        Person::new(&person.dpa, format!("e\u{301}{name}")),
        Person::new(&person.dpa, format!("{} ", person.dpr)),
        Person::new(&person.dpa, format!("{}\0", person.dpr)),
        Person::new(&person.dpa, format!("{}%", person.dpr)),
        Person::new(format!("{}é", person.dpa), &name),
        Person::new("", format!("{}{}", person.dpa, person.dpr)),
    ];
    for other in &others {
        assert_eq!(store.read().await?.accounts().balances(other).await?, [], "{other:?}");
        deposit(store, other, "USD", 100).await?;
    }
    assert_eq!(balance(store, &person, "USD").await?, Some(1));
    for other in &others {
        assert_eq!(balance(store, other, "USD").await?, Some(100), "{other:?}");
    }
    Ok(())
}

/// Every deposit is in the ledger, newest first, with the balance after it; an identifier is used once.
pub async fn check_ledger(store: &dyn Store) -> Result<(), StoreError> {
    let person = somebody();
    let entry = deposit_entry();
    let mut tx = store.begin().await?;
    tx.accounts().deposit(&person, "USD", 3, &entry).await?;
    let repeated = tx.accounts().deposit(&person, "USD", 3, &entry).await;
    assert!(matches!(repeated, Err(StoreError::Duplicate)), "{repeated:?}");
    drop(tx);
    for minor in [3, 4, 5] {
        deposit(store, &person, "USD", minor).await?;
    }
    let ledger = store.read().await?.accounts().ledger(&person, 2).await?;
    let seen: Vec<_> = ledger.iter().map(|row| (row.minor, row.balance, row.entry.created_at)).collect();
    assert_eq!(seen, [(5, 12, NOW), (4, 7, NOW)]);
    assert!(ledger.iter().all(|row| row.currency == "USD" && row.entry.kind == "deposit"));
    assert!(ledger.iter().all(|row| row.entry.txn.as_deref() == Some("txn")));
    Ok(())
}

/// A hundred deposits at once sum exactly.
pub async fn check_concurrent_deposits(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let person = somebody();
    let mut deposits = JoinSet::new();
    for minor in 1..=100 {
        let (store, person) = (store.clone(), person.clone());
        deposits.spawn(async move { deposit(&*store, &person, "USD", minor).await });
    }
    for done in deposits.join_all().await {
        done?;
    }
    assert_eq!(balance(&*store, &person, "USD").await?, Some(5_050));
    let ledger = store.read().await?.accounts().ledger(&person, 1_000).await?;
    assert_eq!(ledger.len(), 100);
    assert_eq!(ledger.iter().map(|row| row.minor).sum::<i64>(), 5_050);
    Ok(())
}
