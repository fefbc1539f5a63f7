//! What every backend must do, as functions that check it.
