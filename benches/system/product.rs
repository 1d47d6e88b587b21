//! The real program on a folder of its own, seen from outside: its HTTP interface, its log, and what `/proc` says of it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The admin token.
pub const TOKEN: &str = "benches-are-admins-too";

/// Generous: a whole catch-up on a slow machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// Between two looks at the position.
const POLL: Duration = Duration::from_millis(5);

/// Ticks a second of the times in `/proc`, the same on every Linux.
const CLOCK_TICKS: f64 = 100.0;

pub struct Product {
    child: Child,
    folder: tempfile::TempDir,
    lines: Receiver<(Instant, String)>,
    client: reqwest::Client,
    /// Such as `http://127.0.0.1:34567`.
    pub url: String,
}

/// `$TIDEWATCH_BIN`, else what was built with this bench.
pub fn program() -> PathBuf {
    std::env::var_os("TIDEWATCH_BIN").map_or_else(|| env!("CARGO_BIN_EXE_tidewatch").into(), PathBuf::from)
}

impl Product {
    /// Starts it with `args` on an empty folder and waits until it listens.
    pub async fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(program());
        command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path()).args(args);
        command.env("TIDEWATCH_TOKEN", TOKEN).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let stderr = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // nobody listens any more once the product is gone
                let _ = sender.send((Instant::now(), line));
            }
        });
        let mut product = Self { child, folder, lines, client: reqwest::Client::new(), url: String::new() };
        let deadline = Instant::now() + PATIENCE;
        while product.url.is_empty() {
            assert!(Instant::now() < deadline, "tidewatch does not listen");
            assert!(product.child.try_wait().expect("it is ours").is_none(), "tidewatch ended before it listened");
            tokio::time::sleep(POLL).await;
            product.url = product.address().unwrap_or_default();
        }
        product
    }

    fn address(&self) -> Option<String> {
        let run: Value = serde_json::from_str(&std::fs::read_to_string(self.folder.path().join("run.json")).ok()?).ok()?;
        run["url"].as_str().map(str::to_owned)
    }

    /// When a line that holds `text` was logged, waiting for it.
    pub fn logged(&self, text: &str) -> Instant {
        loop {
            let (at, line) = self.lines.recv_timeout(PATIENCE).expect("the log goes on");
            if line.contains(text) {
                return at;
            }
        }
    }

    pub async fn get(&self, path: &str) -> Option<Value> {
        self.client.get(format!("{}{path}", self.url)).bearer_auth(TOKEN).send().await.ok()?.json().await.ok()
    }

    /// Publishes through the HTTP door; gives the sequence.
    pub async fn publish(&self, kind: &str, records: &Value) -> u64 {
        let request = self.client.post(format!("{}/api/v1/publish/{kind}/bench", self.url)).bearer_auth(TOKEN);
        let answer: Value = request.json(records).send().await.expect("it listens").json().await.expect("JSON");
        answer["seq"].as_u64().unwrap_or_else(|| panic!("not stored: {answer}"))
    }

    /// Waits until everything up to `seq` is applied and can be read; gives when. Asks what costs the same however many models there are.
    pub async fn applied(&self, seq: u64) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let health = self.get("/api/v1/health").await;
            if health.is_some_and(|health| health["position"].as_u64().is_some_and(|position| seq <= position)) {
                return Instant::now();
            }
            assert!(Instant::now() < deadline, "tidewatch does not reach sequence {seq}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Processor time used so far in seconds, of all threads, in user space and in the kernel.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let (_, fields) = stat.rsplit_once(") ").expect("the name is in brackets");
        let ticks: f64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        ticks / CLOCK_TICKS
    }

    /// A line of `/proc/<pid>/status` in megabytes (10⁶ bytes), such as `VmRSS`.
    pub fn memory(&self, line: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':')).expect("Linux says so");
        value.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0 / 1e6
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // stops its own nats-server too
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}
