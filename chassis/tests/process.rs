//! A real process from its command line to its exit code: the example `hello`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);

/// The example's binary. Cargo builds it with the tests unless only some targets are asked for.
fn binary() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let hello = tests.parent().unwrap().parent().unwrap().join("examples/hello");
    assert!(hello.exists(), "{} is missing: `cargo build -p chassis --example hello` makes it", hello.display());
    hello
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.env_remove("DASVID_LOG").args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A process that runs, and what it has logged.
struct Running {
    child: Child,
    lines: Receiver<String>,
    log: String,
    admin: SocketAddr,
    http: SocketAddr,
}

impl Running {
    fn start(settings: &[&str]) -> Self {
        let mut arguments = vec!["--set", "admin.listen=127.0.0.1:0", "--set", "log.format=json"];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
        let mut child = command(&arguments).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut running = Self { child, lines, log: String::new(), admin: nowhere, http: nowhere };
        running.admin = running.wait_for("admin");
        running.http = running.wait_for("address");
        running
    }

    /// Reads the log up to a line that has the address `field`.
    fn wait_for(&mut self, field: &str) -> SocketAddr {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap();
            self.log.push_str(&line);
            let line: serde_json::Value = serde_json::from_str(&line).unwrap();
            if let Some(address) = line[field].as_str() {
                return address.parse().unwrap();
            }
        }
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end; the exit code and everything logged.
    fn end(mut self) -> (Option<i32>, String) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "the process does not end");
            thread::sleep(Duration::from_millis(10));
        };
        self.log.extend(self.lines.iter());
        (status.code(), std::mem::take(&mut self.log))
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nda-svid: s3cret\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get_meanwhile(address: SocketAddr, path: &'static str) -> JoinHandle<String> {
    let asking = thread::spawn(move || get(address, path));
    thread::sleep(Duration::from_millis(200));
    asking
}

#[test]
fn a_bad_configuration_is_one_line_and_exit_code_64() {
    for (setting, line) in [
        ("pauze=1s", "hello: --set pauze: unknown key `pauze`; did you mean `pause`?\n"),
        ("pause=2h", "hello: `pause`: at most 1m\n"),
        ("log.filter=a=b=c", "hello: `log.filter`: "),
        ("admin.listen=nowhere", "hello: --set admin.listen: `admin.listen`: "),
    ] {
        for check in [&["--check-config"][..], &[]] {
            let (code, stdout, stderr) = output(&[&["--set", setting], check].concat());
            assert_eq!((code, stdout.as_str(), stderr.lines().count()), (Some(64), "", 1), "{stderr}");
            assert!(stderr.starts_with(line), "{stderr}");
        }
    }
}

#[test]
fn an_unknown_variable_with_the_prefix_is_a_bad_configuration() {
    let done = command(&["--check-config"]).env("HELLO__PAUZE", "1s").output().unwrap();
    assert_eq!(done.status.code(), Some(64));
    assert!(String::from_utf8(done.stderr).unwrap().contains("HELLO__PAUZE"));
}

#[test]
fn a_bad_command_line_is_exit_code_64_and_help_and_version_are_not() {
    assert_eq!(output(&["--frobnicate"]).0, Some(64));
    let (code, stdout, _) = output(&["--version"]);
    assert_eq!((code, stdout.as_str()), (Some(0), concat!("hello ", env!("CARGO_PKG_VERSION"), "\n")));
    let (code, stdout, _) = output(&["--help"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("hello --config config/hello.toml --check-config"), "{stdout}");
}

#[test]
fn check_config_opens_no_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("listen={}", taken.local_addr().unwrap());
    let (code, stdout, _) = output(&["--check-config", "--set", &address]);
    assert_eq!((code, stdout.as_str()), (Some(0), "hello: the configuration is valid\n"));
}

#[test]
fn an_admin_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("admin.listen={}", taken.local_addr().unwrap());
    let (code, _, stderr) = output(&["--set", &address]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("admin.listen"), "{stderr}");
}

#[test]
fn a_signal_lets_requests_finish_takes_no_more_and_exits_0() {
    for signal in ["TERM", "INT"] {
        let running = Running::start(&["pause=1s"]);
        assert!(get(running.http, "/").ends_with("hello\n"));
        let slow = get_meanwhile(running.http, "/slow");
        running.signal(signal);
        thread::sleep(Duration::from_millis(200));
        assert!(TcpStream::connect(running.http).is_err(), "it still listens");
        assert!(get(running.admin, "/readyz").starts_with("HTTP/1.1 503 "));
        assert!(slow.join().unwrap().ends_with("hello at last\n"));
        assert_eq!(running.end().0, Some(0));
    }
}

#[test]
fn a_second_signal_ends_at_once_with_exit_code_1() {
    let running = Running::start(&["pause=30s"]);
    let slow = get_meanwhile(running.http, "/slow");
    running.signal("TERM");
    thread::sleep(Duration::from_millis(200));
    running.signal("TERM");
    assert_eq!(running.end().0, Some(1));
    drop(slow);
}

#[test]
fn a_part_that_breaks_ends_the_process_with_exit_code_1() {
    let (code, log) = Running::start(&["life=\"10ms\""]).end();
    assert_eq!(code, Some(1));
    assert!(log.contains("http broke: it is over"), "{log}");
}

#[test]
fn health_asks_the_process_that_runs() {
    let running = Running::start(&[]);
    let admin = format!("admin.listen={}", running.admin);
    let ask = |question: &str| output(&["--set", &admin, question]).0;
    assert_eq!((ask("--health=live"), ask("--health")), (Some(0), Some(0)));
    running.signal("TERM");
    assert_eq!(running.end().0, Some(0));
    let (code, _, stderr) = output(&["--set", &admin, "--health"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("hello: nothing answers at "), "{stderr}");
}

#[test]
fn the_log_follows_its_filter_and_never_shows_a_token() {
    let mut running = Running::start(&["log.filter=trace"]);
    assert!(get(running.http, "/?access_token=s3cret").ends_with("hello\n"));
    assert!(get(running.http, "/nowhere?access_token=s3cret").contains("urn:x-dasvid:problem:not-found"));
    assert!(get(running.admin, "/log").contains("hyper=info"));
    running.signal("TERM");
    while let Ok(line) = running.lines.recv_timeout(PATIENCE) {
        running.log.push_str(&line);
    }
    let (code, log) = running.end();
    assert_eq!(code, Some(0));
    assert!(log.contains("answered") && log.contains("\"trace\""), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
}
