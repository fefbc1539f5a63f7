//! dasvid beside the model: a verifier with real keys and certificates, and honest chains.

use std::collections::HashMap;
use std::sync::LazyLock;

use crypto::jose::{Algorithm, SigningKey};
use crypto::schoco;
use dev_spire::{Authority, Entry, Settings};
use serde_json::{Value, json};
use spiffe::TrustDomain;
use token::claims::{RootClaims, TokenId};
use token::encoding::{Digest, base64url, base64url_json};
use token::hop::{self, Extension, Signer};
use token::mint::{self, RootSigner};
use token::policy::RequestBinding;
use token::{
    Accept, Arrival, Body, Bundles, Certificates, Chain, Mode, Request, RevocationTable, RootKeys, RouteRule,
    Timestamp, Trust, Verifier, binding,
};

use e2e::bank::id;

pub(crate) const ISSUER: &str = "https://idp.example/realms/bank";

/// A workload with its SVID.
pub(crate) struct Workload {
    key: SigningKey,
    der: Vec<u8>,
    x5t: Digest,
    not_after: Timestamp,
}

/// What a verifier trusts, and the private halves.
pub(crate) struct Ours {
    pub(crate) now: Timestamp,
    pub(crate) mint: SigningKey,
    pub(crate) schoco: schoco::SigningKey,
    trust: Trust,
    workloads: HashMap<&'static str, Workload>,
}

pub(crate) static OURS: LazyLock<Ours> = LazyLock::new(Ours::new);

/// A key nobody knows yet.
pub(crate) fn new_key(alg: Algorithm) -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate(alg).unwrap()).unwrap()
}

/// A key as an issuer publishes it.
pub(crate) fn jwk(key: &SigningKey, alg: Algorithm, kid: &str) -> Value {
    let mut jwk = json!({"alg": alg.name(), "use": "sig", "kid": kid});
    for (name, value) in key.public_key().members().in_order() {
        let text = String::from_utf8(value.to_vec()).unwrap_or_default();
        jwk[name] = if matches!(name, "kty" | "crv") { text } else { base64url(value) }.into();
    }
    jwk
}

impl Ours {
    fn new() -> Self {
        let domain = TrustDomain::new("bank.example").unwrap();
        let authority = Authority::new(Settings::new(domain.clone())).unwrap();
        let mut bundles = Bundles::default();
        bundles.insert(domain, authority.bundle());
        let mint = new_key(Algorithm::Es256);
        let schoco = schoco::SigningKey::from_wide(&[7; 64]).unwrap();
        let public = schoco.root_key();
        let schoco_jwk = json!({
            "kty": "OKP", "crv": "ristretto255", "alg": "SCHOCO-R255", "use": "sig",
            "kid": public.thumbprint(), "x": base64url(public.as_bytes()),
        });
        let mint_jwk = jwk(&mint, Algorithm::Es256, &mint.public_key().thumbprint());
        let keys = RootKeys::parse(json!({ "keys": [mint_jwk, schoco_jwk] }).to_string().as_bytes()).unwrap();
        let workloads = ["subject-wl", "middle-tier-1", "target-wl", "thief"].map(|name| {
            let svid = authority.issue(&Entry::new(id(name))).unwrap();
            let der = svid.chain[0].clone();
            let key = SigningKey::from_pkcs8(&svid.key).unwrap();
            let not_after = Timestamp(svid.not_after.try_into().unwrap());
            (name, Workload { key, x5t: Digest::of(&der), der, not_after })
        });
        Self {
            now: dasvid::teller::now(),
            mint,
            schoco,
            trust: Trust { keys: HashMap::from([(id("asserting-wl"), keys)]), bundles },
            workloads: workloads.into(),
        }
    }

    /// What asserting-wl says about alice.
    pub(crate) fn claims(&self) -> RootClaims {
        RootClaims {
            iss: id("asserting-wl"),
            sub: id("subject-wl"),
            aud: vec![id("target-wl")],
            dpa: ISSUER.to_owned(),
            dpr: "alice".to_owned(),
            aat: self.now,
            oat: self.now.minus(60),
            auth_time: None,
            sid: None,
            acr: None,
            amr: None,
            client_id: None,
            iat: self.now,
            exp: self.now.plus(120),
            jti: TokenId([1; 16]),
            txn: TokenId([2; 16]),
            scope: "accounts.read".parse().unwrap(),
            only: None,
            cnf: None,
            rqd: None,
        }
    }

    /// An ID root under any minting key.
    pub(crate) fn id_root(&self, key: &SigningKey) -> String {
        let kid = key.public_key().thumbprint();
        mint::root(Mode::Id, &self.claims(), RootSigner::Published { kid: &kid, alg: Algorithm::Es256, key }).unwrap()
    }

    /// An anonymous root under any Schnorr key.
    pub(crate) fn anonymous_root(&self, key: &schoco::SigningKey) -> String {
        let signer = RootSigner::Schoco { key, public: &key.root_key(), fresh: &[9; 32] };
        mint::root(Mode::Anonymous, &self.claims(), signer).unwrap()
    }

    /// An honest ID chain subject-wl → middle-tier-1 → target-wl under any root.
    pub(crate) fn id_chain(&self, root: &str) -> String {
        let one = self.extend(root, "subject-wl", "middle-tier-1");
        self.extend(&one, "middle-tier-1", "target-wl")
    }

    /// An anonymous chain of one sealed link under any root.
    pub(crate) fn sealed(&self, root: &str, key: &schoco::SigningKey) -> String {
        let link = Extension { seal: true, life: 30, ..extension(Some("target-wl")) };
        let chain = Chain::parse(root).unwrap();
        hop::extend_anonymous(&chain, &key.root_key(), &link, TokenId([4; 16]), &[5; 32], self.now).unwrap()
    }

    fn extend(&self, text: &str, by: &str, next: &str) -> String {
        let (chain, who, by) = (Chain::parse(text).unwrap(), id(by), &self.workloads[by]);
        let signer = Signer { id: &who, key: &by.key, x5t: by.x5t, not_after: by.not_after };
        let jti = TokenId(Digest::of(text).0[..16].try_into().unwrap());
        hop::extend_id(&chain, &signer, &extension(Some(next)), jti, self.now).unwrap()
    }

    /// A link that lives longer than an honest hop would write.
    pub(crate) fn extend_beyond(&self, text: &str, by: &str, next: &str, exp: Timestamp) -> String {
        let (who, by) = (id(by), &self.workloads[by]);
        let header = json!({"typ": "dasvid-link+jwt", "alg": "ES256", "x5t#S256": by.x5t.to_string()});
        let claims = json!({
            "iss": who.to_string(), "aud": id(next).to_string(), "iat": self.now, "exp": exp,
            "jti": TokenId([6; 16]).to_string(), "rqd": rqd().to_string(), "prv": Digest::of(text).to_string(),
        });
        let signed = format!("{}.{}", base64url_json(header), base64url_json(claims));
        let signature = by.key.sign(Algorithm::Es256, signed.as_bytes()).unwrap();
        format!("{text}~{signed}.{}", base64url(&signature))
    }

    /// What target-wl says to a balance enquiry with this chain, brought by `peer`, with these signers' certificates.
    pub(crate) fn target_says(&self, chain: &str, peer: &str, signers: &[&str]) -> Result<(), String> {
        let mut certificates = Certificates::default();
        for name in signers {
            certificates.push(&self.workloads[name].der);
        }
        let certificates = certificates.to_header();
        let certificates = [certificates.as_bytes()];
        let accept = Accept {
            asserters: vec![id("asserting-wl")],
            subjects: vec![id("subject-wl")],
            issuers: vec![ISSUER.to_owned()],
            modes: Mode::ALL.to_vec(),
            neighbours: ["subject-wl", "middle-tier-1"].map(id).into(),
            ..Accept::default()
        };
        let route = RouteRule { scope: "accounts.read".to_owned(), request_binding: RequestBinding::EndToEnd };
        let arrival = Arrival {
            chain: &[chain.as_bytes()],
            certificates: if signers.is_empty() { &[] } else { &certificates },
            peer: &id(peer),
            peer_x5t: self.workloads[peer].x5t.0,
            request: &balance(),
            route: &route,
        };
        let verifier = Verifier::new(id("target-wl"), accept);
        let belief = verifier.verify(&arrival, &self.trust, &RevocationTable::local(), self.now);
        belief.map(|_| ()).map_err(|refusal| format!("rule {}: {}", refusal.rule, refusal.reason))
    }
}

fn balance() -> Request<'static> {
    Request { method: "GET", target: "/v1/balance", headers: &[], trailers: &[], body: Body::Absent }
}

fn rqd() -> Digest {
    binding::rqd(&balance()).unwrap()
}

fn extension(next: Option<&str>) -> Extension {
    Extension { next: next.map(id), only: None, rqd: Some(rqd()), seal: false, life: 60 }
}
