//! What clients did, counted for each replica.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Metric,
};
use spiffe::SpiffeId;

/// Where metrics are registered.
pub trait Registrar {
    /// Takes a metric in.
    fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M);
}

/// The counters of all clients that share them. Cheap to clone.
///
/// A replica that no client knows any more leaves them, so that their number stays bounded where addresses change.
#[derive(Clone, Debug, Default)]
pub struct ClientMetrics(Arc<Families>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    server: String,
    address: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ServerLabels {
    server: String,
}

#[derive(Debug, Default)]
struct Families {
    requests: Family<Labels, Counter>,
    failures: Family<Labels, Counter>,
    ejections: Family<Labels, Counter>,
    ejected: Family<Labels, Gauge>,
    in_flight: Family<Labels, Gauge>,
    repeats: Family<ServerLabels, Counter>,
    denied_repeats: Family<ServerLabels, Counter>,
    /// How many clients know a replica.
    users: Mutex<HashMap<Labels, usize>>,
}

impl ClientMetrics {
    /// Registers the counters as `client_…`, with the labels `server` (SPIFFE ID) and `address`.
    pub fn register(&self, registrar: &impl Registrar) {
        let all = &*self.0;
        registrar.register("client_requests", "Requests sent to a replica", all.requests.clone());
        let help = "Requests to a replica without an answer: no connection, a broken one, or silence";
        registrar.register("client_failures", help, all.failures.clone());
        let help = "Times a client took a replica out of service";
        registrar.register("client_ejections", help, all.ejections.clone());
        let help = "Clients of this process for which a replica is out of service";
        registrar.register("client_ejected", help, all.ejected.clone());
        let help = "Requests at a replica whose answer is not complete";
        registrar.register("client_in_flight", help, all.in_flight.clone());
        let help = "Requests sent once more because a connection died";
        registrar.register("client_repeats", help, all.repeats.clone());
        let help = "Requests not sent once more because too many were of late";
        registrar.register("client_denied_repeats", help, all.denied_repeats.clone());
    }

    /// The counters of one replica for one client.
    pub(super) fn replica(&self, server: &SpiffeId, address: SocketAddr) -> ReplicaMetrics {
        let labels = Labels { server: server.to_string(), address: address.to_string() };
        let mut users = self.0.users.lock().unwrap_or_else(PoisonError::into_inner);
        *users.entry(labels.clone()).or_default() += 1;
        ReplicaMetrics {
            requests: self.0.requests.get_or_create_owned(&labels),
            failures: self.0.failures.get_or_create_owned(&labels),
            ejections: self.0.ejections.get_or_create_owned(&labels),
            ejected: self.0.ejected.get_or_create_owned(&labels),
            in_flight: self.0.in_flight.get_or_create_owned(&labels),
            all: self.clone(),
            labels,
        }
    }

    pub(super) fn repeat(&self, server: &SpiffeId, is_granted: bool) {
        let labels = ServerLabels { server: server.to_string() };
        let family = if is_granted { &self.0.repeats } else { &self.0.denied_repeats };
        family.get_or_create(&labels).inc();
    }
}

/// The counters of one replica, as long as one client knows it.
#[derive(Debug)]
pub(super) struct ReplicaMetrics {
    pub(super) requests: Counter,
    pub(super) failures: Counter,
    pub(super) ejections: Counter,
    pub(super) ejected: Gauge,
    pub(super) in_flight: Gauge,
    all: ClientMetrics,
    labels: Labels,
}

impl Drop for ReplicaMetrics {
    fn drop(&mut self) {
        let all = &*self.all.0;
        let mut users = all.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = users.get_mut(&self.labels) {
            *count -= 1;
            if *count == 0 {
                users.remove(&self.labels);
                all.requests.remove(&self.labels);
                all.failures.remove(&self.labels);
                all.ejections.remove(&self.labels);
                all.ejected.remove(&self.labels);
                all.in_flight.remove(&self.labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text, registry::Registry};
    use std::cell::RefCell;

    use super::*;

    struct Shelf(RefCell<Registry>);

    impl Registrar for Shelf {
        fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) {
            self.0.borrow_mut().register(name, help, metric);
        }
    }

    fn scrape(shelf: &Shelf) -> String {
        let mut out = String::new();
        text::encode(&mut out, &shelf.0.borrow()).unwrap();
        out
    }

    #[test]
    fn a_replica_is_counted_as_long_as_a_client_knows_it() {
        let (metrics, shelf) = (ClientMetrics::default(), Shelf(RefCell::default()));
        metrics.register(&shelf);
        let server = SpiffeId::new("spiffe://bank.example/target-wl").unwrap();
        let address = "192.0.2.1:8444".parse().unwrap();
        let (one, other) = (metrics.replica(&server, address), metrics.replica(&server, address));
        one.requests.inc();
        other.requests.inc();
        let line = r#"client_requests_total{server="spiffe://bank.example/target-wl",address="192.0.2.1:8444"} 2"#;
        assert!(scrape(&shelf).contains(line));
        drop(one);
        assert!(scrape(&shelf).contains(line));
        drop(other);
        assert!(!scrape(&shelf).contains("192.0.2.1"));
    }
}
