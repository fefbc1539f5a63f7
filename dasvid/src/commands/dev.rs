//! `dasvid dev-spire` and `dasvid dev-idp`: the parts a developer's machine lacks.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use dev_idp::{DevIdp, Https};
use dev_spire::{Config, DevSpire, Entry};
use dev_traces::DevTraces;
use spiffe::{SpiffeId, TrustDomain};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{DevIdpAsk, DevIdpCommand, DevSpireCommand, DevTracesCommand};
use crate::{folder, journey, output};

/// A configuration that is wrong (`EX_USAGE`).
const BAD_CONFIG: u8 = 64;

/// Serves the Workload API until a signal; exit code 64 for a configuration that is wrong.
pub(super) async fn spire(arguments: &DevSpireCommand) -> anyhow::Result<ExitCode> {
    let spire = match (&arguments.config, &arguments.dir) {
        (Some(file), _) => match Config::load(file) {
            Ok(config) => shared(&config).await?,
            Err(error) => {
                output::note(&format!("dasvid: {}: {error}", file.display()));
                return Ok(ExitCode::from(BAD_CONFIG));
            }
        },
        (None, Some(dir)) => one_socket_an_identity(arguments, dir).await?,
        (None, None) => bail!("neither --dir nor --config"),
    };
    until_signal().await?;
    spire.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

async fn shared(config: &Config) -> anyhow::Result<DevSpire> {
    let (spire, endpoints) = DevSpire::configured(config).await?;
    for endpoint in endpoints {
        output::line(&endpoint)?;
    }
    output::note("dev-spire is not for production. Ctrl-C ends it.");
    Ok(spire)
}

async fn one_socket_an_identity(arguments: &DevSpireCommand, dir: &Path) -> anyhow::Result<DevSpire> {
    let trust_domain = TrustDomain::new(&arguments.trust_domain)?;
    let mut settings = dev_spire::Settings::new(trust_domain.clone());
    settings.x509_ttl = Duration::from_secs(arguments.x509_ttl);
    folder::make(dir)?;
    let dir = dir.canonicalize()?;
    let spire = DevSpire::start(settings).await?;
    for name in &arguments.identities {
        let id = SpiffeId::from_segments(trust_domain.clone(), &name.split('/').collect::<Vec<_>>())
            .with_context(|| format!("{name:?} makes no SPIFFE ID"))?;
        let path = dir.join(format!("{}.sock", name.replace('/', "-")));
        spire.issue_socket(&path, Entry::new(id.clone())).await?;
        output::line(&format!("{id}  {}", DevSpire::endpoint(&path)))?;
    }
    output::note("dev-spire is not for production: whoever opens a socket gets its identity. Ctrl-C ends it.");
    Ok(spire)
}

/// Serves the OpenID Provider until a signal, or asks a running one for a token.
pub(super) async fn idp(arguments: &DevIdpCommand) -> anyhow::Result<ExitCode> {
    if let Some(DevIdpAsk::Token { person, issuer, scope }) = &arguments.ask {
        let issuer = issuer.as_str().trim_end_matches('/');
        let password = format!("{person}-pw");
        output::line(&journey::grant(issuer, "bank-cli", person, &password, scope).await?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let DevIdpCommand { listen, shape, alg, danger_listen_anywhere, .. } = *arguments;
    let (issuer, https) = (arguments.issuer.clone(), https(arguments)?);
    let settings =
        dev_idp::Settings { listen, https, issuer, shape, alg, danger_listen_anywhere, ..dev_idp::Settings::default() };
    let idp = DevIdp::start(settings).await?;
    if let Some(uri) = &arguments.backchannel_logout {
        idp.tell_of_logouts("bank-web", uri.as_str());
    }
    output::line(idp.issuer())?;
    output::note("dev-idp is not for production. People: alice (alice-pw), bob (bob-pw). Ctrl-C ends it.");
    until_signal().await?;
    idp.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn https(arguments: &DevIdpCommand) -> anyhow::Result<Option<Https>> {
    let (Some(listen), Some(dir)) = (arguments.https, &arguments.tls_dir) else { return Ok(None) };
    let read = |name| fs::read(dir.join(name)).with_context(|| dir.join(name).display().to_string());
    Ok(Some(Https { listen, certificates: read("tls.pem")?, key: read("tls.key")? }))
}

/// Takes traces until a signal.
pub(super) async fn traces(arguments: &DevTracesCommand) -> anyhow::Result<ExitCode> {
    let traces = DevTraces::start(arguments.listen).await?;
    output::line(&format!("http://{}", traces.addr))?;
    output::note("dev-traces is not for production: whoever reaches it sees every trace. Ctrl-C ends it.");
    until_signal().await?;
    traces.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C or SIGTERM.
pub(super) async fn until_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
