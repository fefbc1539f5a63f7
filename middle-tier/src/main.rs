//! The `middle-tier` program.

fn main() {}
