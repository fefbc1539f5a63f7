//! The TLS settings both sides share.

/// Installs the process-wide cryptography provider (aws-lc-rs). Calling it again does nothing.
pub fn install_crypto() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}
