//! Transfers and transactions with real chains through the real gate.

use std::sync::Arc;

use serde_json::json;
use wire::bank::AccountNumber;

use super::*;

/// A bank where alice holds 1000 and bob 500, in USD; and bob's number.
async fn two_people() -> (Arc<Fixture>, AccountNumber) {
    let bank = Arc::new(Fixture::new().await);
    for (dpr, minor) in [("alice", 1_000), ("bob", 500)] {
        assert_eq!(bank.send(&Ask::deposit(dpr, "opening", minor)).await.status, 201);
    }
    let bobs = bank.number("bob").await;
    (bank, bobs)
}

async fn both_hold(bank: &Fixture) -> (Option<i64>, Option<i64>) {
    (bank.holds(DPA, "alice").await, bank.holds(DPA, "bob").await)
}

#[tokio::test]
async fn a_transfer_arrives_in_plain_and_anonymous_mode() {
    let (bank, bobs) = two_people().await;
    for (n, mode) in [Mode::Plain, Mode::Anonymous].into_iter().enumerate() {
        let answer = bank.send(&Ask { mode, ..Ask::transfer("alice", &format!("k{n}"), bobs, 100) }).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!((&answer.json()["to"], &answer.json()["minor"]), (&json!(bobs), &json!(100)));
        let page = bank.send(&Ask { mode, ..Ask::transactions("bob", "?limit=1") }).await;
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(page.json()["transactions"][0]["kind"], "transfer-in");
    }
    assert_eq!(both_hold(&bank).await, (Some(800), Some(700)));
}

#[tokio::test]
async fn what_a_transfer_can_be_refused_for_has_a_problem_each() {
    let (bank, bobs) = two_people().await;
    let alices = bank.number("alice").await;
    let stranger = (0..3).map(AccountNumber::of).find(|number| ![alices, bobs].contains(number)).unwrap();
    let cases = [
        (Ask::transfer("alice", "k", bobs, 1_001), 409, "conflict", "holds less"),
        (Ask::transfer("alice", "k", alices, 1), 400, "invalid-request", "your own"),
        (Ask::transfer("alice", "k", stranger, 1), 404, "unknown-account", "no account with this number"),
        (Ask::transfer("mallory", "k", bobs, 1), 404, "unknown-account", "you have no account"),
        (Ask::transfer("alice", "k", bobs, 0), 400, "invalid-request", "whole number"),
    ];
    for (ask, status, slug, words) in cases {
        let answer = bank.send(&ask).await;
        assert_eq!(answer.problem(), refused(status, slug), "{answer:?}");
        assert!(answer.detail().contains(words), "{answer:?}");
    }
    assert_eq!(both_hold(&bank).await, (Some(1_000), Some(500)));
}

#[tokio::test]
async fn a_refusal_tells_nothing_of_the_recipient() {
    let (bank, bobs) = two_people().await;
    let euros = json!({"currency": "EUR", "minor": 5}).to_string().into_bytes();
    assert_eq!(bank.send(&Ask::post("alice", euros).with("idempotency-key", "e")).await.status, 201);
    let mut bodies = Vec::new();
    for to in [bobs, AccountNumber::of(1)] {
        let body = json!({"to": to, "currency": "EUR", "minor": 1}).to_string().into_bytes();
        let answer = bank.send(&Ask::post_to(TRANSFERS, "alice", body).with("idempotency-key", "k")).await;
        assert_eq!(answer.problem(), refused(404, "unknown-account"));
        assert_eq!(answer.json()["detail"], "there is no account with this number and currency");
        bodies.push(answer.json().as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn a_mistyped_account_number_is_refused_before_anything_moves() {
    let (bank, bobs) = two_people().await;
    let wrong = (bobs.to_string().parse::<u64>().unwrap() + 1).to_string();
    let body = json!({"to": wrong, "currency": "USD", "minor": 1}).to_string().into_bytes();
    let answer = bank.send(&Ask::post_to(TRANSFERS, "alice", body).with("idempotency-key", "k")).await;
    assert_eq!(answer.problem(), refused(400, "invalid-request"));
    assert!(answer.detail().contains("mistyped"), "{answer:?}");
}

#[tokio::test]
async fn a_transfer_keeps_scope_limit_and_currency_of_the_chain() {
    let (bank, bobs) = two_people().await;
    let within = || Ask::transfer("alice", "k1", bobs, 100);
    for ask in [
        Ask { scope: "accounts.read", ..within() },
        within().up_to("USD", 99),
        within().up_to("EUR", 1_000),
        within().up_to("USD", 0),
    ] {
        assert_eq!(bank.send(&ask).await.problem(), refused(403, "not-permitted"), "{:?}", ask.only);
    }
    assert_eq!(both_hold(&bank).await, (Some(1_000), Some(500)));
    assert_eq!(bank.send(&within().up_to("USD", 100)).await.status, 201);
    let writer = Ask { scope: "payments.write", ..Ask::transactions("alice", "") };
    assert_eq!(bank.send(&writer).await.problem(), refused(403, "not-permitted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_consumed_in_two_requests_at_once_moves_it_once() {
    let (bank, bobs) = two_people().await;
    // The same root and first link; the attacker has other keys and bodies, and everything arrives at once.
    let honest = Ask::transfer("alice", "k1", bobs, 100).up_to("USD", 100);
    let chain = bank.chain(&honest);
    let mut requests = JoinSet::new();
    for n in 0..20 {
        let ask = match n % 4 {
            0 | 1 => honest.clone(),
            2 => Ask::transfer("alice", &format!("k{n}"), bobs, 100),
            _ => Ask::transfer("alice", "k1", bobs, 99),
        };
        let (bank, chain) = (bank.clone(), chain.clone());
        requests.spawn(async move { (n, bank.send_with(&chain, &ask).await) });
    }
    for (n, answer) in requests.join_all().await {
        match n % 4 {
            0 | 1 => assert_eq!(answer.status, 201, "{answer:?}"),
            _ => assert_eq!(answer.problem(), refused(403, "not-permitted"), "`rqd` binds key and body"),
        }
    }
    assert_eq!(both_hold(&bank).await, (Some(900), Some(600)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_link_races_against_itself_where_hops_rewrite_and_pays_once() {
    let last_hop = row(Some("POST"), TRANSFERS, "payments.write", RequestBinding::LastHop);
    let bank = Arc::new(Fixture::with(last_hop, Duration::from_secs(30)).await);
    for dpr in ["alice", "bob"] {
        bank.send(&Ask::deposit(dpr, "opening", 1_000)).await;
    }
    let bobs = bank.number("bob").await;
    let unsealed = bank.unsealed(&Ask::transfer("alice", "k0", bobs, 100).up_to("USD", 100));
    let mut requests = JoinSet::new();
    for n in 0..20 {
        let ask = Ask::transfer("alice", &format!("k{n}"), bobs, 100);
        let (bank, chain) = (bank.clone(), bank.extend(&unsealed, &ask, true));
        requests.spawn(async move { bank.send_with(&chain, &ask).await });
    }
    let answers = requests.join_all().await;
    let (paid, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(paid.len(), 1);
    assert!(rest.iter().all(|answer| answer.problem() == refused(409, "replay-detected")));
    assert_eq!(both_hold(&bank).await, (Some(900), Some(1_100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overdraft_race_lets_exactly_as_many_through_as_fit() {
    let (bank, bobs) = two_people().await;
    let mut requests = JoinSet::new();
    for n in 0..100 {
        let bank = bank.clone();
        requests.spawn(async move { bank.send(&Ask::transfer("alice", &format!("k{n}"), bobs, 70)).await });
    }
    let answers = requests.join_all().await;
    let (paid, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(paid.len(), 14);
    assert!(rest.iter().all(|answer| answer.problem() == refused(409, "conflict")));
    assert_eq!(both_hold(&bank).await, (Some(20), Some(1_480)));
}

#[tokio::test]
async fn the_same_idempotency_key_on_two_routes_is_two_orders() {
    let (bank, bobs) = two_people().await;
    assert_eq!(bank.send(&Ask::deposit("alice", "k1", 5)).await.status, 201);
    assert_eq!(bank.send(&Ask::transfer("alice", "k1", bobs, 5)).await.status, 201);
    assert_eq!(both_hold(&bank).await, (Some(1_000), Some(505)));
}

#[tokio::test]
async fn a_chain_for_one_transfer_pays_nobody_else() {
    let (bank, bobs) = two_people().await;
    let alices = bank.number("alice").await;
    let order = Ask::transfer("bob", "k1", alices, 5);
    let chain = bank.chain(&order);
    for ask in [
        Ask::transfer("bob", "k1", bobs, 5),
        Ask::transfer("bob", "k1", alices, 500),
        Ask::transfer("bob", "k2", alices, 5),
        Ask::deposit("bob", "k1", 5),
    ] {
        assert_eq!(bank.send_with(&chain, &ask).await.problem(), refused(403, "not-permitted"));
    }
    // One person's transactions cannot be asked for with a chain for another page of them, or with an order.
    let page = Ask::transactions("bob", "?limit=1");
    assert_eq!(bank.send_with(&bank.chain(&page), &Ask::transactions("bob", "?limit=2")).await.problem().0, 403);
    assert_eq!(bank.send_with(&chain, &page).await.problem().0, 403);
    assert_eq!(both_hold(&bank).await, (Some(1_000), Some(500)));
}

#[tokio::test]
async fn transactions_come_in_pages() {
    let (bank, bobs) = two_people().await;
    for n in 1..=4 {
        bank.send(&Ask::transfer("alice", &format!("k{n}"), bobs, n)).await;
    }
    let first = bank.send(&Ask::transactions("alice", "?limit=3")).await.json();
    let minors = |page: &serde_json::Value| {
        page["transactions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|moved| moved["minor"].as_i64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(minors(&first), [-4, -3, -2]);
    bank.send(&Ask::transfer("alice", "k5", bobs, 5)).await;
    let after = first["next"].as_str().unwrap();
    let second = bank.send(&Ask::transactions("alice", &format!("?after={after}&limit=3"))).await.json();
    assert_eq!((minors(&second), second.get("next")), (vec![-1, 1_000], None));
    let theirs = bank.send(&Ask::transactions("bob", &format!("?after={after}"))).await;
    assert_eq!(theirs.problem(), refused(400, "invalid-request"), "alice's cursor is nothing to bob");
}

#[tokio::test]
async fn a_malformed_query_is_refused_and_a_stranger_has_no_transactions() {
    let (bank, _) = two_people().await;
    for query in ["?limit=0", "?limit=101", "?limit=x", "?after=x", "?after=", "?limit=1&limit=1", "?dpr=bob"] {
        let answer = bank.send(&Ask::transactions("alice", query)).await;
        assert_eq!(answer.problem(), refused(400, "invalid-request"), "{query}");
    }
    assert_eq!(bank.send(&Ask::transactions("mallory", "")).await.problem(), refused(404, "unknown-account"));
    let impostor = Ask { dpa: EVIL_DPA, ..Ask::transactions("alice", "") };
    assert_eq!(bank.send(&impostor).await.problem(), refused(404, "unknown-account"));
}
