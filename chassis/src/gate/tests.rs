//! What a gate answers.
