//! Whole-system proofs in one process on ephemeral ports.
