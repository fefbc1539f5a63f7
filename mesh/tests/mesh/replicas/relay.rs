//! A wire that can be frozen.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Passes bytes on until it freezes: then connections stay open and silent.
pub(super) struct Relay {
    pub(super) addr: SocketAddr,
    frozen: watch::Sender<bool>,
}

impl Relay {
    pub(super) async fn start(to: SocketAddr) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = tcp.local_addr().unwrap();
        let (frozen, seen) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = tcp.accept().await {
                let mut seen = seen.clone();
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut from, &mut to) => {}
                        () = async { drop(seen.wait_for(|frozen| *frozen).await) } => {}
                    }
                    if *seen.borrow() {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { addr, frozen }
    }

    pub(super) fn freeze(&self) {
        self.frozen.send_replace(true);
    }
}
