//! `dasvid validate` and `dasvid introspect`: what asserting-wl says of a chain.

use std::process::ExitCode;

use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use token::{Chain, Mode, encoding};
use wire::header::DA_SVID_CERTS;

use super::mint::connect;
use crate::cli::Ask;
use crate::input::ChainFile;
use crate::{output, teller};

/// Prints asserting-wl's diagnosis.
pub(super) async fn validate(arguments: &Ask) -> anyhow::Result<ExitCode> {
    let chain = ChainFile::read(&arguments.chain)?;
    ask(arguments, wire::introspect::VALIDATE, &chain, &chain.da_svid).await?;
    Ok(ExitCode::SUCCESS)
}

/// Prints whether the chain is active; exit code 1 when it is not.
pub(super) async fn introspect(arguments: &Ask) -> anyhow::Result<ExitCode> {
    let chain = ChainFile::read(&arguments.chain)?;
    let shown = showable(&chain.da_svid)?;
    let answer = ask(arguments, wire::introspect::INTROSPECT, &chain, &shown).await?;
    let active = answer.get("active").and_then(Value::as_bool).unwrap_or(false);
    Ok(if active { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn ask(arguments: &Ask, path: &str, chain: &ChainFile, token: &str) -> anyhow::Result<Value> {
    let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("token", token).finish();
    let mut request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(certificates) = &chain.certificates {
        request = request.header(DA_SVID_CERTS, certificates);
    }
    let answer = connect(&arguments.asserting).await?.asserting().call(request.body(form.into())?).await?;
    let answer: Value = teller::read(&answer)?;
    output::json(&answer)?;
    Ok(answer)
}

/// What of a chain may be shown to others: of an unsealed anonymous chain only the root, with its tail cut to R, for
/// its last `s` is a key.
fn showable(text: &str) -> anyhow::Result<String> {
    let chain = Chain::parse(text)?;
    if chain.mode() != Mode::Anonymous || chain.last().is_some_and(|link| link.claims.fin()) {
        return Ok(text.to_owned());
    }
    let r = chain.tail(0).get(..32).unwrap_or_default();
    Ok(format!("{}.{}", chain.signed(0), encoding::base64url(r)))
}
