//! Reading what a case says about keys, bundles, policy, the connection and the request.

use std::collections::HashMap;

use serde_json::Value;
use spiffe::{SpiffeId, TrustDomain};

use super::text;
use crate::claims::spiffe_id;
use crate::encoding;
use crate::policy::{Accept, RequestBinding, RouteRule};
use crate::{Body, Bundles, RootKeys, Timestamp, Trust};

/// A member a case needs and does not have, or has in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vector's `{0}` cannot be read")]
pub(super) struct Unreadable(pub(super) &'static str);

/// A member of the case, else of the base.
pub(super) fn member<'a>(base: &'a Value, input: &'a Value, name: &str) -> &'a Value {
    input.get(name).or_else(|| base.get(name)).unwrap_or(&Value::Null)
}

/// Field lines: one for a string, none for null, as many as an array holds.
pub(super) fn lines(value: &Value) -> Vec<&str> {
    match value {
        Value::String(line) => vec![line],
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn id(value: &Value, name: &'static str) -> Result<SpiffeId, Unreadable> {
    value.as_str().and_then(spiffe_id).ok_or(Unreadable(name))
}

/// A hash in base64url; null stands for no certificate anyone names.
pub(super) fn hash(value: &Value) -> Result<[u8; 32], Unreadable> {
    if value.is_null() {
        return Ok([0; 32]);
    }
    let digest = value.as_str().and_then(|text| text.parse::<encoding::Digest>().ok());
    digest.map(|digest| digest.0).ok_or(Unreadable("peer_x5t"))
}

pub(super) fn now(value: &Value) -> Result<Timestamp, Unreadable> {
    value.as_u64().map(Timestamp).ok_or(Unreadable("now"))
}

/// A JWKS that is refused as a whole leaves its asserter without keys.
pub(super) fn trust(jwks: &Value, bundle: &Value) -> Result<Trust, Unreadable> {
    let mut trust = Trust { keys: HashMap::new(), bundles: bundles(bundle)? };
    for (asserter, set) in jwks.as_object().into_iter().flatten() {
        let asserter = spiffe_id(asserter).ok_or(Unreadable("jwks"))?;
        if let Ok(keys) = RootKeys::parse(set.to_string().as_bytes()) {
            trust.keys.insert(asserter, keys);
        }
    }
    Ok(trust)
}

fn bundles(value: &Value) -> Result<Bundles, Unreadable> {
    let mut bundles = Bundles::default();
    for (domain, anchors) in value.as_object().into_iter().flatten() {
        let domain = TrustDomain::new(domain).map_err(|_| Unreadable("bundle"))?;
        let ders: Option<Vec<_>> = lines(anchors).into_iter().map(encoding::from_base64).collect();
        bundles.insert(domain, ders.ok_or(Unreadable("bundle"))?);
    }
    Ok(bundles)
}

/// The policy's own keys become [`Accept`], the route's a [`RouteRule`].
pub(super) fn policy(value: &Value) -> Result<(Accept, RouteRule), Unreadable> {
    let mut accept = value.as_object().cloned().ok_or(Unreadable("policy"))?;
    let scope = accept.remove("scope").unwrap_or_default();
    let binding = accept.remove("request_binding").unwrap_or_else(|| "end-to-end".into());
    accept.retain(|_, value| !value.is_null());
    let rule = RouteRule {
        scope: scope.as_str().unwrap_or_default().to_owned(),
        request_binding: serde_json::from_value::<RequestBinding>(binding).map_err(|_| Unreadable("policy"))?,
    };
    let accept = serde_json::from_value(accept.into()).map_err(|_| Unreadable("policy"))?;
    Ok((accept, rule))
}

/// A request as the vectors write it, owned.
pub(super) struct RequestVector<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    headers: Vec<(&'a str, &'a [u8])>,
    trailers: Vec<(&'a str, &'a [u8])>,
    body: Body,
    /// What the handler moves: currency and minor units.
    pub(super) amount: Option<(&'a str, u64)>,
}

impl<'a> RequestVector<'a> {
    pub(super) fn read(value: &'a Value) -> Result<Self, Unreadable> {
        let amount = value.get("amount").filter(|amount| !amount.is_null());
        let amount = amount.map(|amount| {
            let minor = amount.get("minor").and_then(Value::as_u64).ok_or(Unreadable("amount"))?;
            Ok((text(amount, "currency"), minor))
        });
        Ok(Self {
            method: value.get("method").and_then(Value::as_str).ok_or(Unreadable("method"))?,
            target: value.get("target").and_then(Value::as_str).ok_or(Unreadable("target"))?,
            headers: fields(value.get("headers"))?,
            trailers: fields(value.get("trailers"))?,
            body: match text(value, "body") {
                "" => Body::Absent,
                body => Body::of(body.as_bytes()),
            },
            amount: amount.transpose()?,
        })
    }

    pub(super) fn request(&self) -> crate::Request<'_> {
        crate::Request {
            method: self.method,
            target: self.target,
            headers: &self.headers,
            trailers: &self.trailers,
            body: self.body,
        }
    }
}

fn fields(value: Option<&Value>) -> Result<Vec<(&str, &[u8])>, Unreadable> {
    let list = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let pair = |field| match Value::as_array(field).map(Vec::as_slice) {
        Some([Value::String(name), Value::String(value)]) => Ok((name.as_str(), value.as_bytes())),
        _ => Err(Unreadable("headers")),
    };
    list.iter().map(pair).collect()
}
