//! Rule 8: not longer than anyone allows, and nothing after the seal.

use super::restrictions;
use crate::chain::Chain;
use crate::refusal::{Reason, Refusal, Rule};

pub(super) fn check(chain: &Chain, local_limit: usize) -> Result<(), Refusal> {
    let max_links = max_links(chain);
    let mut sealed = false;
    for (link, segment) in chain.links().iter().zip(1..) {
        let reason = if max_links.is_some_and(|most| segment > most) {
            Reason::MaxLinks
        } else if segment > local_limit {
            Reason::LocalLimit
        } else if sealed {
            Reason::AfterFin
        } else {
            sealed = link.claims.fin();
            continue;
        };
        return Err(Refusal::new(Rule::Depth, segment, reason));
    }
    Ok(())
}

/// The least `max_links` of the chain.
pub(crate) fn max_links(chain: &Chain) -> Option<usize> {
    restrictions(chain).filter_map(|(_, only)| only.max_links).min()
}
