//! `dasvid validate` and `dasvid introspect`: what asserting-wl says of a chain.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;
use token::Chain;
use token::provenance::Rounds;
use wire::introspect::{INTROSPECT, VALIDATE};

use super::mint::connect;
use crate::cli::{Ask, Introspect};
use crate::input::ChainFile;
use crate::proof::{self, Expected};
use crate::{input, output};

/// Prints asserting-wl's diagnosis.
pub(super) async fn validate(arguments: &Ask) -> anyhow::Result<ExitCode> {
    let file = ChainFile::read(&arguments.chain)?;
    let teller = connect(&arguments.asserting).await?;
    output::json(&proof::post(&teller, VALIDATE, &file, &file.da_svid, None).await?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints whether the chain is active; exit code 1 when it is not. With `--nonce`, checks the proof and says so.
pub(super) async fn introspect(arguments: &Introspect) -> anyhow::Result<ExitCode> {
    let file = ChainFile::read(&arguments.ask.chain)?;
    let chain = Chain::parse(&file.da_svid)?;
    let teller = connect(&arguments.ask.asserting).await?;
    let nonce = arguments.nonce.then(proof::nonce).transpose()?;
    let nonce = nonce.as_ref().map(<[u8; 32]>::as_slice);
    let answer = proof::post(&teller, INTROSPECT, &file, &chain.to_show(), nonce).await?;
    output::json(&answer)?;
    let active = answer.get("active").and_then(Value::as_bool).unwrap_or(false);
    if let Some(nonce) = nonce.filter(|_| active) {
        let verdict = proof::check(&teller, chain.root(), &answer, nonce, &expected(arguments)?).await;
        output::note(&verdict.context("the proof does not hold")?);
    }
    Ok(if active { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn expected(arguments: &Introspect) -> anyhow::Result<Expected> {
    let read = |path| input::bytes(path).and_then(|pem| Ok(String::from_utf8(pem)?));
    Ok(Expected {
        audience: arguments.oauth_audience.clone(),
        rounds: Rounds::try_from(arguments.rounds)?,
        ca: arguments.idp_ca.as_deref().map(read).transpose()?,
    })
}
