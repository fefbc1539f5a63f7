//! Section `proofs`: rule 13, down to the bytes the challenge covers where a case has a `trace`.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::anonymous::hex;
use super::situation::{self, Unreadable};
use super::{Case, Section, text};
use crate::claims::RootClaims;
use crate::encoding::from_base64url;
use crate::mode::Mode;
use crate::provenance::{Binding, Envelope, IssuerKeys, Rounds, Verifier};
use crate::{Timestamp, json};

pub(super) fn run(cases: &Value) -> Section {
    let cases = cases.as_array().map_or(&[][..], Vec::as_slice);
    let run = |case: &Value| {
        let input = case.get("input").unwrap_or(&Value::Null);
        let trace = case.get("trace").filter(|trace| !trace.is_null());
        let actual = Situation::read(input).map(|situation| situation.answer(input, trace));
        let actual = actual.unwrap_or_else(|unreadable| unreadable.to_string());
        Case::new(text(case, "name"), expected(case), actual)
    };
    Section::new("proofs", cases.iter().map(run).collect())
}

fn expected(case: &Value) -> &str {
    match case.get("expect") {
        Some(Value::String(result)) => result,
        Some(expect) => text(expect, "result"),
        None => "",
    }
}

/// What the verifier of a case knows.
struct Situation {
    verifier: Verifier,
    root: RootClaims,
    binding: Binding,
    now: Timestamp,
}

impl Situation {
    fn read(input: &Value) -> Result<Self, Unreadable> {
        let of = |name| input.get(name).unwrap_or(&Value::Null);
        let rounds =
            of("rounds").as_u64().and_then(|count| Rounds::try_from(count).ok()).ok_or(Unreadable("rounds"))?;
        let audience = of("policy").get("oauth_audience").map(situation::lines).ok_or(Unreadable("policy"))?;
        let audience = audience.into_iter().map(ToOwned::to_owned).collect();
        let root = root(of("root"))?;
        Ok(Self {
            verifier: Verifier::new(Arc::new(issuers(of("jwks"))?), audience, rounds),
            binding: binding(input, &root)?,
            root,
            now: situation::now(of("now"))?,
        })
    }

    fn answer(&self, input: &Value, trace: Option<&Value>) -> String {
        let zkp = input.get("zkp").ok_or_else(|| "no `zkp`".to_owned()).and_then(|zkp| {
            // An envelope that cannot be read is a proof that is refused.
            Envelope::from_json(zkp).map_err(|_| "REFUSED".to_owned())
        });
        let zkp = match zkp {
            Ok(zkp) => zkp,
            Err(answer) => return answer,
        };
        if self.verifier.check_bound(&zkp, &self.root, &self.binding, self.now).is_err() {
            return "REFUSED".to_owned();
        }
        match trace.and_then(|expected| self.difference(&zkp, expected)) {
            Some(name) => format!("ACCEPT, with another `{name}`"),
            None => "ACCEPT".to_owned(),
        }
    }

    /// The first member of a trace that comes out differently.
    fn difference(&self, zkp: &Envelope, expected: &Value) -> Option<&'static str> {
        let Ok(trace) = self.verifier.trace(zkp, &self.root, &self.binding) else { return Some("trace") };
        let commitments: Vec<_> = trace.commitments.iter().map(|commitment| hex(commitment)).collect();
        if text(expected, "input") != hex(&trace.input) {
            Some("input")
        } else if expected.get("commitments").map(situation::lines)
            != Some(commitments.iter().map(String::as_str).collect())
        {
            Some("commitments")
        } else if text(expected, "c") != hex(&trace.challenge) {
            Some("c")
        } else {
            None
        }
    }
}

/// An issuer whose keys are refused as a whole has none.
fn issuers(jwks: &Value) -> Result<HashMap<String, Arc<IssuerKeys>>, Unreadable> {
    let sets = jwks.as_object().ok_or(Unreadable("jwks"))?.iter();
    let parsed = sets.filter_map(|(issuer, set)| {
        Some((issuer.clone(), Arc::new(IssuerKeys::parse(set.to_string().as_bytes()).ok()?)))
    });
    Ok(parsed.collect())
}

/// The claims of a root of any mode: those of a plain one may be all of them.
fn root(value: &Value) -> Result<RootClaims, Unreadable> {
    let members = json::read_object(value.to_string().as_bytes()).map_err(|_| Unreadable("root"))?;
    RootClaims::read(&members, Mode::Plain).map_err(|_| Unreadable("root"))
}

/// A nonce that is the ASCII of the root's `jti` is that of an embedded proof.
fn binding(input: &Value, root: &RootClaims) -> Result<Binding, Unreadable> {
    let nonce = from_base64url(text(input, "nonce")).ok_or(Unreadable("nonce"))?;
    let id = |name| situation::id(input.get(name).unwrap_or(&Value::Null), name);
    if nonce == root.jti.to_string().as_bytes() {
        return Ok(Binding::embedded(root));
    }
    Ok(Binding::asked(root, &id("prover")?, &id("me")?, &nonce))
}
