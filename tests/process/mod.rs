//! The real binary: commands that end, and a `dev` that runs alongside the test.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a different part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long the binary may take to print something. Far more than needed: it only bounds a test
/// that would otherwise hang.
const PATIENCE: Duration = Duration::from_secs(300);

/// The binary, with nothing in its environment that it would read as a setting.
pub fn program(arguments: &[&str]) -> Command {
    program_at(Path::new(env!("CARGO_BIN_EXE_managed-gitops")), arguments)
}

/// Another version of the binary, in the same way.
pub fn program_at(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs the binary to its end.
pub fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// The binary's error, which must end with this exit code; the sentence is one line.
pub fn refused(code: i32, arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?} said: {errors}");
    sentence(&errors)
}

/// The program's final error, printed after its log.
pub fn sentence(errors: &str) -> String {
    let last = errors.lines().last().unwrap_or_default();
    let sentence = last.strip_prefix("managed-gitops: ");
    sentence.unwrap_or_else(|| panic!("no sentence at the end of: {errors}")).to_owned()
}

/// What the binary prints when it succeeds.
pub fn succeeds(arguments: &[&str]) -> String {
    let output = run(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[derive(Default)]
struct Lines {
    state: Mutex<Printed>,
    changed: Condvar,
}

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    open: usize,
}

/// The binary while it runs; dropping it kills it.
pub struct Running {
    child: Child,
    lines: Arc<Lines>,
    readers: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts a `dev` on any free port and waits until it is ready.
    pub fn dev(directory: &Path, more: &[&str]) -> Self {
        let dev = Self::begin_dev(directory, more);
        dev.wait_for_line(|line| line.starts_with("try:"));
        dev
    }

    /// Starts a `dev` on any free port.
    pub fn begin_dev(directory: &Path, more: &[&str]) -> Self {
        let mut command = program(&["dev", "--port", "0", "--argo-cd-pace", "0", "--dir"]);
        command.arg(directory).args(more);
        Self::begin(command)
    }

    /// Starts the binary.
    pub fn begin(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Lines::default());
        lines.state.lock().unwrap().open = 2;
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers = streams.map(|stream| {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || read(stream, &lines))
        });
        Self { child, lines, readers: readers.into() }
    }

    /// Waits until it has printed or logged a matching line, and returns it; panics with all its
    /// output if it ends first.
    pub fn wait_for_line(&self, is_so: impl Fn(&str) -> bool) -> String {
        self.wait_for_lines(1, is_so).expect("the line comes before it ends")
    }

    /// Waits until it has printed or logged this many matching lines, and returns the last; `None`
    /// if it ends first.
    pub fn wait_for_lines(&self, number: usize, is_so: impl Fn(&str) -> bool) -> Option<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lines.state.lock().unwrap();
        loop {
            let found = state.lines.iter().filter(|line| is_so(line)).nth(number - 1);
            if let Some(line) = found {
                return Some(line.clone());
            }
            if state.open == 0 {
                eprintln!("it said:\n{}", state.lines.join("\n"));
                return None;
            }
            assert!(Instant::now() < deadline, "it said only:\n{}", state.lines.join("\n"));
            state = self.lines.changed.wait_timeout(state, Duration::from_secs(1)).unwrap().0;
        }
    }

    /// Whether it has printed or logged a matching line.
    pub fn has_said(&self, is_so: impl Fn(&str) -> bool) -> bool {
        self.lines.state.lock().unwrap().lines.iter().any(|line| is_so(line))
    }

    /// The address of its health and metrics endpoints.
    pub fn address(&self) -> String {
        let line = self.wait_for_line(|line| line.starts_with("health, metrics:"));
        line.split("http://").nth(1).unwrap().trim().to_owned()
    }

    /// The status and body of one of its pages.
    pub fn page(&self, path: &str) -> (String, String) {
        page(&self.address(), path)
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for it to end; returns its exit status and all its output.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, self.lines.state.lock().unwrap().lines.join("\n"))
    }

    /// Kills it with SIGKILL: nothing of it runs afterwards.
    pub fn kill(&mut self) {
        // It may already have ended.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The status and body of a page served at an address.
pub fn page(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: dev\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn read(stream: impl Read, lines: &Lines) {
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        lines.state.lock().unwrap().lines.push(line);
        lines.changed.notify_all();
    }
    lines.state.lock().unwrap().open -= 1;
    lines.changed.notify_all();
}
