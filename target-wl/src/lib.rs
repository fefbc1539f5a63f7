//! The last hop: verifies the whole chain, then acts on the account.
