//! What proofs of OAuth signatures cost, as ratios to bare operations on the same key in the same run.
//!
//! ```sh
//! cargo run --release -p crypto --example proof_costs
//! ```
//!
//! Every operation runs once a round, so that whatever else the machine does falls on all of them alike; the figures are
//! medians. Times are printed to be read, never to be asserted.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crypto::jose::{Algorithm, SigningKey};
use crypto::provenance::{self, Rounds, Statement, Witness};

/// Rounds of the comparison.
const ROUNDS: usize = 200;

const MESSAGE: &[u8] =
    b"eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIiwic3ViIjoiYWxpY2UifQ";

/// One operation, which says whether it went well, and the times it took.
struct Row<'a> {
    name: &'static str,
    work: Box<dyn Fn() -> bool + 'a>,
    times: Vec<Duration>,
}

impl<'a> Row<'a> {
    fn new(name: &'static str, work: impl Fn() -> bool + 'a) -> Self {
        Self { name, work: Box::new(work), times: Vec::with_capacity(ROUNDS) }
    }

    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (alg, algorithm) in [
        ("RS256", Algorithm::Rs256),
        ("PS256", Algorithm::Ps256),
        ("ES256", Algorithm::Es256),
        ("EdDSA", Algorithm::Ed25519),
    ] {
        compare(alg, algorithm)?;
    }
    Ok(())
}

fn compare(alg: &str, algorithm: Algorithm) -> Result<(), Box<dyn std::error::Error>> {
    let signer = SigningKey::from_pkcs8(&SigningKey::generate(algorithm)?)?;
    let key = signer.public_key();
    let signature = signer.sign(algorithm, MESSAGE)?;
    let statement = Statement {
        issuer: "https://idp.example",
        key: &key,
        alg,
        kid: "k1",
        signing_input: MESSAGE,
        root_iss: "spiffe://bank.example/asserting-wl",
        root_jti: "AAAAAAAAAAAAAAAAAAAAAA",
        prover: "spiffe://bank.example/asserting-wl",
        verifier: "spiffe://bank.example/target-wl",
        nonce: &[7; 32],
        iat: 1_800_000_000,
        exp: 1_800_000_060,
    };
    let witness = Witness::new(alg, &key, MESSAGE, &signature)?;
    let proof = provenance::prove(&statement, &witness, Rounds::Eight, &[1; 32])?;
    provenance::verify(&statement, Rounds::Eight, &proof)?;
    let mut rows = [
        Row::new("one bare verification", || key.verify(algorithm, MESSAGE, &signature).is_ok()),
        Row::new("one bare signature", || signer.sign(algorithm, MESSAGE).is_ok()),
        Row::new("the witness, once a token", || Witness::new(alg, &key, MESSAGE, &signature).is_ok()),
        Row::new("prove", || provenance::prove(&statement, &witness, Rounds::Eight, &[2; 32]).is_ok()),
        Row::new("verify", || provenance::verify(&statement, Rounds::Eight, &proof).is_ok()),
    ];
    for _ in 0..ROUNDS {
        for row in &mut rows {
            let begun = Instant::now();
            let done = (row.work)();
            row.times.push(begun.elapsed());
            assert!(done, "{alg}: {} fails", row.name);
        }
    }
    print(alg, proof.len(), &rows)?;
    Ok(())
}

fn print(alg: &str, size: usize, rows: &[Row<'_>]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let bare = rows.first().map_or(Duration::ZERO, Row::median).as_secs_f64();
    writeln!(out, "{alg}: a proof of {size} bytes")?;
    for row in rows {
        let median = row.median().as_secs_f64();
        writeln!(out, "  {:<26} {:>9.1} µs  {:>6.1} bare verifications", row.name, median * 1e6, median / bare)?;
    }
    Ok(())
}
