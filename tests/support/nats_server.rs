//! A real nats-server for one test: its own folder, a free port, gone when dropped.
#![allow(dead_code)] // every test binary uses its own part of it

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Generous, for a busy machine; a server usually takes 50 to 220 ms.
const START_DEADLINE: Duration = Duration::from_secs(20);

pub struct NatsServer {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl NatsServer {
    /// With JetStream, and messages up to 2 MiB. The program is `$NATS_SERVER`, else `nats-server` on PATH.
    pub fn start() -> Self {
        Self::start_with("jetstream { store_dir: \"STORE\" }")
    }

    /// With these lines of configuration; `STORE` stands for a folder of its own.
    pub fn start_with(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("conf"), configuration(folder.path(), lines)).unwrap();
        let (child, port) = launch(folder.path(), free_port());
        Self { child, port, folder }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its streams lie.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("jetstream")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again after [`Self::kill`], on the same port and store.
    pub fn restart(&mut self) {
        (self.child, self.port) = launch(self.folder.path(), self.port);
    }

    /// `SIGSTOP`: the sockets stay open and nothing answers. Returns when every thread stands still (where `/proc` tells).
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let deadline = Instant::now() + START_DEADLINE;
        while !self.stands_still() {
            assert!(Instant::now() < deadline, "nats-server does not stop at SIGSTOP");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Gives it other lines of configuration, which it reads while it runs (`SIGHUP`).
    pub fn reconfigure(&self, lines: &str) {
        std::fs::write(self.folder.path().join("conf"), configuration(self.folder.path(), lines)).unwrap();
        self.signal(Signal::HUP);
    }

    fn stands_still(&self) -> bool {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", self.child.id())) else { return true };
        threads.flatten().all(|thread| {
            let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('T'))
        })
    }

    /// `SIGCONT`.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody holds, below those that systems give out by themselves: a server that is killed finds its own again.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = std::process::id() as u16;
    loop {
        let port = 20_000 + first.wrapping_mul(37).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn configuration(folder: &Path, lines: &str) -> String {
    let (path, store) = (folder.display(), folder.join("jetstream"));
    let lines = lines.replace("STORE", &store.to_string_lossy());
    format!("host: \"127.0.0.1\"\nmax_payload: 2097152\nports_file_dir: \"{path}\"\nlog_file: \"{path}/log\"\n{lines}\n")
}

fn launch(folder: &Path, port: u16) -> (Child, u16) {
    let program = std::env::var_os("NATS_SERVER").unwrap_or_else(|| "nats-server".into());
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(folder.join("conf"))
        .args(["-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("nats-server is installed (apt-get install nats-server)");
    let suffix = format!("_{}.ports", child.id());
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if let Some(port) = port_in(folder, &suffix) {
            return (child, port);
        }
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        if let Some(status) = child.try_wait().unwrap() {
            panic!("nats-server ended with {status}: {}", log());
        }
        assert!(Instant::now() < deadline, "nats-server does not start: {}", log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn port_in(folder: &Path, suffix: &str) -> Option<u16> {
    let mut entries = std::fs::read_dir(folder).ok()?.flatten();
    let path = entries.find(|entry| entry.file_name().to_string_lossy().ends_with(suffix))?.path();
    let ports: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    ports["nats"][0].as_str()?.rsplit(':').next()?.parse().ok()
}
