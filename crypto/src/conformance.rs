//! Not yet filled in.
