//! Several replicas of a hop: a request survives the one that is at work on it, and counts once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chassis::Handle;
use e2e::actor::{balance, deposit};
use e2e::street::endpoint;
use e2e::{Actor, Bank, MODES};
use http::StatusCode;
use middle_tier::MiddleTier;
use token::Mode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use url::Url;
use wire::bank::DepositReceipt;

/// How long something may take that takes milliseconds.
const SOON: Duration = Duration::from_secs(10);

/// More bytes than the frames that keep an idle connection alive, fewer than a request with a chain.
const REQUEST: usize = 500;

/// The wire to a replica: it can hold back what the replica says, and be cut.
struct Wire {
    addr: SocketAddr,
    held: watch::Sender<bool>,
    cut: Arc<Notify>,
    /// Bytes on their way to the replica since its answers are held back.
    sent: Arc<AtomicUsize>,
}

impl Wire {
    async fn to(replica: SocketAddr) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, cut) = (tcp.local_addr().unwrap(), Arc::new(Notify::new()));
        let (held, seen) = watch::channel(false);
        let sent = Arc::<AtomicUsize>::default();
        let (cutting, counted) = (cut.clone(), sent.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = tcp.accept().await {
                tokio::spawn(connection(client, replica, seen.clone(), cutting.clone(), counted.clone()));
            }
        });
        Self { addr, held, cut, sent }
    }

    fn hold(&self) {
        self.sent.store(0, Ordering::SeqCst);
        self.held.send_replace(true);
    }

    /// Every connection of a wire that carries a request breaks; new ones work, and so does an idle wire.
    fn cut(&self) {
        if self.sent.load(Ordering::SeqCst) > REQUEST {
            self.cut.notify_waiters();
        }
        self.held.send_replace(false);
    }
}

async fn connection(
    mut client: TcpStream,
    replica: SocketAddr,
    held: watch::Receiver<bool>,
    cut: Arc<Notify>,
    sent: Arc<AtomicUsize>,
) {
    let cut = cut.notified();
    let mut server = TcpStream::connect(replica).await.unwrap();
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
    let (never, answers) = (watch::channel(false).1, AtomicUsize::default());
    tokio::select! {
        biased;
        () = cut => {}
        () = pump(from_client, to_server, never, &sent) => {}
        () = pump(from_server, to_client, held, &answers) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut held: watch::Receiver<bool>,
    sent: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        sent.fetch_add(read, Ordering::SeqCst);
        // A sender that is gone holds nothing back.
        drop(held.wait_for(|held| !held).await);
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// A first hop whose next hop has two replicas, each at the end of a wire.
struct Fork {
    bank: Bank,
    _second: Handle,
    wires: [Wire; 2],
    entry: Handle,
    teller: Actor,
}

impl Fork {
    async fn open() -> Self {
        let bank = Bank::open().await;
        let second = bank.spawn::<MiddleTier>(&bank.config("middle-tier-2")).await;
        let urls = [bank.endpoint("middle-tier-2").url, endpoint("middle-tier-2", &second).url];
        let address = |url: &Url| format!("127.0.0.1:{}", url.port().unwrap()).parse().unwrap();
        let wires = [Wire::to(address(&urls[0])).await, Wire::to(address(&urls[1])).await];
        let list = format!("https://{},https://{}", wires[0].addr, wires[1].addr);
        let config = bank.config("middle-tier-1").replace(urls[0].as_str(), &list);
        let entry = bank.spawn::<MiddleTier>(&config).await;
        let mut place = bank.place().clone();
        place.entry = endpoint("middle-tier-1", &entry);
        let teller = Actor::connect(&bank.socket("cli"), &place).await;
        Self { bank, _second: second, wires, entry, teller }
    }

    fn counted(&self, line: &str) -> usize {
        let metrics = self.entry.metrics.encode();
        let found = metrics.lines().find_map(|known| known.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_survives_the_hop_that_passed_it_on_and_is_booked_once() {
    let fork = Fork::open().await;
    let token = fork.bank.token("alice").await;
    let beside = fork.bank.actor("cli").await;
    assert!(fork.teller.ask(Mode::Id, &token, &deposit(1, "first")).await.status.is_success());
    for (round, mode) in MODES.into_iter().enumerate() {
        // Both wires have a connection, on which requests pass and no answer comes back.
        for _ in 0..4 {
            assert_eq!(fork.teller.ask(mode, &token, &balance()).await.status, StatusCode::OK);
        }
        fork.wires.iter().for_each(Wire::hold);
        let before = beside.holds(&token).await;
        let outgoing = deposit(100, &format!("k-{}", mode.name()));
        let ask = fork.teller.ask(mode, &token, &outgoing);
        let strike = async {
            while beside.holds(&token).await == before {
                sleep(Duration::from_millis(20)).await;
            }
            fork.wires.iter().for_each(Wire::cut);
        };
        let (answer, ()) = timeout(SOON, async { tokio::join!(ask, strike) }).await.unwrap();
        assert_eq!(answer.status, StatusCode::CREATED, "{mode}: {:?}", dasvid::teller::problem(&answer));
        let receipt: DepositReceipt = dasvid::teller::read(&answer).unwrap();
        assert_eq!(receipt.minor, 100, "{mode}");
        assert_eq!(beside.holds(&token).await, before + 100, "{mode}");
        let line = r#"dasvid_client_repeats_total{server="spiffe://bank.example/middle-tier-2"}"#;
        assert_eq!(fork.counted(line), round + 1, "{mode}");
    }
    fork.bank.close().await;
}
