//! What every scheme must refuse: suites that a test calls with a scheme of its own.
//!
//! Each `check_*` panics with the name of the property that does not hold. [`SignatureScheme`] is for signatures that
//! stand alone (the JOSE algorithms), [`ChainScheme`] for those that are made under one another (SCHOCO), [`ProofScheme`] for
//! proofs of a signature that is not shown.

mod chain;
mod proof;
mod signature;
#[cfg(test)]
mod tests;

pub use self::{
    chain::{
        ChainScheme, SignedChain, check_appending, check_chain, check_foreign_keys, check_malformed_values,
        check_order_and_number, check_tampering,
    },
    proof::{
        ProofScheme, check_completeness, check_foreign_statements, check_freshness, check_proof_bytes,
        check_proof_lengths, check_proofs,
    },
    signature::{
        SignatureScheme, check_foreign_signatures, check_signature_bits, check_signature_lengths, check_signatures,
    },
};
