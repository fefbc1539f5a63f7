//! The end of TLS in front of a plain listener of this process, with a certificate of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminatorError {
    /// The certificates are not PEM, or there are none.
    #[error("the certificates are not PEM")]
    Certificates,
    /// The key is not PEM.
    #[error("the key is not PEM")]
    Key,
    /// Key and certificate do not belong together, or are of a kind that TLS does not know.
    #[error("the key and the certificates are of no use for TLS")]
    Unusable(#[source] rustls::Error),
}

/// Ends TLS and passes on what is inside. For development: connections are neither counted nor limited.
pub struct Terminator(TlsAcceptor);

impl Terminator {
    /// Certificates (leaf first) and their key, PEM.
    ///
    /// # Errors
    /// [`TerminatorError`] if they are not, or of no use.
    pub fn new(certificates: &[u8], key: &[u8]) -> Result<Self, TerminatorError> {
        crate::install_crypto();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(TerminatorError::Certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TerminatorError::Key)?;
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        Ok(Self(TlsAcceptor::from(Arc::new(config.map_err(TerminatorError::Unusable)?))))
    }

    /// Passes every connection on to the plain listener at `to`, until `stop`.
    pub async fn serve(self, listener: TcpListener, to: SocketAddr, stop: CancellationToken) {
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            let Ok((stream, _)) = accepted else {
                // Out of file descriptors, most likely: some come back when connections end.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let acceptor = self.0.clone();
            tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
                if let Err(error) = pass(acceptor, stream, to).await {
                    tracing::debug!(%error, "a connection ended early");
                }
            }));
        }
    }
}

impl std::fmt::Debug for Terminator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminator").finish_non_exhaustive()
    }
}

async fn pass(acceptor: TlsAcceptor, stream: TcpStream, to: SocketAddr) -> std::io::Result<()> {
    let mut outside = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let mut inside = TcpStream::connect(to).await?;
    copy_bidirectional(&mut outside, &mut inside).await.map(drop)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;
    use crate::web::{WebSettings, client};

    fn certified(name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Loopback as a browser knows it is reached over TLS, by whoever is told so.
    #[tokio::test]
    async fn answers_in_place_of_loopback() {
        let (certificate, key) = certified("localhost");
        let (plain, inside) = listen().await;
        let router = axum::Router::new().route("/realms/bank", axum::routing::get(async || "the realm"));
        tokio::spawn(async move { axum::serve(plain, router).await });
        let (listener, outside) = listen().await;
        let terminator = Terminator::new(certificate.as_bytes(), key.as_bytes()).unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(terminator.serve(listener, inside, stop.clone()));
        let via = format!("https://localhost:{}", outside.port()).parse().unwrap();
        let web = client(WebSettings { ca: Some(certificate), via: Some(via), ..WebSettings::default() }).unwrap();
        // Nothing listens at this port: the address is the issuer's, as browsers see it.
        let answer = web.get("http://localhost:1/realms/bank").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "the realm");
        stop.cancel();
        serving.await.unwrap();
    }

    #[test]
    fn refuses_what_is_not_pem_and_what_does_not_fit() {
        let ((certificate, key), (_, other)) = (certified("a"), certified("b"));
        let refused =
            |certificate: &str, key: &str| Terminator::new(certificate.as_bytes(), key.as_bytes()).unwrap_err();
        assert!(matches!(refused("nonsense", &key), TerminatorError::Certificates));
        assert!(matches!(refused(&certificate, "nonsense"), TerminatorError::Key));
        assert!(matches!(refused(&certificate, &other), TerminatorError::Unusable(_)));
    }
}
