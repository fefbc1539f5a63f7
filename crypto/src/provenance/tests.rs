//! Proofs of all four schemes against a textbook implementation, and every attack on them by name.

mod attacks;
mod fixture;
mod forgeries;
mod honest;
mod numbers;
mod openpubkey;
mod properties;
mod responses;
mod textbook;
