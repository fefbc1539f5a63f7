//! SPIFFE mTLS both ways; the only crate that names rustls.
