//! `/validate`: what is right and wrong with a chain, for people who look for a fault. Never a basis for access.

use std::sync::Arc;

use axum::http::HeaderMap;
use chassis::Problem;
use mesh::Peer;
use serde_json::{Map, Value};
use token::{Chain, Refusal, Rule, Timestamp};
use wire::introspect::ValidateResponse;
use wire::problem::ProblemKind;

use crate::examination::{Examiner, Exhibit, is_unknown, kind_of};

/// A token that is no chain, so nothing can be said about it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(transparent)]
pub struct ValidationError(#[from] pub Refusal);

impl Problem for ValidationError {
    fn kind(&self) -> ProblemKind {
        kind_of(&self.0)
    }

    fn segment(&self) -> Option<usize> {
        self.0.segment
    }
}

/// Answers `/validate`.
pub struct Validator {
    examiner: Arc<Examiner>,
}

impl Validator {
    /// Answers from what `examiner` finds.
    #[must_use]
    pub fn new(examiner: Arc<Examiner>) -> Self {
        Self { examiner }
    }

    /// Diagnoses a chain; its ID-mode signers' certificates are looked for in the `DA-SVID-Certs` of `headers`.
    ///
    /// # Errors
    /// [`ValidationError`] if the token is no chain at all, the certificates are no certificates, or nobody knows what
    /// is revoked.
    pub async fn validate(
        &self,
        token: &str,
        headers: &HeaderMap,
        peer: &Peer,
        now: Timestamp,
    ) -> Result<ValidateResponse, ValidationError> {
        let chain = Chain::parse(token)?;
        let examined = self.examiner.examine(Exhibit { chain: &chain, headers, peer }, now).await;
        let mut revoked = false;
        let signature_valid = match examined {
            Err(refusal) if refusal.rule == Rule::Form || is_unknown(&refusal) => return Err(refusal.into()),
            Err(refusal) if refusal.rule == Rule::Revocation => {
                revoked = true;
                true
            }
            // Later rules run only when every signature was good.
            Err(refusal) => refusal.rule > Rule::Signatures,
            Ok(()) => true,
        };
        let left = chain.expires().since(now);
        Ok(ValidateResponse {
            signature_valid,
            expiration_valid: left > 0,
            revoked,
            expires_in: left,
            claims: members(chain.root().to_json()),
            links: chain.links().iter().map(|link| members(link.claims.to_json())).collect(),
        })
    }
}

/// The members of a JSON object.
pub(crate) fn members(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
