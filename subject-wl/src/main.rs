//! The `subject-wl` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chassis::run::<subject_wl::SubjectWl>()
}
