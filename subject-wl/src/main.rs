//! The `subject-wl` program.

fn main() {}
