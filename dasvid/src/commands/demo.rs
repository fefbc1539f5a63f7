//! `dasvid demo`: the bank, for a browser or for the story.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use chassis::config::TelemetrySettings;
use chassis::traces::Traces;
use dev_traces::DevTraces;
use url::Url;

use super::dev::until_signal;
use super::journey::{finish, tell};
use crate::cli::Demo;
use crate::demo::{Bank, Settings, log};
use crate::{journey, output};

/// Runs the bank until Ctrl-C, or through the story.
pub(super) async fn run(arguments: &Demo) -> anyhow::Result<ExitCode> {
    let shown = if arguments.traces { Some(collector(arguments).await?) } else { None };
    let traces = traces(shown.as_ref())?;
    log::init(!arguments.journey, traces.as_ref());
    let settings = Settings {
        middle_tiers: arguments.middle_tiers,
        dir: arguments.dir.clone(),
        listen: arguments.listen,
        verification: arguments.verification,
        idp_alg: arguments.idp_alg,
        certs: arguments.certs.into(),
        usual_ports: !arguments.journey,
        target_store: None,
    };
    let bank = Bank::start(&settings).await?;
    let code = if arguments.journey { story(&bank, arguments.json).await } else { serve(&bank, shown.as_ref()).await };
    let is_clean = bank.shutdown().await;
    if let Some(traces) = traces {
        traces.shut_down().await;
    }
    if !is_clean {
        output::note("dasvid: requests were still under way");
    }
    code
}

async fn story(bank: &Bank, json: bool) -> anyhow::Result<ExitCode> {
    output::note(&format!("ready after {:.0} ms", bank.ready_ms));
    let mut story = journey::run(&bank.place, tell).await?;
    story.ready_ms = Some(bank.ready_ms);
    finish(&story, json)
}

/// The page that shows traces, at its usual port or another.
async fn collector(arguments: &Demo) -> anyhow::Result<DevTraces> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let usual = SocketAddr::new(any.ip(), if arguments.journey { 0 } else { 4318 });
    match DevTraces::start(usual).await {
        Ok(collector) => Ok(collector),
        Err(_) => Ok(DevTraces::start(any).await?),
    }
}

/// Where spans go: to our own page, else where the standard variables say.
fn traces(shown: Option<&DevTraces>) -> anyhow::Result<Option<Traces>> {
    let otlp_endpoint = shown.map(|shown| Url::parse(&format!("http://{}", shown.addr))).transpose()?;
    let settings = TelemetrySettings { otlp_endpoint, ..TelemetrySettings::default() };
    let endpoint = settings.traces_endpoint(|name| std::env::var(name).ok())?;
    endpoint.map(|endpoint| Traces::start(&settings, &endpoint)).transpose()
}

async fn serve(bank: &Bank, shown: Option<&DevTraces>) -> anyhow::Result<ExitCode> {
    output::line(&bank.table())?;
    if let Some(shown) = shown {
        output::line(&format!("Traces of every request: http://{}\n", shown.addr))?;
    }
    until_signal().await?;
    output::note("stopping");
    Ok(ExitCode::SUCCESS)
}
