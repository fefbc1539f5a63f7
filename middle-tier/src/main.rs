//! The `middle-tier` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::run::<middle_tier::MiddleTier>()
}
