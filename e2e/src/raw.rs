//! HTTP/1.1 by hand, for what no HTTP library would send.

use std::sync::Arc;
use std::time::Duration;

use dasvid::place::Endpoint;
use spiffe::X509Source;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// How long a server may take to end a connection it will not serve.
const PATIENCE: Duration = Duration::from_secs(25);

/// Sends bytes over mTLS with the identity of `socket`, without HTTP/2, and reads until the server ends the connection.
///
/// `bytes` should ask for `Connection: close` where it is a request at all.
pub async fn over_mtls(socket: &str, service: &Endpoint, bytes: &[u8]) -> Vec<u8> {
    mesh::install_crypto();
    let source = X509Source::builder().endpoint(socket).build().await.unwrap();
    let expected = service.id.clone();
    let config = spiffe_rustls::mtls_client(source)
        .authorize(spiffe_rustls::authorizer::exact([expected.to_string()]).unwrap())
        .with_alpn_protocols([b"http/1.1"])
        .build()
        .unwrap();
    let name = "bank.example".try_into().unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, connect(&service.url).await).await.unwrap();
    talk(stream, bytes).await
}

/// Sends bytes over TCP and reads until the server ends the connection.
pub async fn over_tcp(url: &Url, bytes: &[u8]) -> Vec<u8> {
    talk(connect(url).await, bytes).await
}

/// The status of the first answer in `bytes`, if it is one.
#[must_use]
pub fn status(bytes: &[u8]) -> Option<u16> {
    let text = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    str::from_utf8(text).ok()?.parse().ok()
}

/// How many answers `bytes` hold.
#[must_use]
pub fn answers(bytes: &[u8]) -> usize {
    bytes.windows(9).filter(|window| window == b"HTTP/1.1 ").count()
}

async fn connect(url: &Url) -> TcpStream {
    let address = url.socket_addrs(|| None).unwrap();
    TcpStream::connect(address.as_slice()).await.unwrap()
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let talk = async {
        // A server may well hang up before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
    };
    tokio::time::timeout(PATIENCE, talk).await.unwrap_or_else(|_| panic!("the server keeps the connection open"));
    answer
}
