//! One workload as a process of its own.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a process may take to be ready, or to end.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A workload's process, running or not.
#[derive(Debug)]
pub(crate) struct Process {
    /// Which of them, such as `target-wl-b`.
    pub(crate) name: String,
    /// The identity it has.
    pub(crate) identity: String,
    /// `/healthz`, `/readyz` and `/metrics`.
    pub(crate) admin: SocketAddr,
    program: PathBuf,
    config: PathBuf,
    log: PathBuf,
    /// What the program is started by, such as `unshare -m`.
    pub(crate) wrapper: Vec<String>,
    /// Further environment.
    pub(crate) environment: Vec<(String, String)>,
    child: Option<Child>,
}

impl Process {
    /// A process that is not started yet; its log is `<name>.log` in `folder`.
    pub(crate) fn new(name: &str, identity: &str, program: PathBuf, folder: &Path, admin: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            identity: identity.to_owned(),
            admin,
            program,
            config: folder.join(format!("{name}.toml")),
            log: folder.join(format!("{name}.log")),
            wrapper: Vec::new(),
            environment: Vec::new(),
            child: None,
        }
    }

    /// The command that runs the program with its configuration.
    pub(crate) fn command(&self) -> Command {
        let mut words = self.wrapper.iter().map(PathBuf::from).chain([self.program.clone()]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg("--config").arg(&self.config).envs(self.environment.iter().cloned());
        command.kill_on_drop(true).stdin(Stdio::null());
        command
    }

    /// Starts it; its log goes on where it ended.
    ///
    /// # Errors
    /// The program cannot be run.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = self.command();
        command.stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("{} cannot be run", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Its number, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Whether it runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.start_kill()?;
        timeout(SOON, child.wait()).await.with_context(|| format!("{} does not end", self.name))??;
        Ok(())
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// It does not end in time.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let Some(pid) = self.pid() else { return Ok(None) };
        signal("TERM", pid).await?;
        self.ended(SOON + Duration::from_secs(5)).await
    }

    /// Waits until it has ended by itself; none if it never ran.
    ///
    /// # Errors
    /// It does not end within `limit`.
    pub(crate) async fn ended(&mut self, limit: Duration) -> anyhow::Result<Option<ExitStatus>> {
        let Some(mut child) = self.child.take() else { return Ok(None) };
        let ended = timeout(limit, child.wait()).await.with_context(|| format!("{} does not end", self.name))?;
        Ok(Some(ended?))
    }

    /// Whether it says that it takes traffic.
    pub(crate) async fn is_ready(&self) -> bool {
        chassis_says(self.admin, "/readyz").await.is_some_and(|(status, _)| status == 200)
    }

    /// What it waits for, or that it does not answer.
    pub(crate) async fn waits_for(&self) -> String {
        match chassis_says(self.admin, "/readyz").await {
            Some((200, _)) => String::new(),
            Some((_, text)) => text.trim().trim_start_matches("waiting for ").to_owned(),
            None => "no answer".to_owned(),
        }
    }

    /// Waits until it takes traffic; how long that took.
    ///
    /// # Errors
    /// It does not within `limit`, or has ended.
    pub(crate) async fn ready(&mut self, limit: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while !self.is_ready().await {
            anyhow::ensure!(self.is_alive(), "{} has ended: {}", self.name, self.last_words());
            anyhow::ensure!(begun.elapsed() < limit, "{} waits for {}", self.name, self.waits_for().await);
            sleep(Duration::from_millis(10)).await;
        }
        Ok(begun.elapsed())
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or("no log").to_owned()
    }
}

/// Sends a signal by name.
///
/// # Errors
/// There is no such process.
pub(crate) async fn signal(name: &str, pid: u32) -> anyhow::Result<()> {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().await?;
    anyhow::ensure!(status.success(), "process {pid} cannot be sent {name}");
    Ok(())
}

/// Status and text of a page of the admin listener.
async fn chassis_says(admin: SocketAddr, path: &str) -> Option<(u16, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(admin).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.take(64 * 1024).read_to_string(&mut answer).await.ok()?;
        let status = answer.get(9..12)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    };
    timeout(Duration::from_secs(2), asked).await.ok().flatten()
}
