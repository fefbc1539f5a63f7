//! Many requests at once while replicas come and go.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mesh::{Client, ClientSettings};
use tokio::time::sleep;

use super::fleet::{Fleet, Process, Seen, numbered};
use crate::fixture::eventually;

/// Sends from `tasks` at once, each one request after the other, while `meanwhile` runs; returns how many were sent and
/// what went wrong.
async fn under_load(
    client: &Client,
    tasks: usize,
    method: &'static str,
    meanwhile: impl Future<Output = ()>,
) -> (usize, Vec<String>) {
    let (stop, number) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..tasks)
        .map(|_| {
            let (client, stop, number) = (client.clone(), stop.clone(), number.clone());
            tokio::spawn(async move {
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let number = number.fetch_add(1, Ordering::Relaxed);
                    match client.call(numbered(method, "/slow", number)).await {
                        Ok(answer) => assert_eq!(answer.body, "true"),
                        Err(error) => failed.push(format!("{number}: {error:?}")),
                    }
                }
                failed
            })
        })
        .collect();
    meanwhile.await;
    stop.store(true, Ordering::Relaxed);
    let mut failed = Vec::new();
    for worker in workers {
        failed.extend(worker.await.unwrap());
    }
    (number.load(Ordering::Relaxed), failed)
}

/// How often each request came, over all replicas there ever were.
fn counts(seen: &[Arc<Seen>]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for seen in seen {
        for (number, count) in &*seen.numbers.lock().unwrap() {
            *counts.entry(number.clone()).or_default() += count;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_a_replica_takes_no_safe_request_with_it() {
    let mut fleet = Fleet::start(2).await;
    let client = fleet.client_with(ClientSettings { repeat_share: 1.0, repeat_floor: 1000, ..fleet.settings() });
    let mut all: Vec<_> = fleet.replicas.iter().map(|replica| replica.seen.clone()).collect();
    let target = fleet.target.clone();
    let restarts = async {
        for _ in 0..4 {
            sleep(Duration::from_millis(200)).await;
            let addr = fleet.replicas[0].addr;
            fleet.replicas[0].kill();
            sleep(Duration::from_millis(200)).await;
            fleet.replicas[0] = Process::start(&target, addr, Arc::default()).await;
            all.push(fleet.replicas[0].seen.clone());
            eventually("it is used again", async || fleet.replicas[0].seen.total() > 0).await;
        }
    };
    let (sent, failed) = under_load(&client, 500, "GET", restarts).await;
    assert_eq!(failed, Vec::<String>::new(), "of {sent}");
    let counts = counts(&all);
    assert_eq!(counts.len(), sent);
    let (repeated, most) = (counts.values().filter(|count| **count > 1).count(), counts.values().max().unwrap());
    assert!(*most <= 2, "{most}");
    assert!(repeated > 0 && repeated * 2 < sent, "{repeated} of {sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_gracefully_a_replica_costs_no_request_of_any_kind() {
    let mut fleet = Fleet::start(2).await;
    let client = fleet.client();
    let mut all: Vec<_> = fleet.replicas.iter().map(|replica| replica.seen.clone()).collect();
    let target = fleet.target.clone();
    let restarts = async {
        for round in 0..6 {
            sleep(Duration::from_millis(200)).await;
            let place = round % 2;
            let addr = fleet.replicas[place].addr;
            fleet.replicas[place].stop();
            sleep(Duration::from_millis(200)).await;
            fleet.replicas[place].kill();
            fleet.replicas[place] = Process::start(&target, addr, Arc::default()).await;
            all.push(fleet.replicas[place].seen.clone());
        }
        sleep(Duration::from_millis(300)).await;
    };
    let (sent, failed) = under_load(&client, 50, "POST", restarts).await;
    assert_eq!(failed, Vec::<String>::new(), "of {sent}");
    let counts = counts(&all);
    assert_eq!((counts.len(), counts.values().max()), (sent, Some(&1)));
}
