//! Signers' certificates by reference: `POST /certs` and `GET /certs/{x5t}` at an asserting workload.

/// Where a workload leaves its certificate, and below which anybody finds it by the base64url SHA-256 of the leaf.
pub const CERTS: &str = "/certs";

/// The media type of a leaf and its intermediates, each certifying the one before (RFC 8555 §9.1).
pub const MEDIA_TYPE: &str = "application/pem-certificate-chain";

/// The most certificates kept of one SPIFFE ID at a time.
pub const MOST: u32 = 8;
