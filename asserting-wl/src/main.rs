//! The `asserting-wl` program.

fn main() {}
