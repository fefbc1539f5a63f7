//! A wrong setting ends in one line that names it, with exit code 64, before anything is opened.

use std::process::Stdio;
use std::time::Duration;

use tokio::time::timeout;

use super::Options;
use crate::lab::{Lab, StoreKind};
use crate::report::Report;

/// What is wrong: the workload, the environment's variable after its prefix, the value, and what the line must name.
const WRONG: [(&str, &str, &str, &str); 14] = [
    ("asserting-wl", "LISTEN__ADRESS", "127.0.0.1:1", "listen.adress"),
    ("asserting-wl", "MINT__LIFE", "2h", "mint.life"),
    ("asserting-wl", "STORE__URL", "oracle://bank", "store.url"),
    ("asserting-wl", "POLICY", "nowhere.toml", "nowhere.toml"),
    ("target-wl", "STORE__URL", "oracle://bank", "store.url"),
    ("target-wl", "REQUEST_TIMEOUT", "soon", "request_timeout"),
    ("target-wl", "REVOCATIONS__MAX_SILENCE", "0s", "revocations.max_silence"),
    ("target-wl", "ASSERTING__URL", "asserting-wl", "asserting.url"),
    ("middle-tier-1", "NEXT__URL", "not a url", "next.url"),
    ("middle-tier-1", "NEXT__ID", "target-wl", "next.id"),
    ("middle-tier-1", "LINK__LIFE", "-1s", "link.life"),
    ("subject-wl", "LOGIN__ISSUER", "ftp://idp.example", "login.issuer"),
    ("subject-wl", "BANK__MODE", "secret", "bank.mode"),
    ("subject-wl", "LOG__FILTER", "loud=very=much", "log.filter"),
];

/// Starts each process with one wrong setting.
///
/// # Errors
/// A process cannot be run.
pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("bad-config: one wrong setting each");
    let settings = super::Settings { store: StoreKind::Sqlite, replicas: 1, ..options.settings() };
    let mut lab = Lab::prepare(&settings).await?;
    for (name, variable, value, named) in WRONG {
        let prefix = name.trim_end_matches("-1").replace('-', "_").to_uppercase();
        let variable = format!("{prefix}__{variable}");
        let Some(process) = lab.of(name).next() else { anyhow::bail!("there is no {name}") };
        let mut command = process.command();
        command.env(&variable, value).stdout(Stdio::piped()).stderr(Stdio::piped());
        let ended = timeout(Duration::from_secs(10), command.output()).await;
        let what = format!("{variable}={value}");
        let Ok(output) = ended else {
            report.check(what, false, "it runs");
            continue;
        };
        let output = output?;
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = told.lines().count();
        let is_told = output.status.code() == Some(64) && lines == 1 && told.contains(named);
        report.check(what, is_told, format!("{}, {lines} lines: {told}", output.status));
    }
    for url in [lab.asserting_store(), lab.target_store()] {
        let file = url.trim_start_matches("sqlite://").split('?').next().unwrap_or_default();
        report.check("no database was opened", !std::path::Path::new(file).exists(), file);
    }
    Ok(report)
}
