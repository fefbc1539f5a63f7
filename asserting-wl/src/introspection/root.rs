//! An anonymous root as it is shown to introspection: its tail cut to R, so that nobody who reads it can extend it.

use token::encoding::{Digest, base64url, from_base64url};
use token::{Chain, Mode};

/// Bytes of R, and of s.
const HALF_TAIL: usize = 32;

/// `header "." payload "." base64url(R)`, well-formed and not yet believed.
pub(crate) struct CutRoot {
    /// The root; its tail's second half means nothing.
    pub(crate) chain: Chain,
    /// SHA-256 of header "." payload ‖ R, as recorded at mint.
    pub(crate) digest: [u8; 32],
    /// R.
    pub(crate) commitment: [u8; 32],
}

impl CutRoot {
    /// Reads a cut root; `None` for everything else.
    pub(crate) fn parse(token: &str) -> Option<Self> {
        let (signed, tail) = token.rsplit_once('.')?;
        let commitment: [u8; HALF_TAIL] = from_base64url(tail)?.try_into().ok()?;
        // The form of a root asks for an s; its value is not part of the form, and it is never used.
        let whole = [commitment, [0; HALF_TAIL]].concat();
        let chain = Chain::parse(&format!("{signed}.{}", base64url(&whole))).ok()?;
        let lone = chain.mode() == Mode::Anonymous && chain.links().is_empty();
        lone.then(|| Self { digest: digest(signed, &commitment), commitment, chain })
    }
}

/// What is recorded of an anonymous root at mint and compared at introspection.
pub(crate) fn digest(signed: &str, commitment: &[u8; 32]) -> [u8; 32] {
    Digest::of([signed.as_bytes(), commitment].concat()).0
}
