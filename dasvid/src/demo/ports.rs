//! Ports: the wanted one if it is free, else any other.

use std::net::{SocketAddr, TcpListener};

/// The address to use in place of `wanted`, and whether it is another one.
///
/// The port is only tried, not kept: whoever takes it in the meantime is found when the listener opens.
#[must_use]
pub(super) fn free_or_other(wanted: SocketAddr) -> (SocketAddr, bool) {
    match TcpListener::bind(wanted) {
        Ok(_) => (wanted, false),
        Err(_) => (SocketAddr::new(wanted.ip(), 0), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_taken_port() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let wanted = taken.local_addr().unwrap();
        assert_eq!(free_or_other(wanted), (SocketAddr::new(wanted.ip(), 0), true));
        drop(taken);
        assert_eq!(free_or_other(wanted), (wanted, false));
    }
}
