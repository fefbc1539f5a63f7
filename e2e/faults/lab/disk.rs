//! A small disk that only one process sees: in its own mount namespace, so that nothing else on the machine is touched.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio::process::Command;

/// A file system for one process.
#[derive(Clone, Debug)]
pub(crate) enum Disk {
    /// In memory; gone with the process.
    Memory {
        /// Its size in bytes.
        bytes: u64,
    },
    /// In a file, so that it outlives the process.
    Image(PathBuf),
}

impl Disk {
    /// A disk of this size in a file.
    ///
    /// # Errors
    /// There are no loop devices here, or no `mkfs.ext4`.
    pub(crate) async fn image(path: &Path, bytes: u64) -> anyhow::Result<Self> {
        File::create(path)?.set_len(bytes)?;
        run("mkfs.ext4", &["-q", "-F", &path.display().to_string()]).await?;
        Ok(Self::Image(path.to_owned()))
    }

    /// The words before a program's own that give it this disk at `mount`.
    pub(crate) fn wrapper(&self, mount: &Path) -> Vec<String> {
        let mount = mount.display();
        let script = match self {
            Self::Memory { bytes } => format!("mount -t tmpfs -o size={bytes} tmpfs {mount}"),
            Self::Image(image) => format!("mount -o loop,errors=remount-ro {} {mount}", image.display()),
        };
        let script = format!("{script} && exec \"$@\"");
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", &script, "disk"].map(str::to_owned).to_vec()
    }

    /// Makes the kernel find an error on it: from then on it is read-only.
    ///
    /// # Errors
    /// It is no image, or not mounted.
    pub(crate) async fn break_down(&self) -> anyhow::Result<()> {
        let Self::Image(image) = self else { anyhow::bail!("a disk in memory does not break") };
        let listed =
            Command::new("losetup").args(["--noheadings", "--output", "NAME", "-j"]).arg(image).output().await?;
        let device = String::from_utf8(listed.stdout)?;
        let device = device.trim().trim_start_matches("/dev/");
        anyhow::ensure!(!device.is_empty(), "the disk is not mounted");
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        fs::write(&trigger, "1").with_context(|| trigger)
    }

    /// Repairs it while nobody has it mounted.
    ///
    /// # Errors
    /// It cannot be repaired.
    pub(crate) async fn repair(&self) -> anyhow::Result<()> {
        let Self::Image(image) = self else { return Ok(()) };
        // 0 and 1: clean, or clean after repairs.
        let status = Command::new("e2fsck").args(["-f", "-y"]).arg(image).output().await?.status;
        anyhow::ensure!(status.code().is_some_and(|code| code <= 1), "e2fsck: {status}");
        Ok(())
    }
}

/// A folder of another process's file systems, seen from here.
pub(crate) fn seen_from_here(pid: u32, folder: &Path) -> PathBuf {
    let mut path = PathBuf::from(format!("/proc/{pid}/root"));
    path.extend(folder.components().filter(|part| !matches!(part, std::path::Component::RootDir)));
    path
}

/// Writes a file until there is no space left; its size.
///
/// # Errors
/// It cannot be made.
pub(crate) fn fill(folder: &Path) -> anyhow::Result<u64> {
    let mut file = File::create(filler(folder))?;
    let mut written = 0;
    for size in [64 * 1024, 4096, 512, 1] {
        let block = vec![0_u8; size];
        while file.write_all(&block).is_ok() {
            written += u64::try_from(size)?;
        }
    }
    Ok(written)
}

/// Takes that file away.
///
/// # Errors
/// There is none.
pub(crate) fn empty(folder: &Path) -> anyhow::Result<()> {
    Ok(fs::remove_file(filler(folder))?)
}

fn filler(folder: &Path) -> PathBuf {
    folder.join("filler")
}

async fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new(program).args(arguments).output().await.with_context(|| program.to_owned())?;
    anyhow::ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
