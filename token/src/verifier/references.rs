//! Which certificates are worth fetching: those a chain names and does not carry, once everything that needs no
//! certificate has passed.
//!
//! A service asks others only on behalf of chains whose root its own asserter signed, that are alive, addressed to it and
//! brought by who they say. A root signed with an SVID comes first, alone: before it is checked no link makes anybody ask.

use super::{Case, Verifier, arrival, continuity, depth, form, root, signatures, time};
use crate::certificates::{Fetched, Reference};
use crate::refusal::Refusal;
use crate::{Arrival, Timestamp, Trust};

impl Verifier {
    /// The certificates that have to be fetched before [`verify_with`](Self::verify_with) can decide; ask again when the
    /// root's own was among them. None of a workload whose trust domain is not allowed.
    ///
    /// # Errors
    /// The first [`Refusal`] of rules 1 to 3, of the root's signature, and of rules 6 to 9 as far as no certificate is
    /// needed: such a chain is refused whatever could be fetched.
    pub fn references(
        &self,
        arrival: &Arrival<'_>,
        fetched: &Fetched,
        trust: &Trust,
        now: Timestamp,
    ) -> Result<Vec<Reference>, Refusal> {
        let (draft, certificates) = form::read(arrival)?;
        let chain = draft.into_chain(Some(&self.accept.modes))?;
        let (me, accept) = (&self.me, &self.accept);
        let case = Case { me, accept, arrival, trust, chain: &chain, certificates, fetched, now };
        wanted(&case).map_err(|refusal| Refusal { mode: Some(chain.mode()), ..refusal })
    }
}

fn wanted(case: &Case<'_>) -> Result<Vec<Reference>, Refusal> {
    let is_root_known = match root::check(case) {
        Ok(root) => signatures::check_root(case.chain, &root).map(|()| true)?,
        Err(refusal) if refusal.wants_certificate() => root::check_listed(case).map(|()| false)?,
        Err(refusal) => return Err(refusal),
    };
    continuity::check(case.chain)?;
    time::check(case, None, &[])?;
    depth::check(case.chain, case.accept.max_links)?;
    arrival::check(case)?;
    let is_wanted = |reference: &Reference| {
        (reference.segment > 0) == is_root_known
            && case.accept.trust_domains.contains(reference.iss.trust_domain())
            && !case.certificates.holds(reference.x5t)
            && !case.fetched.holds(reference.x5t)
    };
    Ok(case.chain.references().filter(is_wanted).collect())
}
