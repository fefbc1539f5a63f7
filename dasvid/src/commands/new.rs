//! `dasvid new`: a root made offline, with a key of its own.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use crypto::jose::{self, Algorithm};
use crypto::schoco;
use serde_json::{Value, json};
use token::claims::RootClaims;
use token::mint::{self, MintError, RootSigner};
use token::{Mode, encoding};
use zeroize::Zeroizing;

use crate::cli::New;
use crate::input::ChainFile;
use crate::{folder, output, teller};

/// The folder's JWKS.
pub(super) const JWKS: &str = "jwks.json";
/// The key of plain and ID roots, PKCS#8.
const SIGNING_KEY: &str = "root.pk8";
/// The key of anonymous roots, 32 bytes.
const ANONYMOUS_KEY: &str = "root.schoco";

/// Makes a root, and on first use its key.
pub(super) fn run(arguments: &New) -> anyhow::Result<ExitCode> {
    folder::make(&arguments.dir)?;
    let mode = Mode::from(arguments.mode);
    let claims = claims(arguments)?;
    let da_svid =
        if mode == Mode::Anonymous { anonymous(arguments, &claims)? } else { signed(arguments, mode, &claims)? };
    output::line(&ChainFile { da_svid, certificates: None, proof: None }.render(false)?)?;
    output::note(&format!("verify it with --keys {}", arguments.dir.join(JWKS).display()));
    Ok(ExitCode::SUCCESS)
}

fn claims(arguments: &New) -> anyhow::Result<RootClaims> {
    ensure!(!arguments.aud.is_empty(), "a root names at least one audience");
    let now = teller::now();
    Ok(RootClaims {
        iss: arguments.iss.clone(),
        sub: arguments.sub.clone(),
        aud: arguments.aud.clone(),
        dpa: arguments.dpa.clone(),
        dpr: arguments.dpr.clone(),
        aat: now,
        oat: now,
        auth_time: None,
        sid: None,
        acr: None,
        amr: None,
        client_id: None,
        iat: now,
        exp: now.plus(arguments.life),
        jti: teller::token_id()?,
        txn: teller::token_id()?,
        scope: arguments.scope.parse().context("--scope is a list of words with single spaces")?,
        only: None,
        cnf: None,
        rqd: None,
    })
}

fn signed(arguments: &New, mode: Mode, claims: &RootClaims) -> anyhow::Result<String> {
    let pkcs8 =
        load_or(&arguments.dir.join(SIGNING_KEY), || Ok(jose::SigningKey::generate(Algorithm::Es256)?.to_vec()))?;
    let key = jose::SigningKey::from_pkcs8(&pkcs8).context("the key in the folder is damaged")?;
    let public = key.public_key();
    let (x, y) = ec_members(&public)?;
    let kid = public.thumbprint();
    publish(&arguments.dir, &kid, json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256"}))?;
    Ok(mint::root(mode, claims, RootSigner::Published { kid: &kid, alg: Algorithm::Es256, key: &key })?)
}

fn anonymous(arguments: &New, claims: &RootClaims) -> anyhow::Result<String> {
    let bytes = load_or(&arguments.dir.join(ANONYMOUS_KEY), || {
        let mut wide = Zeroizing::new([0; 64]);
        getrandom::fill(&mut *wide).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        Ok(schoco::SigningKey::from_wide(&wide).context("the random bytes gave a zero")?.to_bytes().to_vec())
    })?;
    let bytes: [u8; 32] = bytes[..].try_into().context("the key in the folder is damaged")?;
    let key = schoco::SigningKey::from_bytes(&bytes).context("the key in the folder is damaged")?;
    let public = key.root_key();
    let (kid, x) = (public.thumbprint(), encoding::base64url(public.as_bytes()));
    publish(&arguments.dir, &kid, json!({"kty": "OKP", "crv": "ristretto255", "x": x, "alg": "SCHOCO-R255"}))?;
    loop {
        let mut fresh = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *fresh).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        match mint::root(Mode::Anonymous, claims, RootSigner::Schoco { key: &key, public: &public, fresh: &fresh }) {
            Err(MintError::DrawAgain) => {}
            made => return Ok(made?),
        }
    }
}

fn ec_members(key: &jose::PublicKey) -> anyhow::Result<(String, String)> {
    let members = key.members();
    let part = |name| {
        let found = members.in_order().into_iter().find(|(known, _)| *known == name);
        found.map(|(_, bytes)| encoding::base64url(bytes)).context("the key in the folder is not P-256")
    };
    Ok((part("x")?, part("y")?))
}

/// The bytes of a secret file, which is made on first use.
fn load_or(path: &Path, generate: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if path.exists() {
        return Ok(Zeroizing::new(fs::read(path).with_context(|| format!("cannot read {}", path.display()))?));
    }
    let made = Zeroizing::new(generate()?);
    folder::write(path, &made, true)?;
    Ok(made)
}

/// Puts a key into the folder's JWKS, unless it is there.
fn publish(dir: &Path, kid: &str, mut jwk: Value) -> anyhow::Result<()> {
    let path = dir.join(JWKS);
    let mut keys: Vec<Value> = match fs::read(&path) {
        Ok(bytes) => {
            let set: Value =
                serde_json::from_slice(&bytes).with_context(|| format!("{} is not JSON", path.display()))?;
            set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default()
        }
        Err(_) => Vec::new(),
    };
    if keys.iter().any(|known| known.get("kid").and_then(Value::as_str) == Some(kid)) {
        return Ok(());
    }
    if let Some(members) = jwk.as_object_mut() {
        members.insert("kid".to_owned(), kid.into());
        members.insert("use".to_owned(), "sig".into());
    }
    keys.push(jwk);
    folder::write(&path, serde_json::to_string_pretty(&json!({ "keys": keys }))?.as_bytes(), false)
}
