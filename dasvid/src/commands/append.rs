//! `dasvid append`: links on a chain.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use mesh::Svid;
use spiffe::SpiffeId;
use token::claims::Only;
use token::hop::Extension;
use token::{Chain, Mode};

use super::mint::connect;
use crate::cli::{Append, CertsArg};
use crate::input::{self, ChainFile};
use crate::outgoing::{Content, Outgoing};
use crate::{folder, output, teller};

/// The life of a link, in seconds; never longer than the chain's.
const LIFE: u64 = 60;

/// Appends the links and prints the longer chain.
pub(super) async fn run(arguments: &Append) -> anyhow::Result<ExitCode> {
    let mut file = ChainFile::read(&arguments.chain)?;
    let mode = Chain::parse(&file.da_svid)?.mode();
    check(arguments, mode)?;
    let svid = arguments.svid.as_deref().map(folder::read_svid).transpose()?;
    let keys = arguments.keys.as_deref().map(input::bytes).transpose()?;
    for link in 1..=arguments.links {
        let is_last = link == arguments.links;
        let own = |id: &SpiffeId| extension(arguments, mode, is_last, id);
        let chain = Chain::parse(&file.da_svid)?;
        file = match (mode, &svid, &keys) {
            (Mode::Id, Some(svid), _) => offline(&file, &chain, svid, &own(&svid.id)?)?,
            (Mode::Anonymous, _, Some(keys)) => {
                teller::extend_anonymous(&file, &chain, keys, &own(&chain.root().sub)?)?
            }
            _ => {
                let teller = connect(&arguments.asserting).await?;
                let extension = own(&teller.id()?)?;
                match arguments.certs {
                    CertsArg::Inline => teller.extend(&file, &extension).await?,
                    CertsArg::ByReference => teller.extend_by_reference(&file, &extension).await?,
                }
            }
        };
    }
    output::line(&file.render(arguments.bare)?)?;
    Ok(ExitCode::SUCCESS)
}

fn offline(file: &ChainFile, chain: &Chain, svid: &Svid, extension: &Extension) -> anyhow::Result<ChainFile> {
    teller::extend_id(file, chain, svid, extension)
}

fn check(arguments: &Append, mode: Mode) -> anyhow::Result<()> {
    match mode {
        Mode::Plain => bail!("a plain DA-SVID has no links: it travels as it is"),
        Mode::Id => ensure!(arguments.next.is_some(), "say with --next which workload may continue the chain"),
        Mode::Anonymous if arguments.seal => {
            ensure!(arguments.next.is_some(), "say with --next for which workload to seal the chain");
            ensure!(arguments.bind.is_some(), "a seal is bound to its request: say which with --bind");
        }
        Mode::Anonymous => {
            ensure!(arguments.next.is_none(), "an anonymous link names nobody; --next goes with --seal");
        }
    }
    Ok(())
}

/// What one of the links says; those before the last of an ID chain name the signer itself.
fn extension(arguments: &Append, mode: Mode, is_last: bool, own: &SpiffeId) -> anyhow::Result<Extension> {
    let next = match mode {
        Mode::Id if !is_last => Some(own.clone()),
        Mode::Anonymous if !is_last => None,
        _ => arguments.next.clone(),
    };
    let only = match &arguments.only {
        Some(json) => Some(json.parse::<Only>().context("--only is not an `only` claim")?),
        None => None,
    };
    let rqd = match &arguments.bind {
        Some(request) => Some(outgoing(arguments, request)?.rqd()?),
        None => None,
    };
    Ok(Extension { next, only, rqd, seal: arguments.seal && is_last, life: LIFE })
}

/// The request the links are bound to.
fn outgoing(arguments: &Append, request: &str) -> anyhow::Result<Outgoing> {
    let body = match &arguments.body {
        Some(path) => {
            let kind = arguments.content_type.clone().unwrap_or_else(|| "application/json".to_owned());
            Some(Content { kind, bytes: input::bytes(path)?.into() })
        }
        None => None,
    };
    Ok(Outgoing { body, idempotency_key: arguments.idempotency_key.clone(), ..Outgoing::parse(request)? })
}
