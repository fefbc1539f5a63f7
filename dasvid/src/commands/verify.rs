//! `dasvid verify`: a chain as a service would, or every case of a vector file.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;
use token::{Chain, conformance};

use super::judge::{Verdict, judge};
use crate::cli::Verify;
use crate::input::{self, ChainFile};
use crate::output;

/// Verifies; exit code 1 when something is not as it must be.
pub(super) async fn run(arguments: &Verify) -> anyhow::Result<ExitCode> {
    match (&arguments.vectors, &arguments.chain) {
        (Some(path), _) => vectors(path, arguments.json),
        (None, Some(path)) => chain(path, arguments).await,
        (None, None) => bail!("say what to verify: a chain, or --vectors FILE"),
    }
}

async fn chain(path: &Path, arguments: &Verify) -> anyhow::Result<ExitCode> {
    let file = ChainFile::read(path)?;
    let chain = match Chain::parse(&file.da_svid) {
        Ok(chain) => chain,
        Err(refusal) => return refused(&refusal, arguments.json),
    };
    match judge(&file, &chain, &arguments.trust).await? {
        Verdict::Unchecked => {
            bail!("nothing to verify with: give --keys and --bundle, or set SPIFFE_ENDPOINT_SOCKET")
        }
        Verdict::Refused(refusal) => refused(&refusal, arguments.json),
        Verdict::Believed if arguments.json => {
            output::json(&json!({"result": "ACCEPT", "mode": chain.mode().name(), "links": chain.links().len()}))?;
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Believed => {
            output::line(&format!("ACCEPT: {} mode, {} links", chain.mode(), chain.links().len()))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn refused(refusal: &token::Refusal, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::json(&json!({
            "result": "REFUSED",
            "rule": refusal.rule.name(),
            "segment": refusal.segment,
            "reason": refusal.reason.to_string(),
        }))?;
    } else {
        output::line(&format!("REFUSED: {refusal}"))?;
    }
    Ok(ExitCode::FAILURE)
}

fn vectors(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let text = String::from_utf8(input::bytes(path)?).context("a vector file is UTF-8")?;
    let report = conformance::run(&text)?;
    if json {
        output::json(&report)?;
    } else {
        for section in &report.sections {
            for case in section.cases.iter().filter(|case| !case.passed) {
                output::line(&format!(
                    "{}: {}: expected {}, was {}",
                    section.name, case.name, case.expected, case.actual
                ))?;
            }
            let note = section.note.map(|note| format!(" ({note})")).unwrap_or_default();
            let counts = format!("{} passed, {} failed, {} skipped", section.passed, section.failed, section.skipped);
            output::line(&format!("{:<8} {counts}{note}", section.name))?;
        }
    }
    Ok(if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
