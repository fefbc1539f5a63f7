//! A bank with real keys and certificates, honest chains, raw segments for dishonest ones, and a delivery to verify.

use crypto::jose::Algorithm;
use spiffe::SpiffeId;
use token::claims::{Only, RootClaims, TokenId};
use token::encoding::Digest;
use token::hop::{self, Extension, Signer};
use token::mint::{self, RootSigner};
use token::{Chain, Mode, Timestamp};

mod bank;
mod delivery;
mod raw;

pub(crate) use bank::{BANK, Workload};
pub(crate) use delivery::{Ask, Delivery};
pub(crate) use raw::{anonymous_claims, append_anonymous_raw, append_raw, encode, link_claims, rewrite};

/// 2027-01-15 08:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);

pub(crate) const SUBJECT: &str = "subject-wl";
pub(crate) const HOP: &str = "middle-tier-1";
pub(crate) const HOP_2: &str = "middle-tier-2";
pub(crate) const TARGET: &str = "target-wl";
pub(crate) const ASSERTER: &str = "asserting-wl";
pub(crate) const ISSUER: &str = "https://idp.example/realms/bank";

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

/// What the asserter says about alice.
pub(crate) fn root_claims() -> RootClaims {
    RootClaims {
        iss: id(ASSERTER),
        sub: id(SUBJECT),
        aud: vec![id(TARGET)],
        dpa: ISSUER.to_owned(),
        dpr: "alice".to_owned(),
        aat: NOW.minus(1),
        oat: NOW.minus(60),
        auth_time: None,
        sid: Some("session-1".to_owned()),
        acr: None,
        amr: None,
        client_id: Some("bank-web".to_owned()),
        iat: NOW.minus(1),
        exp: NOW.plus(120),
        jti: TokenId([1; 16]),
        txn: TokenId([2; 16]),
        scope: "accounts.read payments.write".parse().unwrap(),
        only: None,
        cnf: None,
        rqd: None,
    }
}

/// Signs a root of any mode with the bank's published keys.
pub(crate) fn root(mode: Mode, claims: &RootClaims) -> String {
    let published = RootSigner::Published { kid: &BANK.mint_kid, alg: Algorithm::Es256, key: &BANK.mint_key };
    let anonymous = RootSigner::Schoco { key: &BANK.schoco_key, public: &BANK.schoco_public, fresh: &[9; 32] };
    mint::root(mode, claims, if mode == Mode::Anonymous { anonymous } else { published }).unwrap()
}

/// The extension of an honest hop.
pub(crate) fn extension(next: Option<&str>, rqd: Digest) -> Extension {
    Extension { next: next.map(id), only: None, rqd: Some(rqd), seal: false, life: 60 }
}

pub(crate) fn parse(text: &str) -> Chain {
    Chain::parse(text).unwrap()
}

/// Appends an honest ID link by `by` for `next`.
pub(crate) fn append_id(text: &str, by: &str, next: &str, rqd: Digest) -> String {
    extend_id(text, by, &extension(Some(next), rqd)).unwrap()
}

pub(crate) fn extend_id(text: &str, by: &str, extension: &Extension) -> Result<String, hop::HopError> {
    let workload = BANK.workload(by);
    let signer = Signer { id: &workload.id, key: &workload.key, x5t: workload.x5t, not_after: workload.not_after };
    hop::extend_id(&parse(text), &signer, extension, jti(text), NOW)
}

pub(crate) fn extend_anonymous(text: &str, extension: &Extension) -> Result<String, hop::HopError> {
    hop::extend_anonymous(&parse(text), &BANK.schoco_public, extension, jti(text), &[5; 32], NOW)
}

/// An identifier that differs from link to link.
fn jti(text: &str) -> TokenId {
    TokenId(Digest::of(text).0[..16].try_into().unwrap())
}

/// An honest ID chain through these workloads, the last of which is the verifier.
pub(crate) fn id_chain(path: &[&str], ask: &Ask) -> String {
    let start = root(Mode::Id, &root_claims());
    path.windows(2).fold(start, |text, pair| append_id(&text, pair[0], pair[1], ask.rqd()))
}

/// An honest anonymous chain of this many links; with `seal`, the last one is the seal for the target.
pub(crate) fn anonymous_chain(links: usize, seal: bool, ask: &Ask) -> String {
    let start = root(Mode::Anonymous, &root_claims());
    (1..=links).fold(start, |text, link| {
        let seal = seal && link == links;
        let next = seal.then_some(TARGET);
        extend_anonymous(&text, &Extension { seal, ..extension(next, ask.rqd()) }).unwrap()
    })
}

/// A restriction with one member set.
pub(crate) fn only(set: impl FnOnce(&mut Only)) -> Only {
    let mut only = Only::default();
    set(&mut only);
    only
}
