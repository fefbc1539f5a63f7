//! One hop: verifies the chain, appends its own link, forwards.

mod exchange;
mod hygiene;
mod stream;
