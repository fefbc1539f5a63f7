//! Proofs from prover to verifier: each check with the exact error, and every attack by name.

mod attacks;
mod checks;
mod envelopes;
mod fixture;
mod issuers;
