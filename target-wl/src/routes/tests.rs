//! Requests with real chains through the real gate.

mod transfers;

use token::Mode;
use token::policy::{RequestBinding, Route};
use tokio::task::JoinSet;

use super::*;
use crate::fixture::{Ask, DPA, EVIL_DPA, Fixture, policy};

fn refused(status: u16, slug: &str) -> (u16, String) {
    (status, slug.to_owned())
}

#[tokio::test]
async fn a_deposit_becomes_a_balance_in_plain_and_anonymous_mode() {
    let bank = Fixture::new().await;
    for (n, mode) in [Mode::Plain, Mode::Anonymous].into_iter().enumerate() {
        let deposit = Ask { mode, ..Ask::deposit("alice", &format!("k{n}"), 2_500) };
        let answer = bank.send(&deposit).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let balance = 2_500 * (i64::try_from(n).unwrap() + 1);
        assert_eq!(answer.json()["balance_minor"], balance);
        let answer = bank.send(&Ask { mode, ..Ask::balance("alice") }).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let account = bank.number("alice").await;
        assert_eq!(
            answer.json(),
            serde_json::json!({
                "dpa": DPA, "dpr": "alice", "account": account, "balances": [{"currency": "USD", "minor": balance}],
            })
        );
    }
}

#[tokio::test]
async fn an_unknown_person_has_no_account() {
    let bank = Fixture::new().await;
    let answer = bank.send(&Ask::balance("mallory")).await;
    assert_eq!(answer.problem(), refused(404, "unknown-account"));
    assert!(bank.events().await.is_empty());
}

#[tokio::test]
async fn the_same_dpr_from_another_dpa_sees_and_moves_nothing() {
    let bank = Fixture::new().await;
    bank.send(&Ask::deposit("alice", "k1", 5)).await;
    let impostor = Ask { dpa: EVIL_DPA, ..Ask::balance("alice") };
    assert_eq!(bank.send(&impostor).await.problem(), refused(404, "unknown-account"));
    let impostor = Ask { dpa: EVIL_DPA, ..Ask::deposit("alice", "k1", 7) };
    assert_eq!(bank.send(&impostor).await.status, 201);
    assert_eq!((bank.holds(DPA, "alice").await, bank.holds(EVIL_DPA, "alice").await), (Some(5), Some(7)));
}

#[tokio::test]
async fn an_issuer_that_is_not_listed_is_refused() {
    let bank = Fixture::new().await;
    let stranger = Ask { dpa: "https://attacker.example", ..Ask::deposit("alice", "k1", 5) };
    assert_eq!(bank.send(&stranger).await.problem(), refused(401, "invalid-chain"));
}

#[tokio::test]
async fn a_chain_without_the_scope_is_refused() {
    let bank = Fixture::new().await;
    let reader = Ask { scope: "accounts.read", ..Ask::deposit("alice", "k1", 5) };
    assert_eq!(bank.send(&reader).await.problem(), refused(403, "not-permitted"));
    let writer = Ask { scope: "payments.write", ..Ask::balance("alice") };
    assert_eq!(bank.send(&writer).await.problem(), refused(403, "not-permitted"));
    assert_eq!(bank.holds(DPA, "alice").await, None);
}

#[tokio::test]
async fn an_amount_above_the_limit_is_refused() {
    let bank = Fixture::new().await;
    for (mode, slug) in [(Mode::Anonymous, "not-permitted"), (Mode::Plain, "not-permitted")] {
        let deposit = Ask { mode, ..Ask::deposit("alice", "k1", 2_501).up_to("USD", 2_500) };
        let answer = bank.send(&deposit).await;
        assert_eq!(answer.problem(), refused(403, slug));
        assert_eq!(answer.json()["culprit"], "spiffe://bank.example/target-wl");
    }
    assert_eq!(bank.holds(DPA, "alice").await, None);
    assert_eq!(bank.send(&Ask::deposit("alice", "k1", 2_500).up_to("USD", 2_500)).await.status, 201);
}

#[tokio::test]
async fn another_currency_than_the_limit_names_is_refused() {
    let bank = Fixture::new().await;
    let answer = bank.send(&Ask::deposit("alice", "k1", 1).up_to("EUR", 2_500)).await;
    assert_eq!(answer.problem(), refused(403, "not-permitted"));
    assert_eq!(bank.holds(DPA, "alice").await, None);
}

#[tokio::test]
async fn a_limit_consumed_in_two_requests_at_once_is_spent_once() {
    let bank = std::sync::Arc::new(Fixture::new().await);
    let ask = Ask::deposit("alice", "k1", 2_500).up_to("USD", 2_500);
    let chain = bank.chain(&ask);
    let mut requests = JoinSet::new();
    for _ in 0..10 {
        let (bank, ask, chain) = (bank.clone(), ask.clone(), chain.clone());
        requests.spawn(async move { bank.send_with(&chain, &ask).await });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(bank.holds(DPA, "alice").await, Some(2_500));
}

#[tokio::test]
async fn a_repeated_deposit_is_answered_once_with_the_same_bytes() {
    let bank = Fixture::new().await;
    let ask = Ask::deposit("alice", "k1", 5);
    let first = bank.send(&ask).await;
    bank.clock.advance(Duration::from_secs(7));
    let again = bank.send(&ask).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.headers["content-type"], first.headers["content-type"]);
    assert_eq!(bank.holds(DPA, "alice").await, Some(5));
}

#[tokio::test]
async fn the_same_transfer_repeated_by_a_middle_tier_with_a_new_key_is_refused() {
    let bank = Fixture::new().await;
    for mode in [Mode::Plain, Mode::Anonymous] {
        let ask = Ask { mode, ..Ask::deposit("alice", "k1", 5) };
        let chain = bank.chain(&ask);
        assert_eq!(bank.send_with(&chain, &ask).await.status, 201);
        let repeated = ask.clone().without("idempotency-key").with("idempotency-key", "k2");
        let answer = bank.send_with(&chain, &repeated).await;
        assert_eq!(answer.problem(), refused(403, "not-permitted"), "`rqd` binds the key");
    }
    assert_eq!(bank.holds(DPA, "alice").await, Some(5));
}

#[tokio::test]
async fn a_first_link_spent_on_one_key_does_not_pay_for_another_where_hops_rewrite() {
    let last_hop = row(Some("POST"), DEPOSITS, "payments.write", RequestBinding::LastHop);
    let bank = Fixture::with(last_hop, Duration::from_secs(30)).await;
    let (honest, again) = (Ask::deposit("alice", "k1", 5), Ask::deposit("alice", "k2", 5));
    let unsealed = bank.unsealed(&honest);
    let answer = bank.send_with(&bank.extend(&unsealed, &honest, true), &honest).await;
    assert_eq!(answer.status, 201);
    let repeated = bank.send_with(&bank.extend(&unsealed, &honest, true), &honest).await;
    assert_eq!((repeated.status, &repeated.body), (201, &answer.body));
    let replayed = bank.send_with(&bank.extend(&unsealed, &again, true), &again).await;
    assert_eq!(replayed.problem(), refused(409, "replay-detected"));
    assert_eq!(bank.holds(DPA, "alice").await, Some(5));
    bank.rejections.flush(&*bank.store, store::Moment::from_seconds(1)).await.unwrap();
    assert_eq!(bank.events().await.last().unwrap().kind, crate::rejections::REPLAYED);
}

#[tokio::test]
async fn an_unsealed_anonymous_chain_is_refused_and_names_the_setting() {
    let bank = Fixture::new().await;
    let ask = Ask::deposit("alice", "k1", 5);
    let unsealed = bank.extend(&bank.unsealed(&ask), &ask, false);
    let answer = bank.send_with(&unsealed, &ask).await;
    assert_eq!(answer.problem(), refused(401, "invalid-chain"));
    assert!(answer.detail().contains("seal = true"), "{answer:?}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let bank = Fixture::with(policy(), Duration::from_millis(50)).await;
    let ask = Ask::deposit("alice", "k1", 5);
    let mut request = Request::builder().method("POST").uri(DEPOSITS).header("da-svid", bank.chain(&ask));
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    let (_sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = axum::body::Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let answer = bank.send_raw(request.body(body).unwrap()).await;
    assert_eq!(answer.problem(), refused(503, "unavailable"));
}

#[tokio::test]
async fn the_same_idempotency_key_with_another_body_is_a_conflict() {
    let bank = Fixture::new().await;
    bank.send(&Ask::deposit("alice", "k1", 5)).await;
    assert_eq!(bank.send(&Ask::deposit("alice", "k1", 6)).await.problem(), refused(409, "conflict"));
    assert_eq!(bank.holds(DPA, "alice").await, Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_twice_at_once_is_one_effect() {
    let bank = std::sync::Arc::new(Fixture::new().await);
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let bank = bank.clone();
        requests.spawn(async move { bank.send(&Ask::deposit("alice", "k1", 5)).await });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.body == answers[0].body));
    assert_eq!(bank.holds(DPA, "alice").await, Some(5));
}

#[tokio::test]
async fn a_deposit_without_a_usable_idempotency_key_is_refused() {
    let bank = Fixture::new().await;
    let keyless = Ask::deposit("alice", "k1", 5).without("idempotency-key");
    let long = keyless.clone().with("idempotency-key", &"k".repeat(256));
    let empty = keyless.clone().with("idempotency-key", "");
    let body = &keyless.body;
    let twice = Ask { body: body.clone(), ..keyless.clone() };
    for ask in [keyless.clone(), long, empty] {
        let answer = bank.send(&ask).await;
        assert_eq!(answer.problem(), refused(400, "invalid-request"), "{answer:?}");
    }
    let chain = bank.chain(&Ask::deposit("alice", "k1", 5));
    let twice = twice.with("idempotency-key", "k1").with("idempotency-key", "k1");
    assert_eq!(bank.send_with(&chain, &twice).await.problem(), refused(400, "invalid-request"));
    assert_eq!(bank.holds(DPA, "alice").await, None);
}

#[tokio::test]
async fn negative_zero_overflowing_and_fractional_amounts_are_refused_and_say_why() {
    let bank = Fixture::new().await;
    for amount in ["-5", "0", "2.5", "1e3", "9007199254740992", "99999999999999999999", "\"5\""] {
        let body = format!(r#"{{"currency":"USD","minor":{amount}}}"#);
        let ask = Ask::post("alice", body.into_bytes()).with("idempotency-key", "k1");
        let answer = bank.send(&ask).await;
        assert_eq!(answer.problem(), refused(400, "invalid-request"), "{amount}");
        assert!(answer.detail().contains("whole number"), "{amount}: {answer:?}");
    }
    assert_eq!(bank.holds(DPA, "alice").await, None);
}

#[tokio::test]
async fn garbage_is_refused_with_a_problem() {
    let bank = Fixture::new().await;
    for body in ["{", "[]", "null", r#"{"currency":"USD","minor":5}{}"#, r#"{"currency":"USD","minor":5,"dpr":"bob"}"#]
    {
        let ask = Ask::post("alice", body.as_bytes().to_vec()).with("idempotency-key", "k1");
        assert_eq!(bank.send(&ask).await.problem(), refused(400, "invalid-request"), "{body}");
    }
}

#[tokio::test]
async fn a_huge_body_is_refused() {
    let bank = Fixture::new().await;
    let ask = Ask::post("alice", vec![b' '; 64 * 1024 + 1]).with("idempotency-key", "k1");
    assert_eq!(bank.send(&ask).await.problem(), refused(413, "too-large"));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let bank = Fixture::new().await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let ask = Ask::deposit("alice", "k1", 5).without("content-type").with("content-type", content_type);
        assert_eq!(bank.send(&ask).await.problem(), refused(415, "unsupported-media-type"), "{content_type}");
    }
    let encoded = Ask::deposit("alice", "k1", 5).with("content-encoding", "gzip");
    assert_eq!(bank.send(&encoded).await.problem(), refused(415, "unsupported-media-type"));
}

#[tokio::test]
async fn a_body_without_or_with_another_digest_is_refused() {
    let bank = Fixture::new().await;
    let ask = Ask::deposit("alice", "k1", 5);
    let chain = bank.chain(&ask);
    let bare = ask.clone().without("content-digest");
    assert_eq!(bank.send_with(&chain, &bare).await.problem(), refused(400, "invalid-request"));
    let swapped = Ask { body: br#"{"currency":"USD","minor":9}"#.to_vec(), ..ask };
    assert_eq!(bank.send_with(&chain, &swapped).await.problem(), refused(400, "invalid-request"));
    assert_eq!(bank.holds(DPA, "alice").await, None);
}

#[tokio::test]
async fn a_chain_for_one_request_does_not_pay_for_another() {
    let bank = Fixture::new().await;
    let enquiry = bank.chain(&Ask::balance("alice"));
    let answer = bank.send_with(&enquiry, &Ask::deposit("alice", "k1", 5)).await;
    assert_eq!(answer.problem(), refused(403, "not-permitted"));
    assert_eq!(bank.holds(DPA, "alice").await, None);
}

#[tokio::test]
async fn requests_without_a_chain_are_refused() {
    let bank = Fixture::new().await;
    for (method, path) in [("GET", BALANCE), ("POST", DEPOSITS), ("POST", TRANSFERS), ("GET", TRANSACTIONS)] {
        let request = Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(bank.send_raw(request).await.problem(), refused(401, "invalid-token"), "{path}");
    }
}

#[tokio::test]
async fn wrong_methods_and_paths_are_problems() {
    let bank = Fixture::new().await;
    let cases = [
        ("DELETE", BALANCE, 405, "method-not-allowed"),
        ("GET", DEPOSITS, 405, "method-not-allowed"),
        ("GET", TRANSFERS, 405, "method-not-allowed"),
        ("POST", TRANSACTIONS, 405, "method-not-allowed"),
        ("POST", OPENAPI, 405, "method-not-allowed"),
        ("GET", "/v1/balance/", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
    ];
    for (method, path, status, slug) in cases {
        let request = Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
        assert_eq!(bank.send_raw(request).await.problem(), refused(status, slug), "{method} {path}");
    }
}

#[tokio::test]
async fn refusals_become_events() {
    let bank = Fixture::new().await;
    let limited = Ask::deposit("alice", "k1", 9).up_to("USD", 5);
    let chain = bank.chain(&limited);
    for _ in 0..3 {
        bank.send_with(&chain, &limited).await;
    }
    bank.rejections.flush(&*bank.store, store::Moment::from_seconds(1)).await.unwrap();
    let events = bank.events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].kind, crate::rejections::REJECTED);
    assert_eq!((&events[0].payload["rule"], &events[0].payload["count"]), (&"authority".into(), &3.into()));
    assert_eq!(events[0].subject["format"], "jwt_id");
    assert!(events[0].txn.is_some());
}

#[tokio::test]
async fn describes_itself() {
    let bank = Fixture::new().await;
    let request = Request::builder().uri(OPENAPI).body(axum::body::Body::empty()).unwrap();
    let answer = bank.send_raw(request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), serde_json::from_str::<serde_json::Value>(&openapi()).unwrap());
    for path in [BALANCE, DEPOSITS, TRANSFERS, TRANSACTIONS] {
        assert!(answer.json()["paths"][path].is_object(), "{path}");
    }
}

#[test]
fn the_description_that_is_checked_in_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/target-wl.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, openapi() + "\n").unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), openapi() + "\n", "run the test with UPDATE_OPENAPI=1");
}

fn row(method: Option<&str>, path: &str, scope: &str, request_binding: RequestBinding) -> Policy {
    let route = Route { method: method.map(str::to_owned), path: path.into(), scope: scope.into(), request_binding };
    Policy { route: vec![route], ..policy() }
}

#[test]
fn routes_without_a_row_have_their_own_scope_and_are_bound_end_to_end() {
    let rules = Rules::declare(&policy()).unwrap();
    let rule = |scope: &str| RouteRule { scope: scope.into(), request_binding: RequestBinding::EndToEnd };
    let expected = Rules {
        balance: rule("accounts.read"),
        deposits: rule("payments.write"),
        transfers: rule("payments.write"),
        transactions: rule("accounts.read"),
    };
    assert_eq!(rules, expected);
}

#[test]
fn a_row_changes_what_its_route_requires() {
    let rules = Rules::declare(&row(Some("GET"), BALANCE, "read", RequestBinding::None)).unwrap();
    assert_eq!(rules.balance, RouteRule { scope: "read".into(), request_binding: RequestBinding::None });
    assert_eq!(rules.deposits.scope, "payments.write");
}

#[test]
fn a_route_without_a_scope_is_refused_at_start_up() {
    for scope in ["", "a b", " "] {
        let refused = Rules::declare(&row(Some("POST"), DEPOSITS, scope, RequestBinding::EndToEnd));
        assert!(matches!(refused, Err(ConfigError::Invalid { key, .. }) if key == "policy.route.scope"), "{scope:?}");
    }
}

#[test]
fn an_unbound_deposit_is_refused_at_start_up() {
    let refused = Rules::declare(&row(Some("POST"), DEPOSITS, "payments.write", RequestBinding::None));
    assert!(matches!(refused, Err(ConfigError::Invalid { key, .. }) if key == "policy.route.request_binding"));
}

#[test]
fn a_row_for_a_route_that_is_not_served_is_refused_at_start_up() {
    for (method, path) in [(Some("GET"), "/v1/balances"), (Some("PUT"), BALANCE), (None, "/v2/*")] {
        let refused = Rules::declare(&row(method, path, "s", RequestBinding::EndToEnd));
        assert!(matches!(refused, Err(ConfigError::Invalid { key, .. }) if key == "policy.route"), "{path}");
    }
}
