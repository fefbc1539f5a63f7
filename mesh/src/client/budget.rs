//! How many requests may be sent once more, so that trouble is not doubled.

use std::time::Duration;

use tower::retry::budget::{Budget as _, TpsBudget};

/// The time the share counts in; the floor is given for it, too.
const WINDOW: Duration = Duration::from_secs(10);

/// Repeated requests, as a share of all.
pub(super) struct RetryBudget(TpsBudget);

impl RetryBudget {
    /// A share of the requests of the last ten seconds, and `floor` requests in that time beyond it.
    pub(super) fn new(share: f32, floor: u32) -> Self {
        Self(TpsBudget::new(WINDOW, floor.div_ceil(10), share.clamp(0.0, 1.0)))
    }

    /// Notes a request.
    pub(super) fn deposit(&self) {
        self.0.deposit();
    }

    /// Whether a request may be sent once more; it counts as sent.
    pub(super) fn withdraw(&self) -> bool {
        self.0.withdraw()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_a_share_of_the_requests_and_a_floor() {
        let budget = RetryBudget::new(0.2, 10);
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
        (0..50).for_each(|_| budget.deposit());
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
    }

    #[test]
    fn a_share_of_nothing_leaves_the_floor() {
        let budget = RetryBudget::new(0.0, 10);
        (0..50).for_each(|_| budget.deposit());
        assert_eq!((0..100).filter(|_| budget.withdraw()).count(), 10);
    }
}
