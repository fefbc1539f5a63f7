//! One request to the bank: its fields, the hash that binds a chain to it, and what the answer means.

use bytes::Bytes;
use chassis::trace::TraceParent;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use token::{
    Body, Certificates, Timestamp, binding,
    claims::MaxAmount,
    encoding::Digest,
    request::{self, Request as BoundRequest},
};
use wire::{
    bank::{BALANCE, DEPOSITS, DepositRequest, TRANSACTIONS, TRANSFERS, TransferRequest},
    header::{CONTENT_DIGEST, DA_SVID, DA_SVID_CERTS, DA_SVID_PROOF, IDEMPOTENCY_KEY, TRACEPARENT},
    problem::{MEDIA_TYPE, ProblemDocument},
};

use super::BankError;

/// A request before any chain is bound to it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// With its `?`, or empty.
    query: String,
    pub(crate) scope: &'static str,
    /// What the request moves, and so the most its chain shall be good for.
    pub(crate) amount: Option<MaxAmount>,
    headers: HeaderMap,
    body: Bytes,
}

/// A request with its chain; sent again, it is the same request.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) call: Call,
    chain: HeaderValue,
    certificates: Option<HeaderValue>,
    proof: Option<HeaderValue>,
    pub(crate) expires: Timestamp,
}

fn unfit(error: impl std::fmt::Display) -> BankError {
    BankError::Chain(error.to_string())
}

impl Call {
    /// Asks what the person has.
    pub(crate) fn balance(trace: &TraceParent) -> Result<Self, BankError> {
        Self::enquiry(BALANCE, String::new(), trace)
    }

    /// Asks what moved, of what is older than a page that said `after`.
    pub(crate) fn transactions(after: Option<&str>, trace: &TraceParent) -> Result<Self, BankError> {
        Self::enquiry(TRANSACTIONS, after.map(|after| format!("?after={after}")).unwrap_or_default(), trace)
    }

    fn enquiry(path: &'static str, query: String, trace: &TraceParent) -> Result<Self, BankError> {
        let headers = fields(vec![(TRACEPARENT, trace.as_str())])?;
        let (method, scope, body) = (Method::GET, "accounts.read", Bytes::new());
        Ok(Self { method, path, query, scope, amount: None, headers, body })
    }

    /// Puts money in, under the name `key`.
    pub(crate) fn deposit(key: &str, request: &DepositRequest, trace: &TraceParent) -> Result<Self, BankError> {
        let amount = MaxAmount { currency: request.currency.clone(), minor: request.minor };
        Self::payment(DEPOSITS, key, request, amount, trace)
    }

    /// Pays somebody, under the name `key`.
    pub(crate) fn transfer(key: &str, request: &TransferRequest, trace: &TraceParent) -> Result<Self, BankError> {
        let amount = MaxAmount { currency: request.currency.clone(), minor: request.minor };
        Self::payment(TRANSFERS, key, request, amount, trace)
    }

    fn payment(
        path: &'static str,
        key: &str,
        request: &impl Serialize,
        amount: MaxAmount,
        trace: &TraceParent,
    ) -> Result<Self, BankError> {
        let body = Bytes::from(serde_json::to_vec(request).map_err(unfit)?);
        let digest = binding::content_digest(&body);
        let headers = fields(vec![
            (header::CONTENT_TYPE, "application/json"),
            (CONTENT_DIGEST, &digest),
            (IDEMPOTENCY_KEY, key),
            (TRACEPARENT, trace.as_str()),
        ])?;
        let (method, scope) = (Method::POST, "payments.write");
        Ok(Self { method, path, query: String::new(), scope, amount: Some(amount), headers, body })
    }

    fn target(&self) -> String {
        format!("{}{}", self.path, self.query)
    }

    /// What a chain must carry to be good for this request and no other.
    pub(crate) fn rqd(&self) -> Result<Digest, BankError> {
        let fields = request::fields(&self.headers);
        let body = if binding::is_unsafe(self.method.as_str()) { Body::of(&self.body) } else { Body::Absent };
        let target = self.target();
        let bound =
            BoundRequest { method: self.method.as_str(), target: &target, headers: &fields, trailers: &[], body };
        binding::rqd(&bound).map_err(unfit)
    }

    /// Puts a chain and its certificates beside the request.
    pub(crate) fn with_chain(
        self,
        chain: &str,
        certificates: &Certificates,
        expires: Timestamp,
    ) -> Result<Prepared, BankError> {
        let secret = |text: &str| -> Result<HeaderValue, BankError> {
            let mut value = HeaderValue::from_str(text).map_err(unfit)?;
            value.set_sensitive(true);
            Ok(value)
        };
        let certificates = if certificates.is_empty() {
            None
        } else {
            Some(HeaderValue::from_str(&certificates.to_header()).map_err(unfit)?)
        };
        Ok(Prepared { call: self, chain: secret(chain)?, certificates, proof: None, expires })
    }
}

impl Prepared {
    /// The same with the proof that came with the root.
    pub(crate) fn with_proof(self, proof: Option<&str>) -> Result<Self, BankError> {
        let mut proof = proof.map(HeaderValue::from_str).transpose().map_err(unfit)?;
        if let Some(proof) = &mut proof {
            // Kilobytes that differ every time would only push others out of a compression table.
            proof.set_sensitive(true);
        }
        Ok(Self { proof, ..self })
    }

    /// The request as it is sent.
    pub(crate) fn request(&self) -> Result<Request<Bytes>, BankError> {
        let call = &self.call;
        let mut request =
            Request::builder().method(call.method.clone()).uri(call.target()).body(call.body.clone()).map_err(unfit)?;
        let headers = request.headers_mut();
        headers.clone_from(&call.headers);
        headers.insert(DA_SVID, self.chain.clone());
        if let Some(certificates) = &self.certificates {
            headers.insert(DA_SVID_CERTS, certificates.clone());
        }
        if let Some(proof) = &self.proof {
            headers.insert(DA_SVID_PROOF, proof.clone());
        }
        Ok(request)
    }
}

fn fields(pairs: Vec<(HeaderName, &str)>) -> Result<HeaderMap, BankError> {
    let mut headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static("application/json"))]);
    for (name, value) in pairs {
        headers.insert(name, HeaderValue::from_str(value).map_err(unfit)?);
    }
    Ok(headers)
}

/// An answer of the protocol, or the problem it is. `minting` tells whether asserting-wl answered.
pub(crate) fn read<T: DeserializeOwned>(
    hop: &str,
    minting: bool,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, BankError> {
    let not_understood = || BankError::NotUnderstood { hop: hop.to_owned(), status: status.as_u16() };
    if status.is_success() {
        return serde_json::from_slice(body).map_err(|_| not_understood());
    }
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if media.split(';').next() != Some(MEDIA_TYPE) {
        return Err(not_understood());
    }
    let document: ProblemDocument = serde_json::from_slice(body).map_err(|_| not_understood())?;
    Err(BankError::Refused { hop: hop.to_owned(), minting, document: Box::new(document) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::problem::ProblemKind;

    fn trace() -> TraceParent {
        TraceParent::start()
    }

    #[test]
    fn a_deposit_carries_what_binds_it() {
        let request = DepositRequest { currency: "USD".to_owned(), minor: 2500 };
        let call = Call::deposit("AAAAAAAAAAAAAAAAAAAAAA", &request, &trace()).unwrap();
        let base = [
            "\"@method\": POST",
            "\"@request-target\": /v1/deposits",
            "\"content-digest\": sha-256=:W+ObQ9GACQgCZJVoYqOLzpzFRU5Ms2XO87/yT9Pfwpw=:",
            "\"content-type\": application/json",
            "\"idempotency-key\": AAAAAAAAAAAAAAAAAAAAAA",
            "\"@signature-params\": (\"@method\" \"@request-target\" \"content-digest\" \"content-type\" \
             \"idempotency-key\");tag=\"dasvid-rqd\"",
        ];
        let digest = call.headers[CONTENT_DIGEST].to_str().unwrap();
        let base = base.join("\n").replace("sha-256=:W+ObQ9GACQgCZJVoYqOLzpzFRU5Ms2XO87/yT9Pfwpw=:", digest);
        assert_eq!(call.body, r#"{"currency":"USD","minor":2500}"#);
        assert_eq!(call.rqd().unwrap(), Digest::of(base));
    }

    #[test]
    fn a_balance_enquiry_is_bound_too() {
        let base = "\"@method\": GET\n\"@request-target\": /v1/balance\n\
                    \"@signature-params\": (\"@method\" \"@request-target\");tag=\"dasvid-rqd\"";
        assert_eq!(Call::balance(&trace()).unwrap().rqd().unwrap(), Digest::of(base));
    }

    #[test]
    fn a_page_of_transactions_is_bound_with_its_query() {
        let base = "\"@method\": GET\n\"@request-target\": /v1/transactions?after=x\n\
                    \"@signature-params\": (\"@method\" \"@request-target\");tag=\"dasvid-rqd\"";
        assert_eq!(Call::transactions(Some("x"), &trace()).unwrap().rqd().unwrap(), Digest::of(base));
        assert_eq!(Call::transactions(None, &trace()).unwrap().target(), "/v1/transactions");
    }

    #[test]
    fn a_chain_is_never_shown_by_debug() {
        let call = Call::balance(&trace()).unwrap();
        let prepared = call.with_chain("s3cret", &Certificates::default(), Timestamp(1)).unwrap();
        let request = prepared.request().unwrap();
        assert_eq!(request.headers()[DA_SVID], "s3cret");
        assert!(!request.headers().contains_key(DA_SVID_CERTS));
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn a_proof_travels_beside_the_chain() {
        let prepared =
            Call::balance(&trace()).unwrap().with_chain("c", &Certificates::default(), Timestamp(1)).unwrap();
        assert!(!prepared.request().unwrap().headers().contains_key(DA_SVID_PROOF));
        let request = prepared.with_proof(Some("cHJvb2Y")).unwrap().request().unwrap();
        assert_eq!(request.headers()[DA_SVID_PROOF], "cHJvb2Y");
        assert!(!format!("{request:?}").contains("cHJvb2Y"));
    }

    fn told(status: u16, media: &'static str, body: &str) -> BankError {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media))]);
        let status = StatusCode::from_u16(status).unwrap();
        read::<DepositRequest>("hop", false, status, &headers, body.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_problem_is_read_and_anything_else_is_not_understood() {
        let problem = r#"{"type":"urn:x-dasvid:problem:revoked","title":"t","status":401,"more":1}"#;
        assert_eq!(told(401, "application/problem+json", problem).kind(), Some(ProblemKind::Revoked));
        for (status, media, body) in
            [(200, "application/json", "{}"), (401, "text/html", problem), (500, "application/problem+json", "")]
        {
            assert!(matches!(told(status, media, body), BankError::NotUnderstood { .. }), "{body}");
        }
    }
}
