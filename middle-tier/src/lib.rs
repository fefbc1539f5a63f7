//! One hop: verifies the chain, appends its own link, forwards.
