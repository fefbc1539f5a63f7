//! Rule 9: addressed to this workload and brought by who the chain says (exact.md, "Arrival").

use spiffe::SpiffeId;

use super::Case;
use crate::claims::Only;
use crate::mode::Mode;
use crate::policy::Role;
use crate::refusal::{Reason, Refusal, Rule};

/// Segment by segment from the root; the last one answers for the peer and the seal.
pub(super) fn check(case: &Case<'_>) -> Result<(), Refusal> {
    let at_end = case.accept.role == Role::End;
    for segment in 0..case.chain.segments() {
        check_segment(case, segment, at_end).map_err(|reason| Refusal::new(Rule::Arrival, segment, reason))?;
    }
    Ok(())
}

fn check_segment(case: &Case<'_>, segment: usize, at_end: bool) -> Result<(), Reason> {
    let is_last = segment + 1 == case.chain.segments();
    let root = case.chain.root();
    if is_last {
        check_addressed(case, at_end)?;
    }
    if at_end {
        if segment == 0 && !covers(case, &root.aud) {
            return Err(Reason::RootAudience);
        }
        if !only(case, segment).and_then(|only| only.aud.as_ref()).is_none_or(|aud| covers(case, aud)) {
            return Err(Reason::OnlyAudience);
        }
    }
    if is_last {
        // The seal first: a hop that lacks the setting must hear of it, whoever its peer is.
        check_seal(case, at_end)?;
        check_peer(case)?;
    }
    check_confirmation(case, segment)
}

fn only<'a>(case: &Case<'a>, segment: usize) -> Option<&'a Only> {
    match segment.checked_sub(1) {
        None => case.chain.root().only.as_ref(),
        Some(link) => case.chain.links().get(link)?.claims.only.as_ref(),
    }
}

/// My SPIFFE ID, or exactly my trust domain where policy allows that.
fn covers(case: &Case<'_>, audiences: &[SpiffeId]) -> bool {
    let is_my_domain = |id: &SpiffeId| id.path().is_empty() && id.trust_domain() == case.me.trust_domain();
    audiences.iter().any(|id| id == case.me || (case.accept.allow_domain_audience && is_my_domain(id)))
}

/// The last link's `aud`; an anonymous link that has none is the seal's business.
fn check_addressed(case: &Case<'_>, at_end: bool) -> Result<(), Reason> {
    let Some(link) = case.chain.last() else { return Ok(()) };
    let expected = case.chain.mode() == Mode::Id || at_end;
    match link.claims.aud() {
        Some(aud) if expected && aud != case.me => Err(Reason::NotAddressed),
        _ => Ok(()),
    }
}

fn check_peer(case: &Case<'_>) -> Result<(), Reason> {
    let peer = case.arrival.peer;
    let root = case.chain.root();
    let is_neighbour = case.accept.neighbours.contains(peer);
    match case.chain.mode() {
        Mode::Plain if *peer == root.sub || is_neighbour => Ok(()),
        Mode::Id if case.chain.last().and_then(|link| link.claims.iss()) == Some(peer) => Ok(()),
        Mode::Id => Err(Reason::Peer),
        Mode::Plain | Mode::Anonymous if !is_neighbour => Err(Reason::Neighbour),
        // The entry is any verifier that receives exactly one link: only the subject brings that.
        Mode::Anonymous if case.chain.links().len() == 1 && *peer != root.sub => Err(Reason::Peer),
        Mode::Plain | Mode::Anonymous => Ok(()),
    }
}

fn check_seal(case: &Case<'_>, at_end: bool) -> Result<(), Reason> {
    let sealed = case.chain.last().is_some_and(|link| link.claims.fin());
    match (at_end, sealed) {
        (false, true) => Err(Reason::SealedAtHop),
        (true, false) if case.chain.mode() == Mode::Anonymous => Err(Reason::NotSealed),
        _ => Ok(()),
    }
}

/// The root's `cnf`: the peer's leaf in plain mode, the first link's signer in ID mode.
fn check_confirmation(case: &Case<'_>, segment: usize) -> Result<(), Reason> {
    let Some(cnf) = case.chain.root().cnf else { return Ok(()) };
    let confirmed = match (case.chain.mode(), segment) {
        (Mode::Plain, 0) => cnf.0 == case.arrival.peer_x5t,
        (Mode::Id, 1) => case.chain.links().first().is_some_and(|link| link.header.x5t == Some(cnf)),
        _ => true,
    };
    if confirmed { Ok(()) } else { Err(Reason::Confirmation) }
}
