//! `dasvid svid`: this workload's own X509-SVID, in files.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use spiffe::X509Source;

use crate::cli::Svid;
use crate::{folder, output};

/// How long to wait for an SVID.
const WAIT: Duration = Duration::from_secs(10);

/// Writes the SVID, its key and the bundle.
pub(super) async fn run(arguments: &Svid) -> anyhow::Result<ExitCode> {
    let Svid::Write { dir, socket } = arguments;
    // The identity says in its own words what is wrong with the socket; only then is the key itself asked for.
    drop(crate::teller::identity(socket.socket.as_deref()).await?);
    let source = X509Source::builder().initial_sync_timeout(WAIT);
    let source = match &socket.socket {
        Some(endpoint) => source.endpoint(endpoint.as_str()),
        None => source,
    };
    let source = source.build().await?;
    let svid = source.svid()?;
    let bundle =
        source.bundle_set()?.get(svid.spiffe_id().trust_domain()).context("no bundle of the own trust domain")?;
    let chain: Vec<_> = svid.cert_chain().iter().map(|certificate| certificate.as_bytes().to_vec()).collect();
    let anchors: Vec<_> = bundle.authorities().iter().map(|anchor| anchor.as_bytes().to_vec()).collect();
    folder::write_svid(dir, &chain, svid.private_key().as_bytes(), &anchors)?;
    output::note(&format!("{} written to {}", svid.spiffe_id(), dir.display()));
    Ok(ExitCode::SUCCESS)
}
