//! Which replica is asked: all of them, none that is out of service, never another workload.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mesh::{Client, ClientError, ClientSettings, Origins};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep, timeout},
};

use super::fleet::{ANY, Fleet, Process, numbered};
use crate::fixture::{SOON, eventually, id};

async fn ask(client: &Client) -> Result<bool, ClientError> {
    client.get_json("/").await
}

/// An address where nobody listens.
async fn nowhere() -> SocketAddr {
    TcpListener::bind(ANY).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn asks_every_address_of_a_name_in_turn() {
    let fleet = Fleet::start(3).await;
    let client = fleet.client();
    for _ in 0..30 {
        ask(&client).await.unwrap();
    }
    assert_eq!(fleet.seen(), [10, 10, 10]);
}

#[tokio::test]
async fn asks_every_url_of_a_list() {
    let fleet = Fleet::start(2).await;
    let urls = fleet.replicas.iter().map(|replica| format!("https://{}", replica.addr).parse().unwrap());
    let origins = Origins::new(urls).unwrap();
    let client = Client::balanced(&fleet.alice, id("target-wl"), &origins, ClientSettings::default()).unwrap();
    for _ in 0..10 {
        ask(&client).await.unwrap();
    }
    assert_eq!(fleet.seen(), [5, 5]);
}

#[tokio::test]
async fn prefers_the_replica_with_the_least_under_way() {
    let fleet = Fleet::start(2).await;
    let client = fleet.client();
    let stuck = client.clone();
    let under_way = tokio::spawn(async move { stuck.call(numbered("GET", "/stuck", 0)).await });
    eventually("the request arrives", async || fleet.seen().contains(&1)).await;
    let busy = fleet.seen().iter().position(|seen| *seen == 1).unwrap();
    for _ in 0..10 {
        ask(&client).await.unwrap();
    }
    assert_eq!((fleet.seen()[busy], fleet.seen()[1 - busy]), (1, 10));
    under_way.abort();
}

#[tokio::test]
async fn a_replica_that_is_gone_costs_no_request_of_any_kind() {
    let mut fleet = Fleet::start(1).await;
    fleet.publish(&[nowhere().await]);
    let client = fleet.client();
    for number in 0..10 {
        assert!(client.call(numbered("POST", "/", number)).await.is_ok());
    }
    let stream = numbered("POST", "/", 10).map(http_body_util::Full::new);
    assert!(client.send(stream).await.is_ok());
    assert_eq!(fleet.seen(), [11]);
    fleet.replicas.clear();
}

#[tokio::test]
async fn a_replica_that_accepts_and_says_nothing_is_waited_for_once() {
    let fleet = Fleet::start(1).await;
    let silent = TcpListener::bind(ANY).await.unwrap();
    fleet.publish(&[silent.local_addr().unwrap()]);
    let client = fleet.client_with(ClientSettings { connect_timeout: Duration::from_millis(300), ..fleet.settings() });
    let asking = (0..50).map(|_| ask(&client));
    let start = Instant::now();
    for answer in futures::future::join_all(asking).await {
        answer.unwrap();
    }
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    let start = Instant::now();
    ask(&client).await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_replica_with_another_identity_is_never_asked() {
    let fleet = Fleet::start(1).await;
    let bob = fleet.spire.identity(id("bob")).await;
    let impostor = Process::start(&bob, ANY.parse().unwrap(), Arc::default()).await;
    fleet.publish(&[impostor.addr]);
    let client = fleet.client();
    for number in 0..20 {
        client.call(numbered("POST", "/", number)).await.unwrap();
    }
    assert_eq!((fleet.seen(), impostor.seen.total()), (vec![20], 0));

    // Alone, it is named.
    fleet.names.set("target-wl", &[impostor.addr]);
    match ask(&fleet.client()).await.unwrap_err() {
        ClientError::WrongPeer { expected, found, address } => {
            assert_eq!((expected, found), (id("target-wl"), id("bob")));
            assert_eq!(address, "target-wl:443 (127.0.0.1)");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(impostor.seen.total(), 0);
}

#[tokio::test]
async fn follows_a_name_when_it_changes_and_keeps_what_it_knew_when_there_is_no_answer() {
    let mut fleet = Fleet::start(2).await;
    let (first, second) = (fleet.replicas[0].addr, fleet.replicas[1].addr);
    fleet.names.set("target-wl", &[first]);
    let client = fleet.client();
    ask(&client).await.unwrap();
    fleet.names.set("target-wl", &[second]);
    eventually("the second replica is asked", async || {
        ask(&client).await.unwrap();
        fleet.seen()[1] > 0
    })
    .await;
    let seen = fleet.seen()[0];
    fleet.names.forget("target-wl");
    sleep(Duration::from_millis(400)).await;
    ask(&client).await.unwrap();
    fleet.names.set("target-wl", &[]);
    sleep(Duration::from_millis(400)).await;
    ask(&client).await.unwrap();
    assert_eq!(fleet.seen()[0], seen);
    fleet.replicas.clear();
}

#[tokio::test]
async fn a_name_that_stands_for_nothing_is_an_error_until_it_does() {
    let fleet = Fleet::start(1).await;
    fleet.names.forget("target-wl");
    let client = fleet.client();
    let error = ask(&client).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect to spiffe://bank.example/target-wl at target-wl:443");
    assert!(error.is_before_request());
    fleet.publish(&[]);
    ask(&client).await.unwrap();
}

#[tokio::test]
async fn replicas_that_are_all_down_are_asked_as_soon_as_one_is_back() {
    let mut fleet = Fleet::start(2).await;
    let client = fleet.client();
    ask(&client).await.unwrap();
    fleet.replicas.iter_mut().for_each(Process::kill);
    eventually("requests fail", async || ask(&client).await.is_err()).await;
    for _ in 0..5 {
        let start = Instant::now();
        assert!(matches!(ask(&client).await.unwrap_err(), ClientError::Connect { .. }));
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
    let addr = fleet.replicas[0].addr;
    fleet.replicas[0] = Process::start(&fleet.target, addr, Arc::default()).await;
    ask(&client).await.unwrap();
}

#[tokio::test]
async fn a_replica_comes_back_by_itself() {
    let mut fleet = Fleet::start(2).await;
    let client = fleet.client();
    ask(&client).await.unwrap();
    ask(&client).await.unwrap();
    fleet.replicas[1].kill();
    sleep(Duration::from_millis(100)).await;
    for _ in 0..10 {
        ask(&client).await.unwrap();
    }
    let addr = fleet.replicas[1].addr;
    fleet.replicas[1] = Process::start(&fleet.target, addr, Arc::default()).await;
    eventually("it is asked again", async || {
        ask(&client).await.unwrap();
        fleet.seen()[1] > 0
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_freezes_is_noticed_on_its_open_connection() {
    let fleet = Fleet::start(2).await;
    let relay = super::relay::Relay::start(fleet.replicas[0].addr).await;
    fleet.names.set("target-wl", &[relay.addr, fleet.replicas[1].addr]);
    let settings = ClientSettings {
        ping_after: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(300),
        connect_timeout: Duration::from_millis(300),
        ..fleet.settings()
    };
    let client = fleet.client_with(settings);
    for _ in 0..4 {
        ask(&client).await.unwrap();
    }
    relay.freeze();
    let start = Instant::now();
    for answer in timeout(SOON, futures::future::join_all((0..10).map(|_| ask(&client)))).await.unwrap() {
        answer.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(fleet.seen().iter().sum::<usize>(), 14);
}
