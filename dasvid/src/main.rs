//! The `dasvid` program.

fn main() {}
