//! `dasvid validate`, `dasvid introspect` and `dasvid revoke`: a chain shown to asserting-wl.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use asserting_wl::revocations::emergency;
use chassis::{Clock as _, SystemClock};
use serde_json::{Value, json};
use store::Moment;
use token::provenance::Rounds;
use token::{Chain, Timestamp};
use wire::introspect::{INTROSPECT, VALIDATE};
use wire::oauth::REVOKE;

use super::keys;
use super::mint::connect;
use crate::cli::{Ask, AtStore, Introspect, Revoke};
use crate::input::ChainFile;
use crate::proof::{self, Expected};
use crate::registry::Registry;
use crate::{input, output, teller};

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

/// Ends what this workload may end of the chain or, as the operator, everything minted before a moment.
pub(super) async fn revoke(arguments: &Revoke) -> anyhow::Result<ExitCode> {
    if let Some(moment) = &arguments.minted_before {
        refuse_minted_before(moment, &arguments.at).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = ChainFile::read(arguments.chain.as_deref().context("there is no chain to revoke")?)?;
    let chain = Chain::parse(&file.da_svid)?;
    let teller = connect(&arguments.asserting).await?;
    let answer = teller.asserting().post_form(REVOKE, &[("token", &chain.to_show())]).await?;
    ensure!(answer.status.is_success(), "asserting-wl does not revoke it: {}", teller::refusal(&answer));
    output::note("revoked; every verifier knows within seconds");
    Ok(ExitCode::SUCCESS)
}

async fn refuse_minted_before(text: &str, at: &AtStore) -> anyhow::Result<()> {
    let now = SystemClock.moment();
    let moment = keys::read(text, now)?;
    ensure!(moment <= Moment::from_seconds(now.seconds() + 1), "{} has not come yet", keys::written(moment));
    let registry = Registry::open(at).await?;
    store::retry(|| emergency::refuse(&*registry.store, Timestamp(moment.seconds()), now)).await?;
    let before = keys::written(moment);
    if at.json {
        return output::json(&json!({ "minted_before": before }));
    }
    Ok(output::line(&format!("everything minted before {before} is refused; every verifier knows within seconds"))?)
}

fn expected(arguments: &Introspect) -> anyhow::Result<Expected> {
    let read = |path| input::bytes(path).and_then(|pem| Ok(String::from_utf8(pem)?));
    Ok(Expected {
        audience: arguments.oauth_audience.clone(),
        rounds: Rounds::try_from(arguments.rounds)?,
        ca: arguments.idp_ca.as_deref().map(read).transpose()?,
    })
}
