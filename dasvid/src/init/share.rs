//! A service's own folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::folder;

/// The folder of one service, which may belong to another user.
pub(super) struct Share {
    dir: PathBuf,
    owner: Option<u32>,
}

impl Share {
    /// Makes the folder unless it is there; only what is public in it is for others.
    pub(super) fn open(dir: &Path, owner: Option<u32>) -> anyhow::Result<Self> {
        let share = Self { dir: dir.to_owned(), owner };
        let prepared =
            fs::create_dir_all(dir).and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o755)));
        prepared.with_context(|| format!("cannot make the folder {}", dir.display()))?;
        share.give(dir)?;
        Ok(share)
    }

    /// A file for everybody.
    pub(super) fn public(&self, name: &str, content: &str) -> anyhow::Result<()> {
        self.put(name, content.as_bytes(), false)
    }

    /// A file for the owner alone.
    pub(super) fn secret(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        self.put(name, content, true)
    }

    fn put(&self, name: &str, content: &[u8], secret: bool) -> anyhow::Result<()> {
        let path = self.dir.join(name);
        if fs::read(&path).ok().as_deref() != Some(content) {
            folder::write(&path, content, secret)?;
        }
        self.give(&path)
    }

    fn give(&self, path: &Path) -> anyhow::Result<()> {
        match self.owner {
            Some(owner) => chown(path, Some(owner), Some(owner))
                .with_context(|| format!("cannot give {} to user {owner}", path.display())),
            None => Ok(()),
        }
    }
}
