//! Reading what a command is given: chains, tokens and small files.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// Largest input a command reads, bytes.
const MAX_INPUT: u64 = 1024 * 1024;

/// A chain as commands print and read it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChainFile {
    /// The chain in compact form.
    pub da_svid: String,
    /// The signers' certificates, as a `DA-SVID-Certs` value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<String>,
    /// The proof of the OAuth signature, as a `DA-SVID-Proof` value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
}

impl ChainFile {
    /// Reads a chain from a file or, for `-`, from standard input: the bare compact form, or JSON with `da_svid`.
    ///
    /// # Errors
    /// When there is nothing to read, or JSON without `da_svid`.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = text(path)?;
        if text.starts_with('{') {
            return serde_json::from_str(&text)
                .with_context(|| format!("{} is JSON, but not what `dasvid mint` prints", name(path)));
        }
        Ok(Self { da_svid: text, certificates: None, proof: None })
    }

    /// What is printed: the bare chain, or JSON with the certificates.
    ///
    /// # Errors
    /// None in practice; the JSON writer's type says otherwise.
    pub fn render(&self, bare: bool) -> anyhow::Result<String> {
        if bare { Ok(self.da_svid.clone()) } else { Ok(serde_json::to_string(self)?) }
    }
}

/// Reads a file or, for `-`, standard input, without surrounding white space.
///
/// # Errors
/// When it cannot be read, is empty, is not UTF-8, or holds more than a mebibyte.
pub fn text(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(bytes(path)?).map_err(|_| anyhow::anyhow!("{} is not text", name(path)))?;
    let text = text.trim();
    if text.is_empty() {
        bail!("{} is empty", name(path));
    }
    Ok(text.to_owned())
}

/// Reads a file or, for `-`, standard input, as it is.
///
/// # Errors
/// When it cannot be read or holds more than a mebibyte.
pub fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = |source: &mut dyn Read, bytes: &mut Vec<u8>| source.take(MAX_INPUT + 1).read_to_end(bytes);
    if path == Path::new("-") {
        read(&mut io::stdin().lock(), &mut bytes)
    } else {
        File::open(path).and_then(|mut file| read(&mut file, &mut bytes))
    }
    .with_context(|| format!("cannot read {}", name(path)))?;
    if bytes.len() as u64 > MAX_INPUT {
        bail!("{} holds more than {MAX_INPUT} bytes", name(path));
    }
    Ok(bytes)
}

fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}
