//! What is sent once more when a replica dies, and what is not.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use mesh::{Client, ClientError, ClientSettings};
use tokio::{task::JoinHandle, time::timeout};

use super::fleet::{Fleet, numbered};
use crate::fixture::{SOON, eventually};

type Answered = Result<Bytes, ClientError>;

fn call(client: &Client, request: Request<Bytes>) -> JoinHandle<Answered> {
    let client = client.clone();
    tokio::spawn(async move { client.call(request).await.map(|answer| answer.body) })
}

fn whole(client: &Client, request: Request<Bytes>) -> JoinHandle<Answered> {
    let client = client.clone();
    tokio::spawn(async move {
        let response = client.send_whole(request).await?;
        Ok(response
            .into_body()
            .collect()
            .await
            .map_or_else(|_| Bytes::from_static(b"broken"), http_body_util::Collected::to_bytes))
    })
}

fn keyed(path: &str) -> Request<Bytes> {
    let request = Request::builder().method("POST").uri(path).header("idempotency-key", "k1").header("n", "1");
    request.body(Bytes::from_static(b"money")).unwrap()
}

async fn soon(answer: JoinHandle<Answered>) -> Answered {
    timeout(SOON, answer).await.unwrap().unwrap()
}

/// Sends, kills the replica that got the request, and returns what became of it and who saw it: first and second.
async fn survive(fleet: &mut Fleet, send: impl FnOnce(&Client) -> JoinHandle<Answered>) -> (Answered, usize, usize) {
    let answer = send(&fleet.client());
    let asked = fleet.asked().await;
    fleet.replicas[asked].kill();
    let answer = soon(answer).await;
    (answer, fleet.seen()[asked], fleet.seen()[1 - asked])
}

#[tokio::test]
async fn a_safe_request_survives_the_replica_that_is_at_work_on_it() {
    for method in ["GET", "OPTIONS", "HEAD"] {
        let mut fleet = Fleet::start(2).await;
        let (answer, first, second) = survive(&mut fleet, |client| call(client, numbered(method, "/stuck", 1))).await;
        assert_eq!((answer.is_ok(), first, second), (true, 1, 1), "{method}");
    }
}

#[tokio::test]
async fn a_keyed_request_survives_with_the_same_body() {
    let mut fleet = Fleet::start(2).await;
    let (answer, first, second) = survive(&mut fleet, |client| whole(client, keyed("/stuck"))).await;
    assert_eq!((answer.unwrap().as_ref(), first, second), (b"true".as_slice(), 1, 1));
    for replica in &fleet.replicas {
        assert_eq!(*replica.seen.bodies.lock().unwrap(), [Bytes::from_static(b"money")]);
    }
}

#[tokio::test]
async fn any_other_request_that_may_have_been_begun_is_not_sent_again() {
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let mut fleet = Fleet::start(2).await;
        let (answer, first, second) = survive(&mut fleet, |client| call(client, numbered(method, "/stuck", 1))).await;
        assert!(matches!(answer.unwrap_err(), ClientError::Broken { .. }), "{method}");
        assert_eq!((first, second), (1, 0), "{method}");
    }
}

#[tokio::test]
async fn a_streamed_request_that_was_begun_is_not_sent_again() {
    let mut fleet = Fleet::start(2).await;
    let streamed = |client: &Client| {
        let client = client.clone();
        tokio::spawn(
            async move { client.send(keyed("/stuck").map(http_body_util::Full::new)).await.map(|_| Bytes::new()) },
        )
    };
    let (answer, first, second) = survive(&mut fleet, streamed).await;
    assert!(matches!(answer.unwrap_err(), ClientError::Broken { .. }));
    assert_eq!((first, second), (1, 0));
}

#[tokio::test]
async fn a_caller_that_vouches_for_a_request_has_it_repeated() {
    let mut fleet = Fleet::start(2).await;
    let vouched = |client: &Client| {
        let client = client.clone();
        tokio::spawn(
            async move { client.call_repeatable(numbered("POST", "/stuck", 1)).await.map(|answer| answer.body) },
        )
    };
    let (answer, first, second) = survive(&mut fleet, vouched).await;
    assert_eq!((answer.unwrap().as_ref(), first, second), (b"true".as_slice(), 1, 1));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again_unless_the_caller_has_its_head() {
    let mut fleet = Fleet::start(2).await;
    let (answer, first, second) = survive(&mut fleet, |client| call(client, numbered("GET", "/half", 1))).await;
    assert_eq!((answer.unwrap().as_ref(), first, second), (b"true".as_slice(), 1, 1));

    let mut fleet = Fleet::start(2).await;
    let (answer, first, second) = survive(&mut fleet, |client| whole(client, numbered("GET", "/half", 1))).await;
    assert_eq!((answer.unwrap().as_ref(), first, second), (b"broken".as_slice(), 1, 0));
}

#[tokio::test]
async fn a_request_is_repeated_only_once() {
    let mut fleet = Fleet::start(3).await;
    let answer = call(&fleet.client(), numbered("GET", "/stuck", 1));
    eventually("the first replica is asked", async || fleet.seen().iter().sum::<usize>() == 1).await;
    let first = fleet.seen().iter().position(|seen| *seen == 1).unwrap();
    fleet.replicas[first].kill();
    eventually("the second replica is asked", async || fleet.seen().iter().sum::<usize>() == 2).await;
    let second = (0..3).find(|place| *place != first && fleet.seen()[*place] == 1).unwrap();
    fleet.replicas[second].kill();
    assert!(matches!(soon(answer).await.unwrap_err(), ClientError::Broken { .. }));
    assert_eq!(fleet.seen().iter().sum::<usize>(), 2);
}

#[tokio::test]
async fn a_silent_replica_does_not_get_a_request_repeated() {
    let fleet = Fleet::start(2).await;
    let settings = ClientSettings { first_byte_timeout: Duration::from_millis(200), ..fleet.settings() };
    let client = fleet.client_with(settings);
    let error = client.call(numbered("GET", "/stuck", 1)).await.unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }), "{error:?}");
    assert_eq!(fleet.seen().iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn all_attempts_together_have_a_deadline() {
    let mut fleet = Fleet::start(2).await;
    let settings = ClientSettings {
        connect_timeout: Duration::from_millis(200),
        first_byte_timeout: Duration::from_millis(800),
        ..fleet.settings()
    };
    let client = fleet.client_with(settings);
    let start = tokio::time::Instant::now();
    let answer = call(&client, numbered("GET", "/stuck", 1));
    eventually("the first replica is asked", async || fleet.seen().iter().sum::<usize>() == 1).await;
    let first = fleet.seen().iter().position(|seen| *seen == 1).unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    fleet.replicas[first].kill();
    let error = soon(answer).await.unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }), "{error:?}");
    let took = start.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_millis(1300)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn trouble_is_not_doubled() {
    let spire = crate::fixture::Spire::start().await;
    let alice = spire.identity(crate::fixture::id("alice")).await;
    let addr = crate::client::breaking_server(&spire, usize::MAX).await;
    let settings = ClientSettings { repeat_share: 0.2, repeat_floor: 10, ..ClientSettings::default() };
    let client = Client::new(&alice, crate::fixture::id("target-wl"), &crate::fixture::url(addr.0), settings).unwrap();
    for _ in 0..100 {
        assert!(client.call(numbered("GET", "/", 1)).await.is_err());
    }
    let sent = addr.1.load(std::sync::atomic::Ordering::SeqCst);
    assert!((110..=130).contains(&sent), "{sent}");
}
