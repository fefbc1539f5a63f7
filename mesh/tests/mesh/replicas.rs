//! Several replicas of one server: which of them is asked, and what happens when one dies.

mod choice;
mod fleet;
mod relay;
mod repeats;
mod storm;
