//! A private PostgreSQL cluster of the laboratory's own, which it may restart and kill.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command as Blocking;

use anyhow::Context as _;
use tokio::process::Command;

/// Who runs it when the laboratory is root: PostgreSQL does not run as root.
const USER: &str = "postgres";

/// How a cluster ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Connections are closed and everything is written.
    Fast,
    /// At once, as a power cut would.
    Immediate,
}

/// A cluster with the databases `asserting` and `target`.
#[derive(Debug)]
pub(crate) struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    is_root: bool,
}

impl Cluster {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub(crate) async fn start(address: SocketAddr) -> anyhow::Result<Self> {
        let bin = programs().context("PostgreSQL is not installed below /usr/lib/postgresql")?;
        let is_root = !rootless();
        let made = command(is_root, OsStr::new("mktemp"), &["-d", "-t", "faults-pg-XXXXXX"]).output().await?;
        anyhow::ensure!(made.status.success(), "no folder for PostgreSQL: {}", String::from_utf8_lossy(&made.stderr));
        let folder = PathBuf::from(String::from_utf8(made.stdout)?.trim());
        let cluster = Self { bin, folder, address, is_root };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-U", "bank", "-A", "trust", "-E", "UTF8", "--no-sync"]).await?;
        cluster.begin().await?;
        for database in ["asserting", "target"] {
            let port = address.port().to_string();
            cluster.run("createdb", &["-h", "127.0.0.1", "-p", &port, "-U", "bank", database]).await?;
        }
        Ok(cluster)
    }

    /// The store's URL of a database.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://bank@{}/{database}", self.address)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn begin(&self) -> anyhow::Result<()> {
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200",
            self.address.port()
        );
        let log = self.folder.join("server.log").display().to_string();
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-t", "30", "-l", &log, "-o", &options, "start"]).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) async fn end(&self, ending: Ending) -> anyhow::Result<()> {
        let mode = if ending == Ending::Fast { "fast" } else { "immediate" };
        self.run("pg_ctl", &["-D", &self.data(), "-w", "-t", "30", "-m", mode, "stop"]).await
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = command(self.is_root, self.bin.join(program).as_os_str(), arguments);
        // The server keeps what it inherits open, so its output must not be a pipe that somebody reads to the end.
        let status = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status().await?;
        anyhow::ensure!(status.success(), "{program} fails: {}", self.last_words());
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        log.lines().last().unwrap_or("no log").to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let pg_ctl = self.bin.join("pg_ctl");
        let mut end = if self.is_root {
            let mut end = Blocking::new("runuser");
            end.args(["-u", USER, "--"]).arg(pg_ctl);
            end
        } else {
            Blocking::new(pg_ctl)
        };
        // Whether it ran or not, it does not afterwards.
        let _ = end.args(["-D", &self.data(), "-m", "immediate", "-s", "stop"]).status();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn command(is_root: bool, program: &OsStr, arguments: &[&str]) -> Command {
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}

/// Whether this process is an ordinary user's.
pub(crate) fn rootless() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").map_or(true, |own| own.uid() != 0)
}

/// The newest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|bin: &PathBuf| Path::join(bin, "initdb").exists()).max()
}
