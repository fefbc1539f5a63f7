//! `dasvid keys`: asserting-wl's keys, as it publishes them and as its store holds them.

use std::process::ExitCode;

use anyhow::Context as _;
use asserting_wl::keyring::Kind;
use asserting_wl::keyring::operator::{self, Rotation};
use chassis::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::{Value, json};
use store::{KeyRecord, Moment};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::mint::connect;
use crate::cli::{Keys, KeysCommand, KindArg, ListKeys, RetireKey, RotateKeys, ShowKeys};
use crate::output;
use crate::registry::Registry;

/// Does what the command says.
pub(super) async fn run(arguments: &Keys) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        None => show(&arguments.show).await?,
        Some(KeysCommand::Show(arguments)) => show(arguments).await?,
        Some(KeysCommand::List(arguments)) => list(arguments).await?,
        Some(KeysCommand::Rotate(arguments)) => rotate(arguments).await?,
        Some(KeysCommand::Retire(arguments)) => retire(arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the JWKS.
async fn show(arguments: &ShowKeys) -> anyhow::Result<()> {
    let jwks = connect(&arguments.asserting).await?.jwks(arguments.alg.as_deref()).await?;
    output::json(&serde_json::from_slice::<Value>(&jwks)?)
}

/// A key as it is printed.
#[derive(Serialize)]
struct Row {
    kid: String,
    kind: String,
    alg: String,
    state: &'static str,
    made_at: String,
    signs_from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    published_until: Option<String>,
}

impl From<&KeyRecord> for Row {
    fn from(key: &KeyRecord) -> Self {
        Self {
            kid: key.kid.clone(),
            kind: key.kind.clone(),
            alg: key.alg.clone(),
            state: key.state.name(),
            made_at: written(key.created_at),
            signs_from: written(key.not_before),
            published_until: key.retires_at.map(written),
        }
    }
}

async fn list(arguments: &ListKeys) -> anyhow::Result<()> {
    let registry = Registry::open(&arguments.at).await?;
    let keys = operator::list(&*registry.store).await?;
    let rows: Vec<_> = keys.iter().map(Row::from).collect();
    if arguments.at.json {
        return output::json(&rows);
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["KIND", "ALG", "STATE", "SIGNS FROM", "PUBLISHED UNTIL", "KID"]);
    for row in rows {
        let until = row.published_until.unwrap_or_else(|| "-".to_owned());
        table.add_row([row.kind, row.alg, row.state.to_owned(), row.signs_from, until, row.kid]);
    }
    Ok(output::line(&table.trim_fmt())?)
}

async fn rotate(arguments: &RotateKeys) -> anyhow::Result<()> {
    let registry = Registry::open(&arguments.at).await?;
    let vault = registry.vault()?;
    let operator = registry.operator(&vault);
    let mut rows = Vec::new();
    for kind in kinds(arguments.kind) {
        let now = SystemClock.moment();
        let rotation =
            if arguments.now { operator.rotate_now(kind, now).await? } else { operator.rotate(kind, now).await? };
        if !arguments.at.json {
            output::line(&told(&rotation, arguments.now))?;
        }
        rows.push(Row::from(&rotation.key));
    }
    if arguments.now {
        output::note(
            "verifiers fetch the new keys when they meet them: requests may be refused for a few seconds, \
             and for a minute where another library caches /keys",
        );
    }
    if arguments.at.json { output::json(&rows) } else { Ok(()) }
}

fn told(rotation: &Rotation, at_once: bool) -> String {
    let KeyRecord { kid, kind, not_before, .. } = &rotation.key;
    match (rotation.waited, at_once) {
        (true, _) => format!("{kind}: {kid} waits already; it signs from {}", written(*not_before)),
        (false, true) => format!("{kind}: {kid} signs"),
        (false, false) => format!("{kind}: {kid} is published; it signs from {}", written(*not_before)),
    }
}

async fn retire(arguments: &RetireKey) -> anyhow::Result<()> {
    let registry = Registry::open(&arguments.at).await?;
    let vault = registry.vault()?;
    let fresh = registry.operator(&vault).retire(&arguments.kid, SystemClock.moment()).await?;
    if arguments.at.json {
        return output::json(&json!({"retired": arguments.kid, "signs": fresh.as_ref().map(Row::from)}));
    }
    output::line(&format!("{} is retired: what it signed is refused within seconds", arguments.kid))?;
    if let Some(fresh) = fresh {
        output::line(&format!("{}: {} signs", fresh.kind, fresh.kid))?;
    }
    Ok(())
}

fn kinds(only: Option<KindArg>) -> Vec<Kind> {
    match only {
        None => Kind::ALL.to_vec(),
        Some(KindArg::Jose) => vec![Kind::Jose],
        Some(KindArg::Schnorr) => vec![Kind::Schnorr],
    }
}

/// A moment as people read it, in whole seconds of UTC.
pub(super) fn written(moment: Moment) -> String {
    let seconds = i64::try_from(moment.seconds()).unwrap_or(i64::MAX);
    let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| seconds.to_string())
}

/// A moment as people write it: RFC 3339, Unix seconds, or `now`; a fraction of a second is rounded up, and `now` is the
/// end of this second, so that everything minted so far is before it.
pub(super) fn read(text: &str, now: Moment) -> anyhow::Result<Moment> {
    if text == "now" {
        return Ok(Moment::from_seconds(now.seconds() + 1));
    }
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Moment::from_seconds(seconds));
    }
    let time = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| anyhow::anyhow!("{text:?} is no time: write 2026-11-25T02:00:00Z, Unix seconds, or now"))?;
    let seconds = time.unix_timestamp() + i64::from(time.nanosecond() > 0);
    let seconds = u64::try_from(seconds).with_context(|| format!("{text:?} is before 1970"))?;
    Ok(Moment::from_seconds(seconds))
}
