//! Section `schoco`: every intermediate value of an anonymous chain, made again from the same random bytes.

use crypto::schoco;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::situation::Unreadable;
use super::{Case, Section, text};
use crate::Chain;

pub(super) fn run(section: &Value) -> Section {
    let cases = cases(section).unwrap_or_else(|error| vec![Case::new("schoco", "readable", error.to_string())]);
    Section::new("schoco", cases)
}

fn cases(section: &Value) -> Result<Vec<Case>, Unreadable> {
    let root = schoco::SigningKey::from_bytes(&bytes(section, "x")?).map_err(|_| Unreadable("x"))?.root_key();
    let mut cases = vec![
        Case::new("Y", text(section, "Y"), hex(root.as_bytes())),
        Case::new("kid", text(section, "kid"), root.thumbprint()),
    ];
    let steps = section.get("steps").and_then(Value::as_array).ok_or(Unreadable("steps"))?;
    let mut signer = Signer::new(&root, bytes(section, "x")?);
    for (index, step) in steps.iter().enumerate() {
        cases.extend(signer.step(index, step)?);
    }
    let token = text(section, "token");
    cases.push(Case::new("token", signer.token(steps), token));
    cases.push(Case::new("verification", "ok", verified(token, &root)));
    Ok(cases)
}

/// Signs the steps one after another, keeping the transcript twice: once as `crypto` does, once as bytes to look at.
struct Signer {
    transcript: schoco::Transcript,
    bytes: Vec<u8>,
    z: [u8; 32],
    commitments: Vec<[u8; 32]>,
}

impl Signer {
    fn new(root: &schoco::RootKey, x: [u8; 32]) -> Self {
        let mut bytes = prefixed(b"dasvid SCHOCO-R255 v1");
        bytes.extend(root.as_bytes());
        Self { transcript: schoco::Transcript::new(root), bytes, z: x, commitments: Vec::new() }
    }

    fn step(&mut self, index: usize, step: &Value) -> Result<Vec<Case>, Unreadable> {
        let message = text(step, "message").as_bytes();
        let fresh: [u8; 32] = bytes(step, "fresh")?;
        let key = schoco::SigningKey::from_bytes(&self.z).map_err(|_| Unreadable("z"))?;
        let before = Sha512::digest(&self.bytes);
        let nonce_input =
            [&prefixed(b"dasvid SCHOCO-R255 nonce v1"), &self.z[..], &fresh, &before, &prefixed(message)].concat();
        let signed = schoco::sign(&mut self.transcript, &key, message, &fresh).map_err(|_| Unreadable("fresh"))?;
        self.bytes.extend(prefixed(message));
        self.bytes.extend(signed.r);
        let actual = [
            ("z", hex(&self.z)),
            ("sha512_T", hex(&before)),
            ("k", reduced(&nonce_input)?),
            ("R", hex(&signed.r)),
            ("c", reduced(&self.bytes)?),
            ("s", hex(signed.s.to_bytes().as_ref())),
        ];
        self.z = *signed.s.to_bytes();
        self.commitments.push(signed.r);
        let named = |(name, actual)| Case::new(format!("step {index}, {name}"), text(step, name), actual);
        Ok(actual.into_iter().map(named).collect())
    }

    /// The chain in compact form.
    fn token(&self, steps: &[Value]) -> String {
        let segment = |(index, (step, r)): (usize, (&Value, &[u8; 32]))| {
            let mut tail = r.to_vec();
            if index + 1 == self.commitments.len() {
                tail.extend(self.z);
            }
            format!("{}.{}", text(step, "message"), crate::encoding::base64url(&tail))
        };
        let segments: Vec<_> = steps.iter().zip(&self.commitments).enumerate().map(segment).collect();
        segments.join("~")
    }
}

fn verified(token: &str, root: &schoco::RootKey) -> String {
    let verified = Chain::parse(token).and_then(|chain| crate::verifier::check_anonymous(&chain, root).map(|_| ()));
    verified.map_or_else(|refusal| refusal.to_string(), |()| "ok".to_owned())
}

/// SHA-512 mod ℓ, little-endian.
fn reduced(input: &[u8]) -> Result<String, Unreadable> {
    let scalar = schoco::SigningKey::from_wide(&Sha512::digest(input).into()).map_err(|_| Unreadable("steps"))?;
    Ok(hex(scalar.to_bytes().as_ref()))
}

/// LP(b): an 8-byte big-endian length, then b.
fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_be_bytes(), bytes].concat()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Cannot fail: writing to a string.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(value: &Value, name: &'static str) -> Result<[u8; 32], Unreadable> {
    let text = text(value, name);
    let digits = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    let bytes = digits.collect::<Option<Vec<_>>>().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(Unreadable(name))
}
