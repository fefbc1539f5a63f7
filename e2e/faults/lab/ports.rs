//! Ports that nobody else takes while their process is down.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Where to look: below the ports the system gives to outgoing connections.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

/// Hands out free loopback ports, each once.
#[derive(Debug)]
pub(crate) struct Ports {
    next: u16,
}

impl Ports {
    /// Starts somewhere, so that laboratories beside each other seldom meet.
    pub(crate) fn new() -> Self {
        let spread = u16::try_from(std::process::id() % 100).unwrap_or_default();
        Self { next: FIRST + spread * 100 }
    }

    /// A port that is free now.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn take(&mut self) -> anyhow::Result<SocketAddr> {
        while self.next < LAST {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.next));
            self.next += 1;
            if TcpListener::bind(address).is_ok() {
                return Ok(address);
            }
        }
        anyhow::bail!("no port between {FIRST} and {LAST} is free")
    }
}
