//! The `target-wl` program.

fn main() {}
