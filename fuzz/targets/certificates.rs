//! `DA-SVID-Certs`, or a signer's chain in PEM, that parses is written and read again without a change; no certificate makes
//! the reader fall over.

#![no_main]

use libfuzzer_sys::fuzz_target;
use token::{Certificates, Leaf, SignerChain};

fuzz_target!(|value: &[u8]| {
    drop(Leaf::parse(value));
    if let Ok(chain) = SignerChain::parse(value) {
        let again = SignerChain::parse(chain.to_pem().as_bytes()).expect("its own output");
        assert_eq!(again.der(), chain.der());
    }
    let Ok(certificates) = Certificates::parse(value) else { return };
    let again = Certificates::parse(certificates.to_header().as_bytes()).expect("its own output");
    assert_eq!(again, certificates);
    let mut grown = certificates.clone();
    for der in certificates.der() {
        drop(Leaf::parse(der));
        grown.push(der);
    }
    assert_eq!(grown, certificates);
});
