//! The asserting workload: its keys, the roots it mints, the key set it serves.

use std::sync::Arc;

use axum::{Router, routing::get};
use crypto::{jose, schoco};
use http::header::CONTENT_TYPE;
use serde_json::json;
use spiffe::SpiffeId;
use token::claims::{RootClaims, TokenId};
use token::encoding::{Digest, base64url};
use token::mint::{RootSigner, root};
use token::{Mode, RootKeys, Timestamp};

pub(crate) const ISSUER: &str = "http://127.0.0.1:8090";

pub(crate) fn id(name: &str) -> SpiffeId {
    SpiffeId::new(format!("spiffe://bank.example/{name}")).unwrap()
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// One key for plain and ID roots, one for anonymous ones.
pub(crate) struct Keys {
    minting: jose::SigningKey,
    anonymous: schoco::SigningKey,
}

impl Keys {
    pub(crate) fn generate() -> Self {
        let minting = jose::SigningKey::generate(jose::Algorithm::Es256).unwrap();
        Self {
            minting: jose::SigningKey::from_pkcs8(&minting).unwrap(),
            anonymous: schoco::SigningKey::from_wide(&random()).unwrap(),
        }
    }

    pub(crate) fn jwks(&self) -> Vec<u8> {
        let jwk = |members: &jose::JwkMembers, alg: &str, kid: String| {
            let mut jwk = json!({ "alg": alg, "use": "sig", "kid": kid });
            for (name, value) in members.in_order() {
                let is_text = matches!(name, "kty" | "crv");
                jwk[name] = if is_text { String::from_utf8(value.to_vec()).unwrap() } else { base64url(value) }.into();
            }
            jwk
        };
        let (minting, anonymous) = (self.minting.public_key(), self.anonymous.root_key());
        let keys = [
            jwk(minting.members(), "ES256", minting.thumbprint()),
            jwk(&anonymous.members(), "SCHOCO-R255", anonymous.thumbprint()),
        ];
        json!({ "keys": keys }).to_string().into_bytes()
    }

    pub(crate) fn published(&self) -> RootKeys {
        RootKeys::parse(&self.jwks()).unwrap()
    }

    pub(crate) fn anonymous_root(&self) -> schoco::RootKey {
        self.anonymous.root_key()
    }

    /// `GET /keys`, and a list of revocations that is empty.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let (jwks, keys) = (self.jwks(), Arc::clone(self));
        Router::new()
            .route("/keys", get(async move || ([(CONTENT_TYPE, "application/jwk-set+json")], jwks)))
            .route("/revocations", get(async move || keys.nothing_revoked()))
    }

    fn nothing_revoked(&self) -> String {
        let kid = self.minting.public_key().thumbprint();
        let header = json!({"typ": "dasvid-revocations+jwt", "alg": "ES256", "kid": kid});
        let now = chassis::Clock::now(&chassis::SystemClock);
        let iss = id("asserting-wl").to_string();
        let list = json!({"iss": iss, "iat": now, "after": 0, "version": 0, "complete": true, "records": []});
        let part = |json: serde_json::Value| base64url(json.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(list));
        let signature = self.minting.sign(jose::Algorithm::Es256, message.as_bytes()).unwrap();
        format!("{message}.{}", base64url(&signature))
    }

    /// A DA-SVID for alice that subject-wl may use at target-wl.
    pub(crate) fn mint(&self, mode: Mode, rqd: Option<Digest>, now: Timestamp) -> String {
        let claims = RootClaims {
            iss: id("asserting-wl"),
            sub: id("subject-wl"),
            aud: vec![id("target-wl")],
            dpa: ISSUER.to_owned(),
            dpr: "alice".to_owned(),
            aat: now,
            oat: now,
            auth_time: None,
            sid: None,
            acr: None,
            amr: None,
            client_id: None,
            iat: now,
            exp: now.plus(120),
            jti: TokenId(random()),
            txn: TokenId(random()),
            scope: "accounts.read payments.write".parse().unwrap(),
            only: None,
            cnf: None,
            rqd: rqd.filter(|_| mode == Mode::Plain),
        };
        let (kid, public, fresh) = (self.minting.public_key().thumbprint(), self.anonymous.root_key(), random());
        let signer = if mode == Mode::Anonymous {
            RootSigner::Schoco { key: &self.anonymous, public: &public, fresh: &fresh }
        } else {
            RootSigner::Published { kid: &kid, alg: jose::Algorithm::Es256, key: &self.minting }
        };
        root(mode, &claims, signer).unwrap()
    }
}
