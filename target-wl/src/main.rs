//! The `target-wl` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::run::<target_wl::TargetWl>()
}
