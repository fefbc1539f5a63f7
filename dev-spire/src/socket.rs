//! Unix sockets: checked before they are bound, private, and removed afterwards.

use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};
use tokio::net::UnixListener;

/// The longest path of a Unix socket on Linux, bytes.
const MAX_PATH: usize = 107;
/// In a folder with this bit only the owner of a file may replace it.
const STICKY: u32 = 0o1000;

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The operating system limits the path of a socket.
    #[error("the socket path {path} has {length} bytes; at most {MAX_PATH} are possible, so use a shorter folder")]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length, bytes.
        length: usize,
    },
    /// Whoever can write to the folder can put a socket of their own in our place.
    #[error("others can replace files in {path} (mode {mode:03o}); `chmod 700` it or choose another folder")]
    FolderOpen {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something that is not a socket stands at the path.
    #[error("{0} is there already and is not a socket")]
    NotASocket(PathBuf),
    /// Another process answers there.
    #[error("another process serves {0}")]
    InUse(PathBuf),
    /// The operating system refused.
    #[error("cannot open the socket {path}")]
    Io {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Removes its socket when dropped, unless another one has taken the path.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Who may open a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// Its owner: mode 0600, in a folder of mode 0700 if that is made.
    Owner,
    /// Every user, for whoever it is will be attested: mode 0666, in a folder of mode 0755 if that is made.
    Everyone,
}

impl Access {
    const fn modes(self) -> (u32, u32) {
        match self {
            Self::Owner => (0o700, 0o600),
            Self::Everyone => (0o755, 0o666),
        }
    }
}

/// Opens a socket.
pub(crate) fn bind(path: &Path, access: Access) -> Result<(UnixListener, SocketFile), SocketError> {
    let (folder_mode, socket_mode) = access.modes();
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_PATH {
        return Err(SocketError::PathTooLong { path: path.to_owned(), length });
    }
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    owned_folder(path, folder_mode)?;
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    let file = SocketFile { path: path.to_owned(), inode: inode(path) };
    fs::set_permissions(path, fs::Permissions::from_mode(socket_mode)).map_err(failed)?;
    Ok((listener, file))
}

fn owned_folder(path: &Path, mode: u32) -> Result<(), SocketError> {
    let failed = |source| SocketError::Io { path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(failed)?;
    let mode = fs::metadata(folder).map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 && mode & STICKY == 0 {
        return Err(SocketError::FolderOpen { path: folder.to_owned(), mode });
    }
    Ok(())
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket(path.to_owned()));
    }
    if UnixStream::connect(path).is_ok() {
        return Err(SocketError::InUse(path.to_owned()));
    }
    fs::remove_file(path).map_err(|source| SocketError::Io { path: path.to_owned(), source })
}

fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|metadata| metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refuses_a_path_longer_than_the_system_allows() {
        let path = Path::new("/tmp").join("x".repeat(MAX_PATH));
        let error = bind(&path, Access::Owner).unwrap_err();
        assert!(matches!(error, SocketError::PathTooLong { length: 112, .. }), "{error}");
        assert!(error.to_string().contains("112 bytes; at most 107"), "{error}");
    }

    #[tokio::test]
    async fn makes_a_private_folder_and_a_private_socket() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("sockets/alice.sock");
        let (_listener, file) = bind(&path, Access::Owner).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&path), 0o600);
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn lets_everyone_to_a_socket_that_attests() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("agent/api.sock");
        let _socket = bind(&path, Access::Everyone).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o755);
        assert_eq!(mode(&path), 0o666);
    }

    #[tokio::test]
    async fn refuses_a_folder_others_can_write_to() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = bind(&home.path().join("alice.sock"), Access::Owner).unwrap_err();
        assert!(matches!(error, SocketError::FolderOpen { mode: 0o777, .. }), "{error}");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(bind(&home.path().join("alice.sock"), Access::Owner).is_ok());
    }

    #[tokio::test]
    async fn refuses_to_replace_a_file() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("alice.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind(&path, Access::Owner).unwrap_err(), SocketError::NotASocket(_)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[tokio::test]
    async fn refuses_a_socket_that_is_served_and_replaces_a_dead_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("alice.sock");
        let living = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(bind(&path, Access::Owner).unwrap_err(), SocketError::InUse(_)));
        drop(living);
        assert!(bind(&path, Access::Owner).is_ok());
    }
}
