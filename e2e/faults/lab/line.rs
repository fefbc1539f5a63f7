//! A TCP line that can be cut and mended: whoever listens behind it is away for those in front.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A line from a port of its own to somebody else's.
#[derive(Debug)]
pub(crate) struct Line {
    /// Where it begins.
    pub(crate) from: SocketAddr,
    to: SocketAddr,
    carrying: Option<JoinHandle<()>>,
}

impl Line {
    /// A line that is not open yet.
    pub(crate) const fn new(from: SocketAddr, to: SocketAddr) -> Self {
        Self { from, to, carrying: None }
    }

    /// Opens it.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn mend(&mut self) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.from).await?;
        self.carrying = Some(tokio::spawn(carry(listener, self.to)));
        Ok(())
    }

    /// Cuts it: connections break, and new ones are refused.
    pub(crate) async fn cut(&mut self) {
        if let Some(carrying) = self.carrying.take() {
            carrying.abort();
            // Aborted: the error says so and nothing else.
            let _ = carrying.await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(carrying) = &self.carrying {
            carrying.abort();
        }
    }
}

/// Carries until aborted; connections under way end with it.
async fn carry(listener: TcpListener, to: SocketAddr) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                // A connection that breaks is the end of it, on both sides.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn carries_while_open_and_refuses_while_cut() {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let from = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let mut line = Line::new(from, echo.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        for _ in 0..2 {
            line.mend().await.unwrap();
            let mut stream = TcpStream::connect(from).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
            line.cut().await;
            assert!(TcpStream::connect(from).await.is_err());
        }
    }
}
