//! A bank with real keys and certificates, honest chains, raw segments for dishonest ones, and a delivery to verify.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use crypto::jose::{Algorithm, SigningKey};
use crypto::schoco::{self, Step};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use serde_json::{Value, json};
use spiffe::{SpiffeId, TrustDomain};
use token::claims::{Only, RootClaims, TokenId};
use token::encoding::{Digest, base64url, from_base64url};
use token::hop::{self, Extension, Signer};
use token::mint::{self, RootSigner};
use token::policy::{RequestBinding, Role};
use token::refusal::{Reason, Refusal, Rule};
use token::{
    Accept, Arrival, Body, Bundles, Certificates, Chain, Mode, Request, RevocationTable, RootKeys, RouteRule,
    Timestamp, Trust, Verified, Verifier, binding,
};

/// 2027-01-15 08:00 UTC.
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);
/// How long every certificate is still valid at [`NOW`], in seconds.
const CERTIFICATE_LIFE: u64 = 3600;

pub(crate) const SUBJECT: &str = "subject-wl";
pub(crate) const HOP: &str = "middle-tier-1";
pub(crate) const HOP_2: &str = "middle-tier-2";
pub(crate) const TARGET: &str = "target-wl";
pub(crate) const ASSERTER: &str = "asserting-wl";
pub(crate) const ISSUER: &str = "https://idp.example/realms/bank";

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

/// A workload with its SVID.
pub(crate) struct Workload {
    pub(crate) id: SpiffeId,
    pub(crate) key: SigningKey,
    pub(crate) der: Vec<u8>,
    pub(crate) x5t: Digest,
    pub(crate) not_after: Timestamp,
}

/// A certificate authority of one trust domain.
pub(crate) struct Ca {
    pub(crate) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    fn new(domain: &str) -> Self {
        let mut params = validity(2026, CERTIFICATE_LIFE * 2);
        params.distinguished_name.push(DnType::CommonName, format!("{domain} CA"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(params, key) }
    }

    /// An SVID as SPIRE makes it; `life` is what is left of it at [`NOW`].
    pub(crate) fn issue(&self, uri: &str, key: &KeyPair, life: u64) -> Workload {
        let mut params = validity(2026, life);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        let der = params.signed_by(key, &self.issuer).unwrap().der().to_vec();
        Workload {
            id: SpiffeId::new(uri).unwrap(),
            key: SigningKey::from_pkcs8(&key.serialize_der()).unwrap(),
            x5t: Digest::of(&der),
            der,
            not_after: NOW.plus(life),
        }
    }
}

fn validity(from: i32, life: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(2027, 1, 15) + Duration::from_secs(8 * 3600 + life);
    params
}

/// Everything a verifier of the bank trusts, and the private halves.
pub(crate) struct Bank {
    pub(crate) ca: Ca,
    pub(crate) other_ca: Ca,
    pub(crate) trust: Trust,
    pub(crate) mint_key: SigningKey,
    pub(crate) mint_kid: String,
    pub(crate) schoco_key: schoco::SigningKey,
    pub(crate) schoco_public: schoco::RootKey,
    workloads: HashMap<&'static str, Workload>,
}

pub(crate) static BANK: LazyLock<Bank> = LazyLock::new(Bank::new);

impl Bank {
    fn new() -> Self {
        let (ca, other_ca) = (Ca::new("bank.example"), Ca::new("other.example"));
        let mut bundles = Bundles::default();
        bundles.insert(TrustDomain::new("bank.example").unwrap(), [&ca.der]);
        bundles.insert(TrustDomain::new("other.example").unwrap(), [&other_ca.der]);
        let mint_key = SigningKey::from_pkcs8(&SigningKey::generate(Algorithm::Es256).unwrap()).unwrap();
        let schoco_key = schoco::SigningKey::from_wide(&[7; 64]).unwrap();
        let schoco_public = schoco_key.root_key();
        let keys = json!({ "keys": [ec_jwk(&mint_key), schoco_jwk(&schoco_public)] }).to_string();
        let keys = RootKeys::parse(keys.as_bytes()).unwrap();
        let issue = |name| (name, ca.issue(&id(name).to_string(), &KeyPair::generate().unwrap(), CERTIFICATE_LIFE));
        let workloads = [SUBJECT, HOP, HOP_2, TARGET, ASSERTER, "mallory"].map(issue).into();
        Self {
            trust: Trust { keys: HashMap::from([(id(ASSERTER), keys)]), bundles },
            mint_kid: mint_key.public_key().thumbprint(),
            mint_key,
            schoco_key,
            schoco_public,
            workloads,
            ca,
            other_ca,
        }
    }

    pub(crate) fn workload(&self, name: &str) -> &Workload {
        &self.workloads[name]
    }
}

fn ec_jwk(key: &SigningKey) -> Value {
    let public = key.public_key();
    let mut jwk = json!({ "alg": "ES256", "use": "sig", "kid": public.thumbprint() });
    for (name, value) in public.members().in_order() {
        let text =
            if matches!(name, "kty" | "crv") { String::from_utf8(value.to_vec()).unwrap() } else { base64url(value) };
        jwk[name] = text.into();
    }
    jwk
}

fn schoco_jwk(key: &schoco::RootKey) -> Value {
    json!({
        "kty": "OKP", "crv": "ristretto255", "alg": "SCHOCO-R255", "use": "sig",
        "kid": key.thumbprint(), "x": base64url(key.as_bytes()),
    })
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

/// A request, owned.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) body: Body,
}

impl Ask {
    pub(crate) fn balance() -> Self {
        Self {
            method: "GET".to_owned(),
            target: "/v1/balance".to_owned(),
            headers: Vec::new(),
            trailers: Vec::new(),
            body: Body::Absent,
        }
    }

    pub(crate) fn deposit(body: &str) -> Self {
        let headers =
            [("content-digest", binding::content_digest(body.as_bytes())), ("idempotency-key", "k1".to_owned())];
        Self {
            method: "POST".to_owned(),
            target: "/v1/deposits".to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
            body: Body::of(body.as_bytes()),
            ..Self::balance()
        }
    }

    pub(crate) fn with<R>(&self, use_it: impl FnOnce(&Request<'_>) -> R) -> R {
        let borrow = |fields: &'_ [(String, String)]| -> Vec<(String, Vec<u8>)> {
            fields.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect()
        };
        let (headers, trailers) = (borrow(&self.headers), borrow(&self.trailers));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let trailers: Vec<_> = trailers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        use_it(&Request {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            trailers: &trailers,
            body: self.body,
        })
    }

    pub(crate) fn rqd(&self) -> Digest {
        self.with(|request| binding::rqd(request).unwrap())
    }
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

/// The claims of an ID link as an attacker writes them.
pub(crate) fn link_claims(before: &str, iss: &str, aud: &str, rqd: Digest) -> Value {
    json!({
        "iss": id(iss).to_string(), "aud": id(aud).to_string(), "iat": NOW, "exp": NOW.plus(60),
        "jti": jti(before).to_string(), "rqd": rqd.to_string(), "prv": Digest::of(before).to_string(),
    })
}

/// Appends any claims, signed with a workload's key.
pub(crate) fn append_raw(before: &str, by: &Workload, claims: &Value) -> String {
    let alg = by.key.public_key().link_algorithm().unwrap();
    let header = json!({ "typ": "dasvid-link+jwt", "alg": alg.name(), "x5t#S256": by.x5t.to_string() });
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let signature = by.key.sign(alg, signed.as_bytes()).unwrap();
    format!("{before}~{signed}.{}", base64url(&signature))
}

/// The claims of an anonymous link as an attacker writes them.
pub(crate) fn anonymous_claims(rqd: Digest) -> Value {
    json!({ "iat": NOW, "exp": NOW.plus(30), "jti": TokenId([3; 16]).to_string(), "rqd": rqd.to_string() })
}

/// Appends any claims to an anonymous chain with its last `s`, without asking what it says.
pub(crate) fn append_anonymous_raw(before: &str, claims: &Value) -> String {
    let header = json!({ "typ": "dasvid-link+jwt", "alg": "SCHOCO-R255" });
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let segments: Vec<_> = before.split('~').map(|segment| segment.rsplit_once('.').unwrap()).collect();
    let tails: Vec<_> = segments.iter().map(|(_, tail)| from_base64url(tail).unwrap()).collect();
    let steps: Vec<_> = segments
        .iter()
        .zip(&tails)
        .map(|((signed, _), tail)| Step { message: signed.as_bytes(), r: tail[..32].try_into().unwrap() })
        .collect();
    let s: [u8; 32] = tails.last().unwrap()[32..].try_into().unwrap();
    let mut transcript = schoco::verify(&BANK.schoco_public, &steps, &s).unwrap();
    let key = schoco::SigningKey::from_bytes(&s).unwrap();
    let signature = schoco::sign(&mut transcript, &key, signed.as_bytes(), &[6; 32]).unwrap();
    let tail = [signature.r, *signature.s.to_bytes()].concat();
    let (head, _) = before.rsplit_once('.').unwrap();
    format!("{head}.{}~{signed}.{}", base64url(&steps.last().unwrap().r), base64url(&tail))
}

pub(crate) fn encode(json: &Value) -> String {
    base64url(json.to_string().as_bytes())
}

/// The payload of one segment, changed, with everything else as it was.
pub(crate) fn rewrite(text: &str, segment: usize, change: impl FnOnce(&mut Value)) -> String {
    let mut segments: Vec<_> = text.split('~').map(ToOwned::to_owned).collect();
    let parts: Vec<_> = segments[segment].split('.').collect();
    let mut payload = serde_json::from_slice(&from_base64url(parts[1]).unwrap()).unwrap();
    change(&mut payload);
    segments[segment] = format!("{}.{}.{}", parts[0], encode(&payload), parts[2]);
    segments.join("~")
}

/// A chain as it arrives somewhere.
pub(crate) struct Delivery {
    pub(crate) chain: Vec<String>,
    pub(crate) certificates: Vec<String>,
    pub(crate) me: SpiffeId,
    pub(crate) peer: SpiffeId,
    pub(crate) peer_x5t: Digest,
    pub(crate) ask: Ask,
    pub(crate) accept: Accept,
    pub(crate) route: RouteRule,
    pub(crate) now: Timestamp,
}

/// What the bank's verifiers accept.
pub(crate) fn accept() -> Accept {
    Accept {
        asserters: vec![id(ASSERTER)],
        subjects: vec![id(SUBJECT)],
        issuers: vec![ISSUER.to_owned()],
        modes: Mode::ALL.to_vec(),
        neighbours: [SUBJECT, HOP, HOP_2].map(id).into(),
        ..Accept::default()
    }
}

impl Delivery {
    /// Brings `chain` to the target, by `peer`, with these workloads' certificates.
    pub(crate) fn new(chain: String, peer: &str, signers: &[&str], ask: Ask) -> Self {
        let mut certificates = Certificates::default();
        signers.iter().for_each(|name| certificates.push(&BANK.workload(name).der));
        let scope = if ask.method == "GET" { "accounts.read" } else { "payments.write" };
        Self {
            chain: vec![chain],
            certificates: if signers.is_empty() { Vec::new() } else { vec![certificates.to_header()] },
            me: id(TARGET),
            peer: id(peer),
            peer_x5t: BANK.workload(peer).x5t,
            ask,
            accept: accept(),
            route: RouteRule { scope: scope.to_owned(), request_binding: RequestBinding::EndToEnd },
            now: NOW,
        }
    }

    /// An honest ID chain through one middle tier, asking for the balance.
    pub(crate) fn id() -> Self {
        let ask = Ask::balance();
        Self::new(id_chain(&[SUBJECT, HOP, TARGET], &ask), HOP, &[SUBJECT, HOP], ask)
    }

    /// An honest sealed anonymous chain through one middle tier, asking for the balance.
    pub(crate) fn anonymous() -> Self {
        let ask = Ask::balance();
        Self::new(anonymous_chain(2, true, &ask), HOP, &[], ask)
    }

    /// An honest plain root, asking for the balance.
    pub(crate) fn plain() -> Self {
        let ask = Ask::balance();
        let claims = RootClaims { rqd: Some(ask.rqd()), ..root_claims() };
        Self::new(root(Mode::Plain, &claims), SUBJECT, &[], ask)
    }

    /// The same to a middle tier instead.
    pub(crate) fn at_hop(mut self, me: &str) -> Self {
        self.me = id(me);
        self.accept.role = Role::Hop;
        self
    }

    /// The same with another chain.
    pub(crate) fn with_chain(mut self, chain: String) -> Self {
        self.chain = vec![chain];
        self
    }

    pub(crate) fn chain(&self) -> &str {
        &self.chain[0]
    }

    pub(crate) fn verify(&self) -> Result<Verified<Chain>, Refusal> {
        self.verify_with(&BANK.trust, &RevocationTable::local())
    }

    pub(crate) fn verify_with(&self, trust: &Trust, revocations: &RevocationTable) -> Result<Verified<Chain>, Refusal> {
        let lines =
            |lines: &'_ [String]| -> Vec<Vec<u8>> { lines.iter().map(|line| line.clone().into_bytes()).collect() };
        let (chain, certificates) = (lines(&self.chain), lines(&self.certificates));
        self.ask.with(|request| {
            let arrival = Arrival {
                chain: &chain.iter().map(Vec::as_slice).collect::<Vec<_>>(),
                certificates: &certificates.iter().map(Vec::as_slice).collect::<Vec<_>>(),
                peer: &self.peer,
                peer_x5t: self.peer_x5t.0,
                request,
                route: &self.route,
            };
            Verifier::new(self.me.clone(), self.accept.clone()).verify(&arrival, trust, revocations, self.now)
        })
    }

    /// The rule, the segment and the reason of its refusal.
    pub(crate) fn refused(&self) -> (Rule, Option<usize>, Reason) {
        let refusal = self.verify().unwrap_err();
        (refusal.rule, refusal.segment, refusal.reason)
    }
}

/// A restriction with one member set.
pub(crate) fn only(set: impl FnOnce(&mut Only)) -> Option<Only> {
    let mut only = Only::default();
    set(&mut only);
    Some(only)
}
