//! Replicas of the target on one store: whichever of them a request lands on, they are one.
//!
//! On one SQLite file; on PostgreSQL where the environment names a server.

use std::collections::BTreeSet;

use chassis::Handle;
use dasvid::place::Endpoint;
use e2e::actor::{balance, deposit};
use e2e::street::endpoint;
use e2e::{Actor, Bank, MODES, refused};
use futures::future::join_all;
use http::StatusCode;
use middle_tier::MiddleTier;
use target_wl::TargetWl;
use token::Mode;
use wire::problem::ProblemKind;

/// A bank whose target, and the middle tier before it, are there twice.
struct Pair {
    bank: Bank,
    entries: [Endpoint; 2],
    replicas: [Handle; 2],
}

impl Pair {
    async fn open() -> Self {
        let bank = Bank::with_middle_tiers(1).await;
        let target = bank.spawn::<TargetWl>(&bank.config("target-wl")).await;
        let (first, second) = (bank.place().target.url.clone(), endpoint("target-wl", &target).url);
        let tier = bank.config("middle-tier-1").replace(first.as_str(), second.as_str());
        let tier = bank.spawn::<MiddleTier>(&tier).await;
        let entries = [bank.place().entry.clone(), endpoint("middle-tier-1", &tier)];
        Self { bank, entries, replicas: [target, tier] }
    }

    async fn teller(&self) -> (Actor, String) {
        (self.bank.actor("cli").await, self.bank.token("alice").await)
    }

    /// Both targets have served requests, and nothing is left under way.
    async fn close(self) {
        let served = self.replicas[0].metrics.encode();
        assert!(served.contains("dasvid_chains_total{"), "nothing went to the second target");
        for replica in self.replicas {
            assert!(replica.shutdown().await);
        }
        self.bank.close().await;
    }
}

#[tokio::test]
async fn a_deposit_repeated_at_another_replica_of_the_target_is_answered_once() {
    let pair = Pair::open().await;
    let (teller, token) = pair.teller().await;
    for (mode, sum) in MODES.into_iter().zip([100, 200, 300]) {
        let asked = deposit(100, &format!("once-{}", mode.name()));
        let chain = teller.chain(mode, &token, &asked).await;
        let first = teller.present(&pair.entries[0], &asked, &chain).await;
        assert_eq!(first.status, StatusCode::CREATED, "{mode}");
        let again = teller.chain(mode, &token, &asked).await;
        for chain in [&chain, &again] {
            let repeated = teller.present(&pair.entries[1], &asked, chain).await;
            assert_eq!((repeated.status, &repeated.body), (StatusCode::CREATED, &first.body), "{mode}");
        }
        assert_eq!(teller.holds(&token).await, sum, "{mode}");
        let other = deposit(101, &format!("once-{}", mode.name()));
        let chain = teller.chain(mode, &token, &other).await;
        let answer = refused(&teller.present(&pair.entries[1], &other, &chain).await);
        assert_eq!(answer.kind, ProblemKind::Conflict, "{mode}: the key is known there with another body");
    }
    pair.close().await;
}

#[tokio::test]
async fn one_deposit_asked_of_both_replicas_at_once_is_made_once() {
    let pair = Pair::open().await;
    let (teller, token) = pair.teller().await;
    for mode in MODES {
        let asked = deposit(100, &format!("at-once-{}", mode.name()));
        let one = teller.chain(mode, &token, &asked).await;
        let answers = join_all((0..12).map(|number| {
            let (teller, token, asked, one, entry) = (&teller, &token, &asked, &one, &pair.entries[number % 2]);
            async move {
                let chain = if number % 4 < 2 { one.clone() } else { teller.chain(mode, token, asked).await };
                teller.present(entry, asked, &chain).await
            }
        }))
        .await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::CREATED), "{mode}: {answers:?}");
        let bodies: BTreeSet<_> = answers.into_iter().map(|answer| answer.body).collect();
        assert_eq!(bodies.len(), 1, "{mode}");
    }
    assert_eq!(teller.holds(&token).await, 300);
    pair.close().await;
}

#[tokio::test]
async fn deposits_at_both_replicas_at_once_sum_exactly() {
    let pair = Pair::open().await;
    let (teller, token) = pair.teller().await;
    let answers = join_all((1_u64..=40).map(|minor| {
        let (teller, token, entry) = (&teller, &token, &pair.entries[usize::from(minor % 2 == 0)]);
        async move {
            let asked = deposit(minor, &format!("k{minor}"));
            let chain = teller.chain(Mode::Id, token, &asked).await;
            teller.present(entry, &asked, &chain).await.status
        }
    }))
    .await;
    assert!(answers.iter().all(|status| *status == StatusCode::CREATED), "{answers:?}");
    let asked = balance();
    for entry in &pair.entries {
        let chain = teller.chain(Mode::Id, &token, &asked).await;
        let answer = teller.present(entry, &asked, &chain).await;
        let account: wire::bank::Account = dasvid::teller::read(&answer).unwrap();
        assert_eq!(account.balances[0].minor, 40 * 41 / 2);
    }
    pair.close().await;
}
