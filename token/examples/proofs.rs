//! Makes vector files of fresh proofs for other implementations, and checks theirs (`e2e/proof-py/run.sh`).
//!
//! ```text
//! cargo run -p token --example proofs -- write FILE
//! cargo run -p token --example proofs -- check FILE
//! ```

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use crypto::jose::{PublicKey, SigningKey};
use crypto::provenance::{Statement, trace};
use serde_json::{Value, json};
use token::claims::{RootClaims, TokenId};
use token::encoding::{base64url, base64url_json};
use token::provenance::{Envelope, Prover, Rounds};
use token::{Timestamp, conformance};

const ISSUER: &str = "https://idp.example/realms/bank";
const PROVER: &str = "spiffe://bank.example/asserting-wl";
const VERIFIER: &str = "spiffe://bank.example/target-wl";
const NOW: Timestamp = Timestamp(1_800_000_000);

type Failure = Box<dyn Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", path] => write(path).map(|()| true),
        ["check", path] => check(path),
        _ => Err("usage: proofs write FILE | check FILE".into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a file; says which cases fail.
fn check(path: &str) -> Result<bool, Failure> {
    let report = conformance::run(&fs::read_to_string(path)?)?;
    for section in &report.sections {
        for case in section.cases.iter().filter(|case| !case.passed) {
            eprintln!("{path}: {}: expected {}, got {}", case.name, case.expected, case.actual);
        }
        eprintln!("{path}: {} of {} {}", section.passed, section.cases.len(), section.name);
    }
    Ok(report.passed())
}

fn write(path: &str) -> Result<(), Failure> {
    let mut cases = Vec::new();
    for alg in ["RS256", "PS256", "ES256", "Ed25519"] {
        for rounds in [Rounds::Eight, Rounds::Sixteen] {
            let provider = SigningKey::from_pkcs8(&SigningKey::generate(alg.parse()?)?)?;
            cases.extend(Asked::new(alg, &provider, rounds)?.cases()?);
        }
    }
    fs::write(path, serde_json::to_string_pretty(&json!({ "proofs": cases }))?)?;
    Ok(())
}

/// Proofs of one OAuth token by a provider made for it.
struct Asked {
    name: String,
    alg: &'static str,
    key: PublicKey,
    rounds: Rounds,
    prover: Prover,
    nonce: [u8; 32],
    root: RootClaims,
}

impl Asked {
    fn new(alg: &'static str, provider: &SigningKey, rounds: Rounds) -> Result<Self, Failure> {
        let header = base64url_json(json!({"alg": alg, "kid": "k1", "typ": "at+jwt"}));
        let payload = json!({
            "iss": ISSUER, "sub": "alice", "aud": ["asserting-wl"], "iat": NOW.minus(60), "exp": NOW.plus(300),
        });
        let input = format!("{header}.{}", base64url_json(payload));
        let signature = provider.sign(alg.parse()?, input.as_bytes())?;
        let key = provider.public_key();
        Ok(Self {
            name: format!("{alg}, {} rounds", rounds.count()),
            prover: Prover::new(&format!("{input}.{}", base64url(&signature)), &key)?,
            nonce: random()?,
            root: root()?,
            alg,
            key,
            rounds,
        })
    }

    fn cases(&self) -> Result<Vec<Value>, Failure> {
        let (prover, verifier) = (PROVER.parse()?, VERIFIER.parse()?);
        let times = (NOW, NOW.plus(60));
        let answer =
            self.prover.answer(&self.root, (&prover, &verifier), &self.nonce, times, self.rounds, &random()?)?;
        let embedded = self.prover.embed(&self.root, self.rounds, &random()?)?;
        let mut flipped = answer.clone();
        if let Some(last) = flipped.proof.last_mut() {
            *last ^= 1;
        }
        let jti = self.root.jti.to_string();
        let case = |name: &str, zkp: &Envelope, nonce: &[u8], expect: &str| json!({"name": format!("{}{name}", self.name), "input": self.input(zkp, nonce), "expect": expect});
        let mut honest = case("", &answer, &self.nonce, "ACCEPT");
        if let Some(members) = honest.as_object_mut() {
            members.insert("trace".to_owned(), self.trace(&answer)?);
        }
        Ok(vec![
            honest,
            case(", embedded", &embedded, jti.as_bytes(), "ACCEPT"),
            case(", last byte flipped", &flipped, &self.nonce, "REFUSED"),
            case(", another nonce", &answer, &[1; 32], "REFUSED"),
        ])
    }

    fn input(&self, zkp: &Envelope, nonce: &[u8]) -> Value {
        json!({
            "zkp": zkp.to_json(), "jwks": { ISSUER: { "keys": [jwk(&self.key, self.alg)] } },
            "policy": { "oauth_audience": "asserting-wl" }, "root": self.root.to_json(), "me": VERIFIER,
            "prover": PROVER, "nonce": base64url(nonce), "now": NOW, "rounds": self.rounds.count(),
        })
    }

    fn trace(&self, zkp: &Envelope) -> Result<Value, Failure> {
        let (iss, jti) = (self.root.iss.to_string(), self.root.jti.to_string());
        let statement = Statement {
            issuer: ISSUER,
            key: &self.key,
            alg: self.alg,
            kid: "k1",
            signing_input: zkp.input.as_bytes(),
            root_iss: &iss,
            root_jti: &jti,
            prover: PROVER,
            verifier: VERIFIER,
            nonce: &self.nonce,
            iat: zkp.iat.0,
            exp: zkp.exp.0,
        };
        let trace = trace(&statement, self.rounds, &zkp.proof)?;
        let commitments: Vec<_> = trace.commitments.iter().map(hex::encode).collect();
        let (input, c) = (hex::encode(trace.input), hex::encode(trace.challenge));
        Ok(json!({"input": input, "commitments": commitments, "c": c}))
    }
}

fn root() -> Result<RootClaims, Failure> {
    Ok(RootClaims {
        iss: PROVER.parse()?,
        sub: "spiffe://bank.example/subject-wl".parse()?,
        aud: vec![VERIFIER.parse()?, "spiffe://bank.example".parse()?],
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
        exp: NOW.plus(119),
        jti: TokenId(random()?),
        txn: TokenId(random()?),
        scope: "accounts.read".parse()?,
        only: None,
        cnf: None,
        rqd: None,
    })
}

fn jwk(key: &PublicKey, alg: &str) -> Value {
    let member = |(name, value): (&str, &[u8])| {
        let is_text = matches!(name, "kty" | "crv");
        let text = if is_text { String::from_utf8_lossy(value).into_owned() } else { base64url(value) };
        (name.to_owned(), text.into())
    };
    let named = [("alg", alg), ("use", "sig"), ("kid", "k1")].map(|(name, text)| (name.to_owned(), text.into()));
    Value::Object(key.members().in_order().into_iter().map(member).chain(named).collect())
}

fn random<const LEN: usize>() -> Result<[u8; LEN], Failure> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
