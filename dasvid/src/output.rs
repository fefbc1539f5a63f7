//! Printing: data on standard output, everything else on standard error.

use std::io::{self, Write};

use serde::Serialize;

/// Prints one line of data. A reader that went away is not an error.
///
/// # Errors
/// When standard output cannot be written.
pub fn line(text: &str) -> io::Result<()> {
    tolerate(writeln!(io::stdout().lock(), "{text}"))
}

/// Prints a value as indented JSON.
///
/// # Errors
/// When standard output cannot be written.
pub fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    Ok(line(&serde_json::to_string_pretty(value)?)?)
}

/// Prints a line for the person, not the program.
pub fn note(text: &str) {
    // Nobody reads standard error any more: nothing left to tell.
    drop(writeln!(io::stderr().lock(), "{text}"));
}

fn tolerate(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
