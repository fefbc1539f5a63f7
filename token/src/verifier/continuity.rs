//! Rule 6: the first link is the subject's own, every other is by the workload the one before named.

use crate::chain::Chain;
use crate::mode::Mode;
use crate::refusal::{Reason, Refusal, Rule};

pub(super) fn check(chain: &Chain) -> Result<(), Refusal> {
    if chain.mode() != Mode::Id {
        return Ok(());
    }
    let mut expected = Some(&chain.root().sub);
    for (link, segment) in chain.links().iter().zip(1..) {
        if link.claims.iss() != expected {
            let reason = if segment == 1 { Reason::FirstLink } else { Reason::NextLink };
            return Err(Refusal::new(Rule::Continuity, segment, reason));
        }
        expected = link.claims.aud();
    }
    Ok(())
}
