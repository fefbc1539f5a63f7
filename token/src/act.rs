//! The `act` view of a chain: who acts for whom, newest outermost (RFC 8693 §4.1; exact.md, "Views and answers").

use serde_json::{Value, json};

use crate::chain::Chain;
use crate::mode::Mode;

/// One member for an answer about `chain`: `act` for an ID chain with links, else `links` with their number.
#[must_use]
pub fn member(chain: &Chain) -> (&'static str, Value) {
    match (chain.mode(), nested(chain)) {
        (Mode::Id, Some(act)) => ("act", act),
        _ => ("links", chain.links().len().into()),
    }
}

fn nested(chain: &Chain) -> Option<Value> {
    chain.links().iter().fold(None, |inner, link| {
        let claims = &link.claims;
        let sub = claims.iss().map(ToString::to_string);
        let mut actor = json!({ "sub": sub, "iat": claims.iat, "jti": claims.jti.to_string() });
        if let (Some(inner), Some(members)) = (inner, actor.as_object_mut()) {
            members.insert("act".to_owned(), inner);
        }
        Some(actor)
    })
}
