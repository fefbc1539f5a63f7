//! Proofs of OAuth signatures, as the tool asks for them and checks them itself.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use chassis::SystemClock;
use chassis::provenance::IssuerCache;
use http::Request;
use http::header::CONTENT_TYPE;
use mesh::web::{self, WebSettings};
use serde_json::Value;
use token::claims::RootClaims;
use token::encoding::base64url;
use token::provenance::{Envelope, Rounds, Verifier};
use token::{Chain, Reason, Timestamp};
use wire::header::DA_SVID_CERTS;
use wire::introspect::INTROSPECT;

use crate::input::ChainFile;
use crate::teller::{self, Teller};

/// What the tool expects of a proof.
#[derive(Clone, Debug)]
pub struct Expected {
    /// One of these must be in the OAuth token's `aud`.
    pub audience: Vec<String>,
    /// How many rounds a proof for an RSA key has.
    pub rounds: Rounds,
    /// Certificate authorities of the identity provider, PEM, beside the platform's.
    pub ca: Option<String>,
}

impl Default for Expected {
    fn default() -> Self {
        Self { audience: vec!["asserting-wl".to_owned()], rounds: Rounds::Eight, ca: None }
    }
}

/// Posts a chain to asserting-wl, as it may be shown, and reads the answer.
///
/// # Errors
/// When no answer comes, or a refusal does.
pub async fn post(
    teller: &Teller,
    path: &str,
    file: &ChainFile,
    token: &str,
    nonce: Option<&[u8]>,
) -> anyhow::Result<Value> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token);
    if let Some(nonce) = nonce {
        form.append_pair("nonce", &base64url(nonce));
    }
    let mut request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(certificates) = &file.certificates {
        request = request.header(DA_SVID_CERTS, certificates);
    }
    let answer = teller.asserting().call(request.body(form.finish().into())?).await?;
    teller::read(&answer)
}

/// Asks asserting-wl about a chain with a fresh nonce and checks the proof it answers with.
///
/// # Errors
/// When the chain is not active, there is no proof, or it does not hold.
pub async fn ask(teller: &Teller, file: &ChainFile, expected: &Expected) -> anyhow::Result<String> {
    let nonce = nonce()?;
    let chain = Chain::parse(&file.da_svid)?;
    let answer = post(teller, INTROSPECT, file, &chain.to_show(), Some(&nonce)).await?;
    check(teller, chain.root(), &answer, &nonce, expected).await
}

/// Checks the proof in an answer of introspection that was asked for with `nonce`, with the issuer's own keys.
///
/// # Errors
/// When there is no proof, the keys cannot be had, or it does not hold.
pub async fn check(
    teller: &Teller,
    root: &RootClaims,
    answer: &Value,
    nonce: &[u8],
    expected: &Expected,
) -> anyhow::Result<String> {
    ensure!(answer.get("active") == Some(&Value::Bool(true)), "asserting-wl does not call the chain active");
    let zkp = answer.get("zkp").context(
        "asserting-wl answers without a proof: its policy may not show this workload the OAuth claims, or keeps none",
    )?;
    let zkp = Envelope::from_json(zkp)?;
    let (prover, me) = (teller.asserting().server(), teller.id()?);
    let verifier = verifier(root, expected).await?;
    verifier.check_answer(&zkp, root, (prover, &me), nonce, teller::now())?;
    Ok(format!("the proof holds ({} bytes): {} signed this OAuth token", zkp.proof.len(), root.dpa))
}

/// Checks the proof that came with a root.
///
/// # Errors
/// When there is none, the issuer's keys cannot be had, or it does not hold.
pub async fn check_embedded(file: &ChainFile, expected: &Expected) -> anyhow::Result<String> {
    let field = file.proof.as_ref().context("asserting-wl embeds no proof")?;
    let (zkp, chain) = (Envelope::from_field(field.as_bytes())?, Chain::parse(&file.da_svid)?);
    let root = chain.root();
    verifier(root, expected).await?.check_embedded(&zkp, root, teller::now())?;
    Ok(format!("the embedded proof holds ({} bytes): {} signed this OAuth token", zkp.proof.len(), root.dpa))
}

/// The same as a verifier whose policy demands it says it.
///
/// # Errors
/// When the issuer's keys cannot be had.
pub async fn judge_embedded(
    file: &ChainFile,
    expected: &Expected,
    now: Timestamp,
) -> anyhow::Result<Result<(), Reason>> {
    let Some(field) = &file.proof else { return Ok(Err(Reason::ProofMissing)) };
    let zkp = match Envelope::from_field(field.as_bytes()) {
        Ok(zkp) => zkp,
        Err(error) => return Ok(Err(Reason::ProofRefused(error.into()))),
    };
    let chain = Chain::parse(&file.da_svid)?;
    let checked = verifier(chain.root(), expected).await?.check_embedded(&zkp, chain.root(), now);
    Ok(checked.map_err(Reason::ProofRefused))
}

/// 32 random bytes.
///
/// # Errors
/// When the system has none.
pub fn nonce() -> anyhow::Result<[u8; 32]> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(nonce)
}

async fn verifier(root: &RootClaims, expected: &Expected) -> anyhow::Result<Verifier> {
    let http = web::client(WebSettings { ca: expected.ca.clone(), ..WebSettings::default() })?;
    let issuers = IssuerCache::new(std::slice::from_ref(&root.dpa), &http, Arc::new(SystemClock))?;
    issuers.renew(&root.dpa).await.with_context(|| format!("the keys of {}", root.dpa))?;
    Ok(Verifier::new(Arc::new(issuers), expected.audience.clone(), expected.rounds))
}
