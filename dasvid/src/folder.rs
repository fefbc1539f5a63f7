//! Folders of keys and certificates that commands write and read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::{Context as _, bail};
use crypto::jose::SigningKey;
use mesh::Svid;
use pem::Pem;
use token::Leaf;

/// The certificates, leaf first.
const CHAIN: &str = "svid.pem";
/// The private key, PKCS#8.
const KEY: &str = "key.pem";
/// The trust domain's anchors.
pub const BUNDLE: &str = "bundle.pem";

/// Makes a folder for secrets: nobody else may look in.
///
/// # Errors
/// When it cannot be made.
pub fn make(dir: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make the folder {}", dir.display()))
}

/// Writes a file; `secret` ones are readable by their owner alone from the first byte on.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, content: &[u8], secret: bool) -> anyhow::Result<()> {
    let mode = if secret { 0o600 } else { 0o644 };
    let partial = path.with_extension("partial");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&partial)
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| fs::rename(&partial, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes an SVID and its bundle (DER all).
///
/// # Errors
/// When a file cannot be written.
pub fn write_svid(dir: &Path, chain: &[Vec<u8>], key: &[u8], bundle: &[Vec<u8>]) -> anyhow::Result<()> {
    make(dir)?;
    write(&dir.join(CHAIN), certificates(chain).as_bytes(), false)?;
    write(&dir.join(KEY), pem::encode(&Pem::new("PRIVATE KEY", key)).as_bytes(), true)?;
    write(&dir.join(BUNDLE), certificates(bundle).as_bytes(), false)
}

fn certificates(list: &[Vec<u8>]) -> String {
    pem::encode_many(&list.iter().map(|der| Pem::new("CERTIFICATE", der.clone())).collect::<Vec<_>>())
}

/// Reads an SVID that [`write_svid`] wrote.
///
/// # Errors
/// When a file is missing or is not what it should be.
pub fn read_svid(dir: &Path) -> anyhow::Result<Svid> {
    let chain = read_certificates(&dir.join(CHAIN))?;
    let path = dir.join(KEY);
    let key = pem::parse(read(&path)?).with_context(|| format!("{} is not PEM", path.display()))?;
    let key =
        SigningKey::from_pkcs8(key.contents()).with_context(|| format!("{} holds no usable key", path.display()))?;
    let Some(leaf) = chain.first() else { bail!("{} holds no certificate", dir.join(CHAIN).display()) };
    let leaf = Leaf::parse(leaf).with_context(|| format!("{} is no SVID", dir.join(CHAIN).display()))?;
    if leaf.key != key.public_key() {
        bail!("the key and the certificate in {} do not belong together", dir.display());
    }
    Ok(Svid { id: leaf.spiffe_id, chain, key, x5t: leaf.x5t.0, not_after: leaf.not_after })
}

/// Reads the certificates (DER) of a PEM file.
///
/// # Errors
/// When it cannot be read or holds none.
pub fn read_certificates(path: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let parts = pem::parse_many(read(path)?).with_context(|| format!("{} is not PEM", path.display()))?;
    let found: Vec<_> = parts.into_iter().filter(|part| part.tag() == "CERTIFICATE").map(Pem::into_contents).collect();
    if found.is_empty() {
        bail!("{} holds no certificate", path.display());
    }
    Ok(found)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
