//! The `asserting-wl` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::run::<asserting_wl::AssertingWl>()
}
