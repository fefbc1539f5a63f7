//! Attacks on the money: the same deposit from every side at once, and one name under two authorities.

use dev_idp::DevIdp;
use e2e::actor::{balance, deposit};
use e2e::street::endpoint;
use e2e::{Actor, Bank, MODES, Street, refused};
use futures::future::join_all;
use http::StatusCode;
use middle_tier::MiddleTier;
use std::collections::BTreeSet;
use token::Mode;
use wire::bank::DepositReceipt;
use wire::problem::ProblemKind;

#[tokio::test]
async fn the_same_dpr_from_another_dpa_is_somebody_else() {
    let bank = Bank::open().await;
    let other = DevIdp::start(dev_idp::Settings::default()).await.unwrap();
    let (ours, theirs) = (bank.place().issuer.clone(), other.issuer().to_owned());
    // Everyone believes both providers, and each has an alice with the same `sub`.
    let street = Street::build(&bank, |name, text| {
        let text = text.replace(&format!("issuers = [\"{ours}\"]"), &format!("issuers = [\"{ours}\", \"{theirs}\"]"));
        match (name, text.find("[[policy.issuer]]")) {
            ("asserting-wl", Some(rows)) => format!("{text}\n{}", text[rows..].replace(&ours, &theirs)),
            _ => text,
        }
    })
    .await;
    let teller = Actor::connect(&bank.socket("cli"), &street.place).await;
    let alice = bank.token("alice").await;
    let namesake = other.direct_grant("alice", e2e::bank::SCOPE).await.unwrap();
    for mode in MODES {
        let answer = teller.ask(mode, &alice, &deposit(100, &format!("k-{}", mode.name()))).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        let answer = refused(&teller.ask(mode, &namesake, &balance()).await);
        assert_eq!(answer.kind, ProblemKind::UnknownAccount, "{mode}");
    }
    // Not even an Idempotency-Key of one answers the other.
    let answer = teller.ask(Mode::Id, &namesake, &deposit(7, "k-id")).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!((teller.holds(&alice).await, teller.holds(&namesake).await), (300, 7));
    street.close().await;
    // Where the second provider is not listed, its alice is nobody.
    let minted = bank.actor("cli").await.teller.mint(Mode::Id, &namesake, &dasvid::teller::Wanted::default()).await;
    assert!(minted.is_err());
}

#[tokio::test]
async fn concurrent_deposits_with_one_idempotency_key_through_two_middle_tiers_are_one() {
    let bank = Bank::open().await;
    let replica = bank.spawn::<MiddleTier>(&bank.config("middle-tier-1")).await;
    let entries = [bank.place().entry.clone(), endpoint("middle-tier-1", &replica)];
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    for mode in MODES {
        let asked = deposit(100, &format!("once-{}", mode.name()));
        let one = teller.chain(mode, &token, &asked).await;
        let asks = (0..12).map(|number| {
            let (teller, token, asked, one) = (&teller, &token, &asked, &one);
            let entry = &entries[number % 2];
            async move {
                // Half of them with the same chain, half with one of their own.
                let chain = if number % 4 < 2 { one.clone() } else { teller.chain(mode, token, asked).await };
                teller.present(entry, asked, &chain).await
            }
        });
        let answers = join_all(asks).await;
        let bodies: BTreeSet<_> = answers.iter().map(|answer| answer.body.clone()).collect();
        assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED), "{mode}: {answers:?}");
        assert_eq!(bodies.len(), 1, "{mode}: every one is answered alike");
    }
    assert_eq!(teller.holds(&token).await, 300);
    assert!(replica.shutdown().await);
}

#[tokio::test]
async fn one_chain_for_many_keys_at_once_is_spent_once() {
    let bank = Bank::open().await;
    let (teller, token) = (bank.actor("cli").await, bank.token("alice").await);
    for (mode, booked) in MODES.into_iter().zip([1, 2, 3]) {
        let asked = deposit(1, &format!("bound-to-{}", mode.name()));
        let chain = teller.chain(mode, &token, &asked).await;
        let others = (0..6).map(|number| deposit(1, &format!("key-{number}-{}", mode.name())));
        let all: Vec<_> = others.chain([asked]).collect();
        let entry = &bank.place().entry;
        let answers = join_all(all.iter().map(|one| teller.present(entry, one, &chain))).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.is_success());
        assert_eq!(good.len(), 1, "{mode}");
        for answer in bad {
            refused(answer).is("middle-tier-1", ProblemKind::NotPermitted);
        }
        assert_eq!(teller.holds(&token).await, booked, "{mode}");
    }
}

#[tokio::test]
async fn concurrent_deposits_of_two_people_in_every_mode_sum_exactly() {
    let bank = Bank::open().await;
    let teller = bank.actor("cli").await;
    let people = [bank.token("alice").await, bank.token("bob").await];
    let asks = (0_u64..60).map(|number| {
        let (teller, people) = (&teller, &people);
        async move {
            let person = usize::from(number % 3 == 0);
            let mode = MODES[usize::try_from(number % 3).unwrap()];
            let answer = teller.ask(mode, &people[person], &deposit(number + 1, &format!("k{number}"))).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{mode}");
            let receipt: DepositReceipt = serde_json::from_slice(&answer.body).unwrap();
            (person, receipt)
        }
    });
    let mut sums = [0_i64; 2];
    let mut ids = BTreeSet::new();
    for (person, receipt) in join_all(asks).await {
        sums[person] += i64::try_from(receipt.minor).unwrap();
        assert!(ids.insert(receipt.id), "two deposits of one name");
    }
    assert_eq!([teller.holds(&people[0]).await, teller.holds(&people[1]).await], sums);
    assert_eq!(sums.iter().sum::<i64>(), 60 * 61 / 2);
}
