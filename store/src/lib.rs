//! What must survive a restart: traits, SQLite and memory, one conformance suite.
