//! The TLS settings both sides share: one cryptography provider, TLS 1.3 only, ALPN, and who is believed.

use crate::Allow;
use rustls::{
    ClientConfig, ServerConfig,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{self, cipher_suite},
    },
};
use spiffe::X509Source;
use spiffe_rustls::{TerminalSourcePolicy, TlsStatus, TrustDomainPolicy, authorizer, mtls_client, mtls_server};
use std::{collections::BTreeSet, sync::Arc};

const H2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";

/// Installs the process-wide cryptography provider (aws-lc-rs, the cipher suites of TLS 1.3 only). Calling it again does
/// nothing.
///
/// # Security
/// Without a suite of TLS 1.2 that version cannot be negotiated, whatever features other crates switch on in rustls.
pub fn install_crypto() {
    drop(provider().install_default());
}

fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            cipher_suite::TLS13_AES_128_GCM_SHA256,
            cipher_suite::TLS13_AES_256_GCM_SHA384,
            cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ],
        ..aws_lc_rs::default_provider()
    }
}

/// The server's side: a certificate is demanded, and `allow` decides whose.
pub(crate) fn server(
    source: X509Source,
    allow: &Allow,
) -> Result<(Arc<ServerConfig>, TlsStatus), spiffe_rustls::Error> {
    install_crypto();
    let allow = allow.clone();
    let domains = allow.trust_domains();
    let (config, status) = mtls_server(source)
        .authorize(move |peer: &spiffe::SpiffeId| allow.admits(peer))
        .trust_domain_policy(TrustDomainPolicy::AllowList(domains))
        .with_alpn_protocols([H2, HTTP11])
        .terminal_source_policy(TerminalSourcePolicy::FailClosed)
        .build_with_status()?;
    Ok((Arc::new(config), status))
}

/// The client's side: `server` and no other. `h2` is offered first, or not at all.
pub(crate) fn client(
    source: X509Source,
    server: &spiffe::SpiffeId,
    http1_only: bool,
) -> Result<Arc<ClientConfig>, spiffe_rustls::Error> {
    install_crypto();
    let protocols: &[&[u8]] = if http1_only { &[HTTP11] } else { &[H2, HTTP11] };
    let config = mtls_client(source)
        .authorize(authorizer::exact([server.to_string()])?)
        .trust_domain_policy(TrustDomainPolicy::AllowList(BTreeSet::from([server.trust_domain().clone()])))
        .with_alpn_protocols(protocols)
        .terminal_source_policy(TerminalSourcePolicy::FailClosed)
        .build()?;
    Ok(Arc::new(config))
}

/// Whether a finished handshake is one this crate makes: TLS 1.3. Says whether HTTP/2 was agreed on.
pub(crate) fn agreed(connection: &rustls::CommonState) -> Option<bool> {
    let modern = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    modern.then(|| connection.alpn_protocol() == Some(H2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_the_suites_of_tls_1_3_and_no_others() {
        let suites = provider().cipher_suites;
        assert!(suites.iter().all(|suite| suite.tls13().is_some()));
        let names: Vec<_> = suites.iter().map(|suite| format!("{:?}", suite.suite())).collect();
        assert_eq!(names, ["TLS13_AES_128_GCM_SHA256", "TLS13_AES_256_GCM_SHA384", "TLS13_CHACHA20_POLY1305_SHA256"]);
    }

    #[test]
    fn prefers_the_hybrid_key_exchange() {
        let groups: Vec<_> = provider().kx_groups.iter().map(|group| format!("{:?}", group.name())).collect();
        assert_eq!(groups, ["X25519MLKEM768", "X25519", "secp256r1", "secp384r1"]);
    }

    #[test]
    fn installing_twice_does_nothing() {
        install_crypto();
        install_crypto();
    }
}
