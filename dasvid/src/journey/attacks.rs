//! What an attacker tries, and must not get.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use mesh::{Answer, Identity};
use serde_json::Value;
use token::{Mode, encoding};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use wire::bank::BALANCE;
use wire::problem::ProblemKind;

use super::teller_steps::AtTheBank;
use crate::input::ChainFile;
use crate::outgoing::Outgoing;
use crate::place::Endpoint;
use crate::teller::{self, Wanted};

/// A workload nobody allows anything.
pub(super) enum Accomplice {
    /// An identity of this process.
    Identity(Identity),
    /// A copy of this program that SPIRE attests as someone else.
    Program(PathBuf),
}

/// Someone who holds what the tool holds, and wants more.
pub(super) struct Attacker<'a> {
    pub(super) bank: &'a AtTheBank<'a>,
    pub(super) stranger: &'a Accomplice,
}

impl Attacker<'_> {
    /// Another person's name in a good chain.
    pub(super) async fn tampered_chain(&self) -> anyhow::Result<String> {
        let chain = self.bank.chain(&balance()).await?;
        let forged = ChainFile { da_svid: as_somebody_else(&chain.da_svid)?, ..chain };
        self.refused_at_entry(&forged).await
    }

    /// A good chain, presented by a workload it does not name.
    pub(super) async fn stranger(&self) -> anyhow::Result<String> {
        let chain = self.bank.chain(&balance()).await?;
        let refused = match self.stranger {
            Accomplice::Identity(identity) => {
                let answer = teller::call(identity, &self.bank.place.entry, &balance(), Some(&chain)).await?;
                refused(&answer)?
            }
            Accomplice::Program(path) => refused_elsewhere(path, &self.bank.place.entry, &chain).await?,
        };
        Ok(refused)
    }

    /// The root alone; in plain mode the root of an ID chain, offered as a plain token.
    pub(super) async fn links_stripped(&self) -> anyhow::Result<String> {
        let bank = self.bank;
        let mode = if bank.mode == Mode::Plain { Mode::Id } else { bank.mode };
        let root = bank.teller.mint(mode, &bank.access_token, &Wanted::default()).await?;
        self.refused_at_entry(&root).await
    }

    /// An anonymous chain nobody sealed for the target; an ID chain that names a middle tier; a plain token bound to no request.
    pub(super) async fn unsealed_chain(&self) -> anyhow::Result<String> {
        let bank = self.bank;
        let chain = match bank.mode {
            Mode::Plain => bank.teller.mint(bank.mode, &bank.access_token, &Wanted::default()).await?,
            Mode::Id | Mode::Anonymous => bank.chain(&balance()).await?,
        };
        let answer = bank.teller.call(&bank.place.target, &balance(), Some(&chain)).await?;
        refused(&answer)
    }

    async fn refused_at_entry(&self, chain: &ChainFile) -> anyhow::Result<String> {
        let bank = self.bank;
        refused(&bank.teller.call(&bank.place.entry, &balance(), Some(chain)).await?)
    }
}

fn balance() -> Outgoing {
    Outgoing::new("GET", BALANCE)
}

/// The refusal in words; anything else is an error.
fn refused(answer: &Answer) -> anyhow::Result<String> {
    let problem = teller::problem(answer).with_context(|| format!("answered with {}", answer.status))?;
    match ProblemKind::from_type_uri(&problem.r#type) {
        Some(
            ProblemKind::InvalidToken
            | ProblemKind::InvalidChain
            | ProblemKind::NotPermitted
            | ProblemKind::InvalidRequest,
        ) => Ok(teller::refusal(answer)),
        _ => bail!("not refused but: {}", teller::refusal(answer)),
    }
}

/// Presents `chain` from another process; the tool's `call` prints the answer and ends with 1 when it is a refusal.
async fn refused_elsewhere(program: &PathBuf, entry: &Endpoint, chain: &ChainFile) -> anyhow::Result<String> {
    let url = entry.url.join(BALANCE)?;
    let mut child = Command::new(program)
        .args(["call", "--server", &entry.id.to_string(), "--chain", "-", "GET", url.as_str()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(chain.render(false)?.as_bytes()).await?;
    drop(input);
    let ended = child.wait_with_output().await?;
    let told = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.code() == Some(1), "the stranger's call ended with {}: {told}", ended.status);
    ensure!(told.contains("urn:x-dasvid:problem:invalid-"), "the stranger was not refused but: {told}");
    Ok(told.trim().trim_start_matches("dasvid: ").to_owned())
}

/// The chain with another `dpr` in its root.
fn as_somebody_else(chain: &str) -> anyhow::Result<String> {
    let parts: Vec<&str> = chain.splitn(3, '.').collect();
    let [header, payload, rest] = parts[..] else { bail!("not a chain") };
    let mut claims: Value = serde_json::from_slice(&encoding::from_base64url(payload).context("not base64url")?)?;
    let person = claims.get_mut("dpr").context("a root names a person")?;
    *person = "mallory".into();
    Ok(format!("{header}.{}.{rest}", encoding::base64url(claims.to_string().as_bytes())))
}
