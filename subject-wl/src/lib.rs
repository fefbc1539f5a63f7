//! The bank's front end: logs a person in and shows their account.
