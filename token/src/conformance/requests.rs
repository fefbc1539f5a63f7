//! Section `rqd`: the signature base of requests and its hash, byte for byte.

use serde_json::Value;

use super::situation::RequestVector;
use super::{Case, Section, text};
use crate::binding;

pub(super) fn run(cases: &Value) -> Section {
    let cases = cases.as_array().map_or(&[][..], Vec::as_slice);
    let run = |case: &Value| {
        let request = case.get("request").unwrap_or(&Value::Null);
        let name = case.get("name").and_then(Value::as_str).map(ToOwned::to_owned);
        let name = name.unwrap_or_else(|| format!("{} {}", text(request, "method"), text(request, "target")));
        let expected = format!("{}\n{}", text(case, "base"), text(case, "rqd"));
        Case::new(name, expected, answer(request))
    };
    Section::new("rqd", cases.iter().map(run).collect())
}

fn answer(request: &Value) -> String {
    let vector = match RequestVector::read(request) {
        Ok(vector) => vector,
        Err(unreadable) => return unreadable.to_string(),
    };
    let request = vector.request();
    match (binding::signature_base(&request), binding::rqd(&request)) {
        (Ok(base), Ok(rqd)) => format!("{base}\n{rqd}"),
        (Err(refusal), _) | (_, Err(refusal)) => refusal.to_string(),
    }
}
