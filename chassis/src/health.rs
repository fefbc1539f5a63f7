//! Asks the admin listener of a process that runs already, for images that have no shell and no client.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use clap::ValueEnum;

const TIMEOUT: Duration = Duration::from_secs(3);

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Question {
    /// `/healthz`: does the process answer at all?
    Live,
    /// `/readyz`: does it take traffic?
    Ready,
}

/// Asks the admin listener at `address`; true for yes.
///
/// # Errors
/// Nothing answers there, or not in time.
pub fn ask(address: SocketAddr, question: Question) -> io::Result<bool> {
    let path = match question {
        Question::Live => "/healthz",
        Question::Ready => "/readyz",
    };
    let mut stream = TcpStream::connect_timeout(&reachable(address), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

/// A listener on every interface is asked on the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::admin::{self, Admin};
    use crate::{Metrics, Readiness};

    #[tokio::test]
    async fn tells_live_from_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ready = Readiness::default();
        let guard = ready.guard("keys");
        let admin = Admin { ready, metrics: Metrics::default(), log: None };
        tokio::spawn(admin::serve(listener, admin, CancellationToken::new()));
        let asked =
            async |question| tokio::task::spawn_blocking(move || ask(address, question)).await.unwrap().unwrap();
        assert!(asked(Question::Live).await);
        assert!(!asked(Question::Ready).await);
        drop(guard);
        assert!(asked(Question::Ready).await);
    }

    #[test]
    fn asks_a_listener_on_every_interface_on_loopback() {
        assert_eq!(reachable("0.0.0.0:9440".parse().unwrap()), "127.0.0.1:9440".parse().unwrap());
        assert_eq!(reachable("[::]:9440".parse().unwrap()), "[::1]:9440".parse().unwrap());
    }
}
