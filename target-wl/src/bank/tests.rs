//! The bank on every backend, below HTTP and chains; on PostgreSQL where the environment names a server.

mod transfers;

use store::conformance::{self, POSTGRES, Scratch};
use tokio::task::JoinSet;
use wire::bank::DepositReceipt;

use super::*;

const NOW: Moment = Moment(1_700_000_000_000_123);

fn alice() -> Person {
    Person::new("https://idp.example", "alice")
}

/// An order of `person`; `body` stands for its bytes.
fn mandate<T>(order: T, route: &str, person: Person, first_id: &str, key: &str, body: u8) -> Mandate<T> {
    let (route, first_id, key) = (route.to_owned(), first_id.to_owned(), key.to_owned());
    Mandate {
        order,
        once: OnceKey { first_id, route, person, key, body_digest: [body; 32] },
        forget_at: NOW.plus_seconds(86_400),
        origin: Origin {
            iss: "spiffe://bank.example/asserting-wl".into(),
            jti: "root".into(),
            txn: "txn".into(),
            depth: 3,
            verifier: "spiffe://bank.example/target-wl".into(),
        },
        now: NOW,
    }
}

fn deposit(person: Person, first_id: &str, key: &str, minor: u64) -> Mandate<DepositRequest> {
    let order = DepositRequest { currency: "USD".into(), minor };
    mandate(order, "POST /v1/deposits", person, first_id, key, u8::try_from(minor % 256).unwrap())
}

/// A store, and the database that goes with it.
struct Books {
    store: Arc<dyn Store>,
    _scratch: Option<Scratch>,
}

impl std::ops::Deref for Books {
    type Target = Arc<dyn Store>;

    fn deref(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

async fn banks() -> Vec<(Bank, Books)> {
    let mut banks = Vec::new();
    for url in ["memory:", "sqlite::memory:"] {
        banks.push((store::open(url).await.unwrap(), None));
    }
    if std::env::var(POSTGRES).is_ok() {
        let scratch = Scratch::postgres().await.unwrap().unwrap();
        banks.push((scratch.open().await.unwrap(), Some(scratch)));
    }
    banks.into_iter().map(|(store, scratch)| (Bank::new(store.clone()), Books { store, _scratch: scratch })).collect()
}

async fn holds(bank: &Bank, person: &Person) -> i64 {
    bank.account(person).await.unwrap().map_or(0, |account| account.balances[0].minor)
}

async fn events(store: &Arc<dyn Store>) -> Vec<Event> {
    let pending = conformance::pending(&**store).await.unwrap();
    pending.into_iter().map(|pending| pending.event).collect()
}

#[tokio::test]
async fn first_deposit_of_a_new_user_opens_the_account() {
    for (bank, _) in banks().await {
        assert_eq!(bank.account(&alice()).await.unwrap(), None);
        let response = bank.deposit(&deposit(alice(), "l1", "k1", 2_500)).await.unwrap();
        let receipt: DepositReceipt = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, receipt.minor, receipt.balance_minor), (201, 2_500, 2_500));
        assert_eq!(receipt.created_at, 1_700_000_000);
        assert_eq!(holds(&bank, &alice()).await, 2_500);
    }
}

#[tokio::test]
async fn the_same_dpr_from_another_dpa_is_somebody_else() {
    for (bank, _) in banks().await {
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        let impostor = Person::new("https://evil.example", "alice");
        assert_eq!(bank.account(&impostor).await.unwrap(), None);
        bank.deposit(&deposit(impostor.clone(), "l2", "k1", 7)).await.unwrap();
        assert_eq!((holds(&bank, &alice()).await, holds(&bank, &impostor).await), (5, 7));
    }
}

#[tokio::test]
async fn another_currency_is_an_account_of_its_own() {
    for (bank, _) in banks().await {
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        let mut euros = deposit(alice(), "l2", "k2", 7);
        euros.order.currency = "EUR".into();
        bank.deposit(&euros).await.unwrap();
        let balances = bank.account(&alice()).await.unwrap().unwrap().balances;
        let expected = [("EUR", 7), ("USD", 5)].map(|(code, minor)| Balance { currency: code.into(), minor });
        assert_eq!(balances, expected);
    }
}

#[tokio::test]
async fn a_repeated_deposit_is_answered_once_byte_for_byte() {
    for (bank, store) in banks().await {
        let first = bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        let same_chain = deposit(alice(), "l1", "k1", 5);
        let new_chain = Mandate { now: NOW.plus_seconds(60), ..deposit(alice(), "l2", "k1", 5) };
        assert_eq!(bank.deposit(&same_chain).await.unwrap(), first);
        assert_eq!(bank.deposit(&new_chain).await.unwrap(), first);
        assert_eq!(holds(&bank, &alice()).await, 5);
        assert_eq!(events(&store).await.len(), 2);
    }
}

#[tokio::test]
async fn the_same_chain_with_a_new_key_is_a_replay() {
    for (bank, store) in banks().await {
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        let replayed = bank.deposit(&deposit(alice(), "l1", "k2", 5)).await;
        assert!(matches!(replayed, Err(BookingError::Replayed)), "{replayed:?}");
        assert_eq!((holds(&bank, &alice()).await, events(&store).await.len()), (5, 2));
    }
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict() {
    for (bank, store) in banks().await {
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        for first_id in ["l1", "l2"] {
            let reused = bank.deposit(&deposit(alice(), first_id, "k1", 6)).await;
            assert!(matches!(reused, Err(BookingError::KeyReused)), "{reused:?}");
        }
        assert_eq!((holds(&bank, &alice()).await, events(&store).await.len()), (5, 2));
    }
}

#[tokio::test]
async fn two_people_may_use_the_same_key() {
    for (bank, _) in banks().await {
        let bob = Person::new("https://idp.example", "bob");
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        bank.deposit(&deposit(bob.clone(), "l2", "k1", 6)).await.unwrap();
        assert_eq!((holds(&bank, &alice()).await, holds(&bank, &bob).await), (5, 6));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_once_is_one_effect() {
    for (bank, store) in banks().await {
        let mut deposits = JoinSet::new();
        for n in 0..20 {
            let bank = bank.clone();
            deposits.spawn(async move { bank.deposit(&deposit(alice(), &format!("l{n}"), "k1", 5)).await.unwrap() });
        }
        let answers = deposits.join_all().await;
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        assert_eq!((holds(&bank, &alice()).await, events(&store).await.len()), (5, 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deposits_sum_exactly() {
    for (bank, store) in banks().await {
        let mut deposits = JoinSet::new();
        for n in 1..=100 {
            let bank = bank.clone();
            let deposit = deposit(alice(), &format!("l{n}"), &format!("k{n}"), n);
            deposits.spawn(async move { bank.deposit(&deposit).await.unwrap() });
        }
        deposits.join_all().await;
        assert_eq!(holds(&bank, &alice()).await, 5_050);
        assert_eq!(events(&store).await.len(), 200);
    }
}

#[tokio::test]
async fn a_deposit_that_overflows_changes_nothing() {
    for (bank, store) in banks().await {
        bank.deposit(&deposit(alice(), "l1", "k1", MAX_INTEGER)).await.unwrap();
        for (n, minor) in [1, MAX_INTEGER, u64::MAX].into_iter().enumerate() {
            let refused = bank.deposit(&deposit(alice(), &format!("m{n}"), &format!("m{n}"), minor)).await;
            assert!(matches!(refused, Err(BookingError::TooMuch)), "{minor}: {refused:?}");
        }
        assert_eq!(holds(&bank, &alice()).await, i64::try_from(MAX_INTEGER).unwrap());
        assert_eq!(events(&store).await.len(), 2);
        assert!(bank.deposit(&deposit(alice(), "m0", "m0", 1)).await.is_err(), "the key was not used up");
    }
}

#[tokio::test]
async fn events_tell_of_the_chain_and_of_the_money() {
    for (bank, store) in banks().await {
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        let events = events(&store).await;
        assert_eq!(events[0].kind, VALIDATED);
        assert_eq!(
            events[0].subject,
            json!({"format": "jwt_id", "iss": "spiffe://bank.example/asserting-wl", "jti": "root"})
        );
        assert_eq!(events[0].payload["depth"], 3);
        assert_eq!(events[1].kind, DEPOSITED);
        assert_eq!(events[1].subject, json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "alice"}));
        assert_eq!((&events[1].payload["minor"], &events[1].payload["balance_minor"]), (&json!(5), &json!(5)));
        assert!(events.iter().all(|event| event.txn.as_deref() == Some("txn") && event.occurred_at == NOW));
    }
}

#[tokio::test]
async fn an_account_is_opened_once() {
    for (bank, _) in banks().await {
        assert!(bank.open(&alice(), "USD", 100_000, NOW).await.unwrap());
        bank.deposit(&deposit(alice(), "l1", "k1", 5)).await.unwrap();
        assert!(!bank.open(&alice(), "USD", 100_000, NOW).await.unwrap());
        assert_eq!(holds(&bank, &alice()).await, 100_005);
    }
}
