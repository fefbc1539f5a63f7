//! Section `chains`: what a verifier answers, with the rule and the segment it names.

use serde_json::Value;

use super::situation::{self, RequestVector, Unreadable, member};
use super::{Case, Section, text};
use crate::refusal::Refusal;
use crate::{Arrival, RevocationTable, Verifier};

pub(super) fn run(base: &Value, cases: &Value) -> Section {
    let cases = cases.as_array().map_or(&[][..], Vec::as_slice);
    let run = |case: &Value| {
        let actual = match answer(base, case.get("input").unwrap_or(&Value::Null)) {
            Ok(answer) => answer.map_or_else(|refusal| refused(&refusal), |()| "ACCEPT".to_owned()),
            Err(unreadable) => unreadable.to_string(),
        };
        Case::new(text(case, "name"), expected(case.get("expect").unwrap_or(&Value::Null)), actual)
    };
    Section::new("chains", cases.iter().map(run).collect())
}

fn expected(expect: &Value) -> String {
    match text(expect, "result") {
        "REFUSED" => described(text(expect, "rule"), expect.get("segment").and_then(Value::as_u64)),
        result => result.to_owned(),
    }
}

fn refused(refusal: &Refusal) -> String {
    described(refusal.rule.name(), refusal.segment.map(|segment| segment as u64))
}

fn described(rule: &str, segment: Option<u64>) -> String {
    match segment {
        Some(segment) => format!("REFUSED {rule}, segment {segment}"),
        None => format!("REFUSED {rule}"),
    }
}

/// Verifies as the service of the case would, and moves the amount the case names.
fn answer(base: &Value, input: &Value) -> Result<Result<(), Refusal>, Unreadable> {
    let of = |name| member(base, input, name);
    let (accept, route) = situation::policy(of("policy"))?;
    let trust = situation::trust(of("jwks"), of("bundle"))?;
    let vector = RequestVector::read(of("request"))?;
    let peer = situation::id(of("peer"), "peer")?;
    let arrival = Arrival {
        chain: &bytes(of("token")),
        certificates: &bytes(of("certs")),
        peer: &peer,
        peer_x5t: situation::hash(of("peer_x5t"))?,
        request: &vector.request(),
        route: &route,
    };
    let service = Verifier::new(situation::id(of("me"), "me")?, accept);
    let answer = service.verify(&arrival, &trust, &RevocationTable::local(), situation::now(of("now"))?);
    Ok(answer.and_then(|chain| match vector.amount {
        Some((currency, minor)) => chain.authority().consume(currency, minor),
        None => Ok(()),
    }))
}

fn bytes(value: &Value) -> Vec<&[u8]> {
    situation::lines(value).into_iter().map(str::as_bytes).collect()
}
