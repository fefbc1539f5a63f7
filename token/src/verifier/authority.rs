//! Rule 10: the request is well-formed, within what the chain allows, and the one it is bound to.

use super::{Case, restrictions};
use crate::binding;
use crate::claims::Only;
use crate::encoding::Digest;
use crate::mode::Mode;
use crate::path;
use crate::policy::RequestBinding;
use crate::refusal::{Reason, Refusal, Rule};
use crate::{Authority, Request};

/// What the handler may do, and the digest the body must have if it has one.
pub(super) fn check(case: &Case<'_>) -> Result<(Authority, Option<[u8; 32]>), Refusal> {
    let refuse = |segment: Option<usize>, reason| Refusal::new(Rule::Authority, segment, reason);
    let (request, route) = (case.arrival.request, case.arrival.route);
    binding::check_shape(request).map_err(|reason| refuse(None, reason))?;
    if !case.chain.root().scope.contains(&route.scope) {
        return Err(refuse(Some(0), Reason::RootScope));
    }
    for (segment, only) in restrictions(case.chain) {
        check_only(only, &route.scope, request).map_err(|reason| refuse(Some(segment), reason))?;
    }
    let is_bound = route.request_binding != RequestBinding::None;
    let digest = binding::check_digest(request, is_bound).map_err(|reason| refuse(None, reason))?;
    check_binding(case)?;
    Ok((Authority::new(case.chain.mode(), &case.chain.root().scope, &restrictions(case.chain)), digest))
}

fn check_only(only: &Only, scope: &str, request: &Request<'_>) -> Result<(), Reason> {
    if !only.scope.as_ref().is_none_or(|scopes| scopes.iter().any(|known| known == scope)) {
        return Err(Reason::OnlyScope);
    }
    if !only.methods.as_ref().is_none_or(|methods| methods.iter().any(|known| known == request.method)) {
        return Err(Reason::OnlyMethod);
    }
    let path = path::raw_path(request.target);
    if !only.paths.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| path::admits(pattern, path))) {
        return Err(Reason::OnlyPath);
    }
    Ok(())
}

fn check_binding(case: &Case<'_>) -> Result<(), Refusal> {
    let refuse = |segment: Option<usize>, reason| Refusal::new(Rule::Authority, segment, reason);
    let request = case.arrival.request;
    let first = match case.arrival.route.request_binding {
        RequestBinding::None if binding::is_unsafe(request.method) => return Err(refuse(None, Reason::UnsafeUnbound)),
        RequestBinding::None => return Ok(()),
        RequestBinding::EndToEnd if case.chain.mode() != Mode::Plain => 1,
        RequestBinding::EndToEnd => 0,
        RequestBinding::LastHop => case.chain.segments().saturating_sub(1),
    };
    let expected = binding::rqd_of_checked(request);
    for segment in first..case.chain.segments() {
        match carried(case, segment) {
            None => return Err(refuse(Some(segment), Reason::NotBound)),
            Some(rqd) if rqd != expected => return Err(refuse(Some(segment), Reason::AnotherRequest)),
            Some(_) => {}
        }
    }
    Ok(())
}

fn carried(case: &Case<'_>, segment: usize) -> Option<Digest> {
    match segment.checked_sub(1) {
        None => case.chain.root().rqd,
        Some(link) => case.chain.links().get(link)?.claims.rqd,
    }
}
