//! The folder everything is kept in; no service sees it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use x509_parser::pem::parse_x509_pem;
use zeroize::Zeroizing;

use super::authority::{self, LIFE, Pair, Purpose};
use crate::folder;

/// Bytes of a key, and of what a password is made of.
const KEY: usize = 32;

pub(super) struct Vault {
    dir: PathBuf,
    now: OffsetDateTime,
}

impl Vault {
    /// Opens the folder, or makes it.
    pub(super) fn open(dir: &Path, now: OffsetDateTime) -> anyhow::Result<Self> {
        folder::make(dir)?;
        Ok(Self { dir: dir.to_owned(), now })
    }

    /// The authority that is kept as `name`; made as `title` when there is none.
    pub(super) fn authority(&self, name: &str, title: &str) -> anyhow::Result<Pair> {
        match self.pair(name)? {
            Some(pair) => Ok(pair),
            None => self.keep(name, authority::authority(title, self.now)?),
        }
    }

    /// The certificate of `title` by `authority` that is kept as `name`; another when less than half its life is left.
    pub(super) fn leaf(&self, name: &str, authority: &Pair, title: &str, purpose: Purpose) -> anyhow::Result<Pair> {
        match self.pair(name)? {
            Some(pair) if self.is_young(&pair)? => Ok(pair),
            _ => self.keep(name, authority.issue(title, purpose, self.now)?),
        }
    }

    /// The password that is kept as `name`: 43 letters, digits, `-` and `_`.
    pub(super) fn password(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        let path = self.dir.join(format!("{name}.password"));
        let made = || Ok(URL_SAFE_NO_PAD.encode(random()?).into_bytes());
        let kept = Zeroizing::new(kept(&path, made)?);
        let text = std::str::from_utf8(&kept).with_context(|| format!("{} is not text", path.display()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The 32 random bytes that are kept as `name`.
    pub(super) fn key(&self, name: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let path = self.dir.join(name);
        let key = Zeroizing::new(kept(&path, || Ok(random()?.to_vec()))?);
        ensure!(key.len() == KEY, "{} does not hold {KEY} bytes", path.display());
        Ok(key)
    }

    fn pair(&self, name: &str) -> anyhow::Result<Option<Pair>> {
        let (certificate, key) = (read(&self.path(name, "pem"))?, read(&self.path(name, "key"))?);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).with_context(|| format!("{name} in the vault is not PEM"));
        let (Some(certificate), Some(key)) = (certificate, key) else { return Ok(None) };
        Ok(Some(Pair { certificate: text(certificate)?, key: Zeroizing::new(text(key)?) }))
    }

    /// The certificate last: a pair is there when its certificate is.
    fn keep(&self, name: &str, pair: Pair) -> anyhow::Result<Pair> {
        folder::write(&self.path(name, "key"), pair.key.as_bytes(), true)?;
        folder::write(&self.path(name, "pem"), pair.certificate.as_bytes(), false)?;
        Ok(pair)
    }

    fn is_young(&self, pair: &Pair) -> anyhow::Result<bool> {
        let (_, pem) = parse_x509_pem(pair.certificate.as_bytes()).context("a certificate in the vault is not PEM")?;
        let certificate = pem.parse_x509().context("a certificate in the vault is none")?;
        Ok(certificate.validity().not_after.to_datetime() - self.now > LIFE / 2)
    }

    fn path(&self, name: &str, kind: &str) -> PathBuf {
        self.dir.join(format!("{name}.{kind}"))
    }
}

fn random() -> anyhow::Result<Zeroizing<[u8; KEY]>> {
    let mut bytes = Zeroizing::new([0; KEY]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
    Ok(bytes)
}

fn kept(path: &Path, make: impl FnOnce() -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    if let Some(content) = read(path)? {
        return Ok(content);
    }
    let content = make()?;
    folder::write(path, &content, true)?;
    Ok(content)
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
