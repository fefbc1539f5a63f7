//! A provider with a key for each algorithm, its tokens, and the DA-SVID that was made of one.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crypto::jose::{Algorithm, PublicKey, SigningKey};
use serde_json::{Value, json};
use spiffe::SpiffeId;

use crate::Timestamp;
use crate::claims::{RootClaims, TokenId};
use crate::encoding::{base64url, base64url_json};
use crate::provenance::{Envelope, IssuerKeys, ProvenanceError, Prover, Rounds, Verifier};

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000);
pub(super) const ISSUER: &str = "https://idp.example/realms/bank";
pub(super) const ALGS: [&str; 4] = ["RS256", "PS256", "ES256", "Ed25519"];

static KEYS: LazyLock<HashMap<&str, SigningKey>> = LazyLock::new(|| ALGS.map(|alg| (alg, new_key(alg))).into());

pub(super) fn new_key(alg: &str) -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate(alg.parse().unwrap()).unwrap()).unwrap()
}

/// The provider's key.
pub(super) fn key(alg: &str) -> &'static SigningKey {
    &KEYS[alg]
}

pub(super) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

/// A key as a provider publishes it.
pub(super) fn jwk(key: &PublicKey, alg: &str) -> Value {
    let mut jwk = json!({"alg": alg, "use": "sig", "kid": alg});
    for (name, value) in key.members().in_order() {
        let text = String::from_utf8(value.to_vec()).unwrap_or_default();
        jwk[name] = if matches!(name, "kty" | "crv") { text } else { base64url(value) }.into();
    }
    jwk
}

pub(super) fn jwks() -> Value {
    json!({ "keys": ALGS.map(|alg| jwk(&key(alg).public_key(), alg)) })
}

pub(super) fn root() -> RootClaims {
    RootClaims {
        iss: id("asserting-wl"),
        sub: id("subject-wl"),
        aud: vec![id("target-wl"), id("other-wl")],
        dpa: ISSUER.to_owned(),
        dpr: "alice".to_owned(),
        aat: NOW.minus(1),
        oat: NOW.minus(60),
        auth_time: None,
        sid: None,
        acr: None,
        amr: None,
        client_id: None,
        iat: NOW.minus(1),
        exp: NOW.plus(120),
        jti: TokenId([1; 16]),
        txn: TokenId([2; 16]),
        scope: "accounts.read".parse().unwrap(),
        only: None,
        cnf: None,
        rqd: None,
    }
}

/// Everything about one proof: how it is made, and what its verifier knows.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) alg: &'static str,
    pub(super) header: Value,
    pub(super) payload: Value,
    pub(super) root: RootClaims,
    pub(super) prover: SpiffeId,
    pub(super) me: SpiffeId,
    pub(super) nonce: Vec<u8>,
    pub(super) times: (Timestamp, Timestamp),
    pub(super) rounds: Rounds,
    pub(super) jwks: Value,
    pub(super) now: Timestamp,
}

impl Case {
    pub(super) fn new(alg: &'static str) -> Self {
        Self {
            alg,
            header: json!({"alg": alg, "kid": alg, "typ": "at+jwt"}),
            payload: json!({
                "iss": ISSUER, "sub": "alice", "aud": ["asserting-wl", "other"],
                "iat": NOW.minus(60), "exp": NOW.plus(300),
            }),
            root: root(),
            prover: id("asserting-wl"),
            me: id("target-wl"),
            nonce: vec![7; 32],
            times: (NOW, NOW.plus(60)),
            rounds: Rounds::Eight,
            jwks: jwks(),
            now: NOW,
        }
    }

    pub(super) fn each() -> [Self; 4] {
        ALGS.map(Self::new)
    }

    /// The OAuth token.
    pub(super) fn token(&self, signer: &SigningKey) -> String {
        let input = format!("{}.{}", base64url_json(self.header.clone()), base64url_json(self.payload.clone()));
        let alg: Algorithm = self.alg.parse().unwrap();
        format!("{input}.{}", base64url(&signer.sign(alg, input.as_bytes()).unwrap()))
    }

    pub(super) fn source(&self) -> Prover {
        Prover::new(&self.token(key(self.alg)), &key(self.alg).public_key()).unwrap()
    }

    /// An honest answer to what the case says.
    pub(super) fn zkp(&self) -> Envelope {
        self.zkp_of(&self.source())
    }

    pub(super) fn zkp_of(&self, source: &Prover) -> Envelope {
        source.answer(&self.root, (&self.prover, &self.me), &self.nonce, self.times, self.rounds, &[9; 32]).unwrap()
    }

    pub(super) fn embedded(&self) -> Envelope {
        self.source().embed(&self.root, self.rounds, &[9; 32]).unwrap()
    }

    fn verifier(&self) -> Verifier {
        let keys = IssuerKeys::parse(self.jwks.to_string().as_bytes()).unwrap();
        let issuers = HashMap::from([(ISSUER.to_owned(), Arc::new(keys))]);
        Verifier::new(Arc::new(issuers), vec!["x".to_owned(), "asserting-wl".to_owned()], self.rounds)
    }

    pub(super) fn check(&self, zkp: &Envelope) -> Result<(), ProvenanceError> {
        self.verifier().check_answer(zkp, &self.root, (&self.prover, &self.me), &self.nonce, self.now)
    }

    pub(super) fn check_embedded(&self, zkp: &Envelope) -> Result<(), ProvenanceError> {
        self.verifier().check_embedded(zkp, &self.root, self.now)
    }
}
