//! Transfers: what moves, what does not, and what happens at once.

use wire::bank::{AccountNumber, TransactionKind, TransferReceipt};

use super::*;

fn bob() -> Person {
    Person::new("https://idp.example", "bob")
}

fn transfer(from: Person, to: AccountNumber, key: &str, minor: u64) -> Mandate<TransferRequest> {
    let order = TransferRequest { to, currency: "USD".into(), minor, note: None };
    let body = u8::try_from(minor % 256).unwrap();
    mandate(order, "POST /v1/transfers", from, &format!("link of {key}"), key, body)
}

async fn number(bank: &Bank, person: &Person) -> AccountNumber {
    bank.account(person).await.unwrap().unwrap().account
}

/// Banks where alice holds 1000 and bob 500, in USD.
async fn two_people() -> Vec<(Bank, Books, AccountNumber, AccountNumber)> {
    let mut open = Vec::new();
    for (bank, store) in banks().await {
        bank.open(&alice(), "USD", 1_000, NOW).await.unwrap();
        bank.open(&bob(), "USD", 500, NOW).await.unwrap();
        let (alices, bobs) = (number(&bank, &alice()).await, number(&bank, &bob()).await);
        assert_ne!(alices, bobs);
        open.push((bank, store, alices, bobs));
    }
    open
}

async fn both_hold(bank: &Bank) -> (i64, i64) {
    (holds(bank, &alice()).await, holds(bank, &bob()).await)
}

#[tokio::test]
async fn a_transfer_moves_money_and_both_see_it() {
    for (bank, store, alices, bobs) in two_people().await {
        let mut order = transfer(alice(), bobs, "k1", 250);
        order.order.note = Some("for lunch".into());
        let response = bank.transfer(&order).await.unwrap();
        let receipt: TransferReceipt = serde_json::from_slice(&response.body).unwrap();
        assert_eq!((response.status, receipt.to, receipt.minor, receipt.balance_minor), (201, bobs, 250, 750));
        assert_eq!(both_hold(&bank).await, (750, 750));

        let sent = bank.transactions(&alice(), None, 1).await.unwrap().unwrap().transactions.remove(0);
        assert_eq!(
            (&sent.id, sent.kind, sent.minor, sent.balance_minor),
            (&receipt.id, TransactionKind::TransferOut, -250, 750)
        );
        assert_eq!((sent.counterparty, sent.note.as_deref()), (Some(bobs), Some("for lunch")));
        let received = bank.transactions(&bob(), None, 1).await.unwrap().unwrap().transactions.remove(0);
        assert_eq!((received.kind, received.minor, received.balance_minor), (TransactionKind::TransferIn, 250, 750));
        assert_eq!((received.counterparty, received.note.as_deref()), (Some(alices), Some("for lunch")));

        let events = events(&store).await;
        assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), [VALIDATED, TRANSFERRED]);
        assert_eq!(events[1].subject["sub"], "alice");
        let payload = json!({"id": receipt.id, "to": bobs, "currency": "USD", "minor": 250, "balance_minor": 750});
        assert_eq!(events[1].payload, payload);
    }
}

#[tokio::test]
async fn an_overdraft_changes_nothing_and_the_key_is_still_good() {
    for (bank, store, _, bobs) in two_people().await {
        let refused = bank.transfer(&transfer(alice(), bobs, "k1", 1_001)).await;
        assert!(matches!(refused, Err(BookingError::Overdrawn)), "{refused:?}");
        assert_eq!((both_hold(&bank).await, events(&store).await.len()), ((1_000, 500), 0));
        bank.deposit(&deposit(alice(), "l1", "d1", 1)).await.unwrap();
        assert_eq!(bank.transfer(&transfer(alice(), bobs, "k1", 1_001)).await.unwrap().status, 201);
        assert_eq!(both_hold(&bank).await, (0, 1_501));
    }
}

#[tokio::test]
async fn an_unknown_recipient_and_one_without_the_currency_are_told_apart_by_nobody() {
    for (bank, _, _, bobs) in two_people().await {
        bank.open(&alice(), "ZAR", 100, NOW).await.unwrap();
        let stranger = (0..3).map(AccountNumber::of).find(|number| *number != bobs).unwrap();
        let unknown = bank.transfer(&transfer(alice(), stranger, "k1", 1)).await.unwrap_err();
        let mut rands = transfer(alice(), bobs, "k2", 1);
        rands.order.currency = "ZAR".into();
        let mismatched = bank.transfer(&rands).await.unwrap_err();
        assert!(matches!((&unknown, &mismatched), (BookingError::NoRecipient, BookingError::NoRecipient)));
        assert_eq!(unknown.to_string(), mismatched.to_string());
        assert_eq!(both_hold(&bank).await, (1_000, 500));
    }
}

#[tokio::test]
async fn a_currency_the_sender_does_not_hold_is_refused() {
    for (bank, _, _, bobs) in two_people().await {
        bank.open(&bob(), "EUR", 100, NOW).await.unwrap();
        let mut euros = transfer(alice(), bobs, "k1", 1);
        euros.order.currency = "EUR".into();
        let refused = bank.transfer(&euros).await;
        assert!(matches!(refused, Err(BookingError::NoAccount)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_transfer_to_oneself_is_refused() {
    for (bank, store, alices, _) in two_people().await {
        let refused = bank.transfer(&transfer(alice(), alices, "k1", 1)).await;
        assert!(matches!(refused, Err(BookingError::ToOneself)), "{refused:?}");
        assert_eq!((both_hold(&bank).await, events(&store).await.len()), ((1_000, 500), 0));
    }
}

#[tokio::test]
async fn the_same_dpr_from_another_dpa_cannot_spend_but_can_be_paid() {
    for (bank, _, alices, bobs) in two_people().await {
        let impostor = Person::new("https://evil.example", "alice");
        let refused = bank.transfer(&transfer(impostor.clone(), bobs, "k1", 1)).await;
        assert!(matches!(refused, Err(BookingError::NoAccount)), "{refused:?}");
        bank.open(&impostor, "USD", 0, NOW).await.unwrap();
        let theirs = number(&bank, &impostor).await;
        assert_ne!(theirs, alices);
        bank.transfer(&transfer(alice(), theirs, "k2", 1)).await.unwrap();
        assert_eq!((holds(&bank, &alice()).await, holds(&bank, &impostor).await), (999, 1));
    }
}

#[tokio::test]
async fn a_transfer_that_overflows_the_recipient_changes_nothing() {
    for (bank, store, alices, bobs) in two_people().await {
        bank.deposit(&deposit(bob(), "l1", "d1", MAX_INTEGER - 501)).await.unwrap();
        let before = events(&store).await.len();
        let refused = bank.transfer(&transfer(alice(), bobs, "k1", 2)).await;
        assert!(matches!(refused, Err(BookingError::RecipientFull)), "{refused:?}");
        assert_eq!((holds(&bank, &alice()).await, events(&store).await.len()), (1_000, before));
        bank.transfer(&transfer(alice(), bobs, "k1", 1)).await.unwrap();
        assert_eq!(
            bank.transfer(&transfer(bob(), alices, "k2", MAX_INTEGER)).await.err().map(|e| e.to_string()),
            Some(BookingError::RecipientFull.to_string())
        );
        for minor in [u64::MAX, MAX_INTEGER + 1] {
            let refused = bank.transfer(&transfer(alice(), bobs, "k3", minor)).await;
            assert!(matches!(refused, Err(BookingError::Overdrawn)), "{minor}: {refused:?}");
        }
    }
}

#[tokio::test]
async fn a_repeated_transfer_is_one_transfer_and_another_body_is_a_conflict() {
    for (bank, store, _, bobs) in two_people().await {
        let first = bank.transfer(&transfer(alice(), bobs, "k1", 5)).await.unwrap();
        assert_eq!(bank.transfer(&transfer(alice(), bobs, "k1", 5)).await.unwrap(), first);
        let reused = bank.transfer(&transfer(alice(), bobs, "k1", 6)).await;
        assert!(matches!(reused, Err(BookingError::KeyReused)), "{reused:?}");
        let mut replayed = transfer(alice(), bobs, "k2", 5);
        replayed.once.first_id = "link of k1".into();
        let replayed = bank.transfer(&replayed).await;
        assert!(matches!(replayed, Err(BookingError::Replayed)), "{replayed:?}");
        assert_eq!((both_hold(&bank).await, events(&store).await.len()), ((995, 505), 2));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_at_once_is_one_transfer_whatever_the_bodies() {
    for (bank, store, _, bobs) in two_people().await {
        let mut transfers = JoinSet::new();
        for n in 0..40 {
            let bank = bank.clone();
            let mut order = transfer(alice(), bobs, "k1", 5 + n % 2);
            order.once.first_id = format!("l{n}");
            transfers.spawn(async move { bank.transfer(&order).await });
        }
        let (done, refused): (Vec<_>, Vec<_>) = transfers.join_all().await.into_iter().partition(Result::is_ok);
        let first = done[0].as_ref().unwrap();
        assert!(done.iter().all(|answer| answer.as_ref().unwrap() == first), "one answer");
        assert!(refused.iter().all(|refusal| matches!(refusal, Err(BookingError::KeyReused))));
        assert_eq!((done.len(), refused.len(), events(&store).await.len()), (20, 20, 2));
        let (alices, bobs) = both_hold(&bank).await;
        assert!(alices + bobs == 1_500 && (994..=995).contains(&alices));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdraft_race_lets_exactly_as_many_through_as_fit() {
    for (bank, store, _, bobs) in two_people().await {
        let mut transfers = JoinSet::new();
        for n in 0..100 {
            let bank = bank.clone();
            let order = transfer(alice(), bobs, &format!("k{n}"), 30);
            transfers.spawn(async move { bank.transfer(&order).await });
        }
        let (done, refused): (Vec<_>, Vec<_>) = transfers.join_all().await.into_iter().partition(Result::is_ok);
        assert!(refused.iter().all(|refusal| matches!(refusal, Err(BookingError::Overdrawn))));
        assert_eq!((done.len(), both_hold(&bank).await), (33, (10, 1_490)));
        assert_eq!(events(&store).await.len(), 66);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_deposits_and_transfers_keep_the_books() {
    for (bank, _, alices, bobs) in two_people().await {
        let mut work = JoinSet::new();
        for n in 1..=50 {
            let (key, to_bob, to_alice, bank) = (
                format!("k{n}"),
                transfer(alice(), bobs, &format!("a{n}"), n),
                transfer(bob(), alices, &format!("b{n}"), 5),
                bank.clone(),
            );
            work.spawn(async move {
                bank.deposit(&deposit(alice(), &key, &key, n)).await.unwrap();
                bank.transfer(&to_bob).await.unwrap();
                bank.transfer(&to_alice).await.unwrap();
            });
        }
        work.join_all().await;
        // 1 + 2 + … + 50 went in and on to bob; fifty times 5 came back.
        assert_eq!(both_hold(&bank).await, (1_000 + 250, 500 + 1_275 - 250));
        for (person, expected) in [(alice(), 151), (bob(), 101)] {
            let page = bank.transactions(&person, None, 1_000).await.unwrap().unwrap();
            assert_eq!((page.transactions.len(), page.next), (expected, None));
            assert_eq!(page.transactions.iter().map(|moved| moved.minor).sum::<i64>(), holds(&bank, &person).await);
            assert!(page.transactions.iter().all(|moved| moved.balance_minor >= 0));
        }
    }
}

#[tokio::test]
async fn pages_do_not_shift_when_something_is_booked_meanwhile() {
    for (bank, _, _, bobs) in two_people().await {
        for n in 1..=7 {
            bank.transfer(&transfer(alice(), bobs, &format!("k{n}"), n)).await.unwrap();
        }
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = bank.transactions(&alice(), after.as_deref(), 3).await.unwrap().unwrap();
            assert!(page.transactions.len() <= 3);
            seen.extend(page.transactions.iter().map(|moved| moved.minor));
            bank.transfer(&transfer(alice(), bobs, &format!("m{}", seen.len()), 100)).await.unwrap();
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        assert_eq!(seen, [-7, -6, -5, -4, -3, -2, -1, 1_000]);
    }
}

#[tokio::test]
async fn a_cursor_of_somebody_else_or_of_nobody_is_refused() {
    for (bank, _, _, bobs) in two_people().await {
        bank.transfer(&transfer(alice(), bobs, "k1", 1)).await.unwrap();
        let theirs = bank.transactions(&bob(), None, 1).await.unwrap().unwrap().next.unwrap();
        let nobodys = uuid::Uuid::new_v4().to_string();
        for after in [theirs.as_str(), &nobodys, "", "1", "x\0"] {
            let refused = bank.transactions(&alice(), Some(after), 10).await;
            assert!(matches!(refused, Err(StatementError::Cursor)), "{after:?}: {refused:?}");
        }
        assert_eq!(bank.transactions(&Person::new("https://idp.example", "carol"), None, 10).await.unwrap(), None);
    }
}
