//! Sealing of key material at rest: AES-256-GCM with a random nonce and associated data.
//!
//! The sealing key lives in a file of exactly 32 bytes. With SQLite it is made beside the database on first
//! start; a store that several replicas share is given one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// Bytes of a sealing key.
pub const KEY_BYTES: usize = 32;

/// Why something could not be sealed, opened, or the key not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key file cannot be read or made.
    #[error("the sealing key `{}` cannot be read or made", path.display())]
    File {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The key file does not hold exactly 32 bytes.
    #[error("the sealing key `{}` is not 32 bytes long", .0.display())]
    Length(PathBuf),
    /// This store is shared, so its sealing key must be given.
    #[error("this store needs a sealing key file, for other replicas must have the same")]
    Missing,
    /// The box was sealed with another key or other associated data, or was changed.
    #[error("sealed data cannot be opened with this key")]
    Open,
    /// The system gave no randomness.
    #[error("no randomness from the system")]
    Randomness,
}

/// A key that seals, and those beside it that open. Their bytes are wiped when it is dropped.
pub struct SealKey {
    own: Zeroizing<[u8; KEY_BYTES]>,
    others: Vec<Zeroizing<[u8; KEY_BYTES]>>,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(..)")
    }
}

impl SealKey {
    /// A key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self { own: Zeroizing::new(bytes), others: Vec::new() }
    }

    /// This key, which also opens what `other` opens, while one sealing key follows another.
    #[must_use]
    pub fn opening_too(mut self, other: Self) -> Self {
        self.others.push(other.own);
        self.others.extend(other.others);
        self
    }

    /// A fresh key that nobody else has.
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(bytes.as_mut()).map_err(|_| SealError::Randomness)?;
        Ok(Self { own: bytes, others: Vec::new() })
    }

    /// The key a store needs: the `given` file, else beside a SQLite file (`bank.db` → `bank.db.key`, made on
    /// first start), else, for a store in memory, a fresh one.
    ///
    /// # Errors
    /// [`SealError::Missing`] if the store is shared and no file is given, else as [`Self::read`] and
    /// [`Self::read_or_create`].
    pub fn for_store(url: &str, given: Option<&Path>) -> Result<Self, SealError> {
        match (given, beside(url)) {
            (Some(path), _) => Self::read(path),
            (None, Some(path)) => Self::read_or_create(&path),
            (None, None) if url.contains(":memory:") || url == "memory:" => Self::generate(),
            (None, None) => Err(SealError::Missing),
        }
    }

    /// The key of a store in which something is sealed already, as [`Self::for_store`] finds it; none is made.
    ///
    /// # Errors
    /// [`SealError::Missing`] if no file is given and there is no SQLite file to find one beside, else as [`Self::read`].
    pub fn of_store(url: &str, given: Option<&Path>) -> Result<Self, SealError> {
        match (given, beside(url)) {
            (Some(path), _) => Self::read(path),
            (None, Some(path)) => Self::read(&path),
            (None, None) => Err(SealError::Missing),
        }
    }

    /// The key in this file.
    ///
    /// # Errors
    /// [`SealError::File`], [`SealError::Length`].
    pub fn read(path: &Path) -> Result<Self, SealError> {
        let fail = |source| SealError::File { path: path.to_owned(), source };
        let file = File::open(path).map_err(fail)?;
        if file.metadata().map_err(fail)?.permissions().mode() & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "others may read the sealing key");
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
        file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(fail)?;
        let key = bytes.as_slice().try_into().map_err(|_| SealError::Length(path.to_owned()))?;
        Ok(Self::from_bytes(key))
    }

    /// The key in this file; a fresh one, readable by its owner only, if there is no file yet.
    ///
    /// Processes that start at the same time end up with the same key, and a crash leaves a whole file or none.
    ///
    /// # Errors
    /// [`SealError::File`], [`SealError::Length`], [`SealError::Randomness`].
    pub fn read_or_create(path: &Path) -> Result<Self, SealError> {
        if !path.exists() {
            Self::generate()?.create(path)?;
        }
        Self::read(path)
    }

    /// Writes the key to a new file; a file that is there already stays as it is.
    fn create(&self, path: &Path) -> Result<(), SealError> {
        let fail = |source| SealError::File { path: path.to_owned(), source };
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", uuid::Uuid::new_v4().simple()));
        let draft = PathBuf::from(draft);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| file.write_all(self.own.as_ref()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::hard_link(&draft, path));
        std::fs::remove_file(&draft).map_err(fail)?;
        match written {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(fail(error)),
            _ => sync_folder(path).map_err(fail),
        }
    }

    /// Seals `plaintext`; `context` must be given again to open it.
    ///
    /// The box is nonce (12 bytes), ciphertext, tag (16 bytes).
    ///
    /// # Errors
    /// [`SealError::Randomness`].
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let key = cipher(&self.own)?;
        let mut text = plaintext.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(context), &mut text).map_err(|_| SealError::Randomness)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + text.len());
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made with the same `context`, of this key or one of those that open beside it.
    ///
    /// # Errors
    /// [`SealError::Open`].
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut keys = std::iter::once(&self.own).chain(&self.others);
        keys.find_map(|key| open(key, context, sealed).ok()).ok_or(SealError::Open)
    }
}

fn open(key: &[u8; KEY_BYTES], context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Open)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Open)?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = text.len().checked_sub(MAX_TAG_LEN).ok_or(SealError::Open)?;
    cipher(key)?.open_in_place(nonce, Aad::from(context), &mut text).map_err(|_| SealError::Open)?;
    text.truncate(length);
    Ok(text)
}

fn cipher(key: &[u8; KEY_BYTES]) -> Result<RandomizedNonceKey, SealError> {
    RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| SealError::Open)
}

/// The key file beside a SQLite file.
fn beside(url: &str) -> Option<PathBuf> {
    let mut name = sqlite_path(url)?.into_os_string();
    name.push(".key");
    Some(PathBuf::from(name))
}

/// The file of a SQLite address, if it has one.
#[must_use]
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

/// Makes a new name in a folder survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests;
