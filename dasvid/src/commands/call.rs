//! `dasvid call`: a request with a chain.

use std::process::ExitCode;

use anyhow::bail;

use super::mint::connect;
use crate::cli::{Call, CertsArg};
use crate::input::{self, ChainFile};
use crate::outgoing::{Content, Outgoing};
use crate::place::Endpoint;
use crate::{output, references, teller};

/// Sends the request and prints the answer's body; a refusal is an error.
pub(super) async fn run(arguments: &Call) -> anyhow::Result<ExitCode> {
    let mut chain = arguments.chain.as_deref().map(ChainFile::read).transpose()?;
    if let (CertsArg::ByReference, Some(file)) = (arguments.certs, &chain) {
        chain = Some(references::spared(&connect(&arguments.asserting).await?, file).await?);
    }
    let target = match arguments.url.query() {
        Some(query) => format!("{}?{query}", arguments.url.path()),
        None => arguments.url.path().to_owned(),
    };
    let body = match &arguments.body {
        Some(path) => Some(Content { kind: arguments.content_type.clone(), bytes: input::bytes(path)?.into() }),
        None => None,
    };
    let idempotency_key = arguments.idempotency_key.clone();
    let outgoing = Outgoing { body, idempotency_key, ..Outgoing::new(&arguments.method, &target) };
    let service = Endpoint { url: arguments.url.join("/")?, id: arguments.server.clone() };
    let identity = teller::identity(arguments.asserting.socket.socket.as_deref()).await?;
    let answer = teller::call(&identity, &service, &outgoing, chain.as_ref()).await?;
    if !answer.status.is_success() {
        bail!("{}", teller::refusal(&answer));
    }
    output::line(&String::from_utf8_lossy(&answer.body))?;
    Ok(ExitCode::SUCCESS)
}
