//! The whole process for one test: the real binary on its own directory and free ports, killed when dropped.
#![allow(dead_code)] // every test binary uses its own part of it

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The admin token of every house.
pub const TOKEN: &str = "tests-are-admins-too";

/// Generous, for a busy machine: it is over only where something hangs.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// `$TIDEWATCH_BIN`, such as a release, else what was built with the tests.
fn program() -> PathBuf {
    std::env::var_os("TIDEWATCH_BIN").map_or_else(|| env!("CARGO_BIN_EXE_tidewatch").into(), PathBuf::from)
}

pub struct House {
    child: Child,
    /// Whether it started a nats-server, which outlives a process that is killed.
    has_server: bool,
    data: PathBuf,
    pub url: String,
    client: reqwest::Client,
}

/// How to start one.
#[derive(Clone, Debug)]
pub struct Plan {
    data: PathBuf,
    nats_url: Option<String>,
    args: Vec<String>,
    failpoints: Option<String>,
}

impl Plan {
    /// Without simulator and agent, on the server at `nats_url`.
    pub fn on(nats_url: &str, data: &Path) -> Self {
        let args = ["--no-demo", "--no-agent"].map(str::to_owned).to_vec();
        Self { data: data.to_owned(), nats_url: Some(nats_url.to_owned()), args, failpoints: None }
    }

    /// With a nats-server of its own.
    pub fn alone(data: &Path) -> Self {
        let args = ["--no-demo", "--no-agent", "--nats-port", "0"].map(str::to_owned).to_vec();
        Self { data: data.to_owned(), nats_url: None, args, failpoints: None }
    }

    pub fn with_args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// `FAILPOINTS` of the process.
    pub fn failing(mut self, failpoints: &str) -> Self {
        self.failpoints = Some(failpoints.to_owned());
        self
    }

    /// Starts the process and does not wait for anything.
    pub fn spawn(&self) -> Child {
        let mut command = Command::new(program());
        command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&self.data).args(&self.args);
        if let Some(url) = &self.nats_url {
            command.args(["--nats-url", url]);
        }
        if let Some(failpoints) = &self.failpoints {
            command.env("FAILPOINTS", failpoints);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.data.join("test.log")).unwrap();
        command.env("TIDEWATCH_TOKEN", TOKEN).env("TIDEWATCH_SYNC_INTERVAL", "100ms").env("RUST_BACKTRACE", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// Starts it and waits until it listens. `None` if the process ended before.
    pub fn try_open(&self) -> Option<House> {
        let mut child = self.spawn();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(url) = address(&self.data, child.id()) {
                return Some(House {
                    child,
                    has_server: self.nats_url.is_none(),
                    data: self.data.clone(),
                    url,
                    client: reqwest::Client::new(),
                });
            }
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(Instant::now() < deadline, "tidewatch does not listen: {}", log_tail(&self.data));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn open(&self) -> House {
        self.try_open().unwrap_or_else(|| panic!("tidewatch ended before it listened: {}", log_tail(&self.data)))
    }
}

impl House {
    pub async fn get(&self, path: &str) -> Option<Value> {
        let response = self.client.get(format!("{}{path}", self.url)).bearer_auth(TOKEN).send().await.ok()?;
        response.error_for_status().ok()?.json().await.ok()
    }

    pub async fn text(&self, path: &str) -> Option<String> {
        let response = self.client.get(format!("{}{path}", self.url)).bearer_auth(TOKEN).send().await.ok()?;
        response.error_for_status().ok()?.text().await.ok()
    }

    /// Status and body of `/ready`.
    pub async fn ready(&self) -> Option<(u16, Value)> {
        let response = self.client.get(format!("{}/ready", self.url)).send().await.ok()?;
        Some((response.status().as_u16(), response.json().await.ok()?))
    }

    /// Polls `/ready` until it satisfies `wanted`.
    pub async fn ready_when(&self, what: &str, wanted: impl Fn(u16, &Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < deadline {
            if let Some((status, body)) = self.ready().await {
                if wanted(status, &body) {
                    return body;
                }
                last = Some((status, body));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} did not come about; last: {last:?}; log: {}", log_tail(&self.data));
    }

    /// A figure of `/api/v1/metrics`; `None` if it is not shown.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let page = self.text("/api/v1/metrics").await?;
        let line = page.lines().find(|line| line.split([' ', '{']).next() == Some(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    pub async fn send(&self, method: reqwest::Method, path: &str, body: String) -> (u16, Value) {
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(TOKEN);
        let response = request.header("Content-Type", "application/json").body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or(Value::Null))
    }

    /// Polls `/api/v1/state` until it satisfies `wanted`.
    pub async fn state_when(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < deadline {
            if let Some(state) = self.get("/api/v1/state").await {
                if wanted(&state) {
                    return state;
                }
                last = Some(state);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} did not come about; last state: {last:?}; log: {}", log_tail(&self.data));
    }

    /// Waits for a finding of that kind that goes on and whose sentence holds `words`.
    pub async fn finding_when(&self, kind: &str, words: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < deadline {
            if let Some(report) = self.get(&format!("/api/v1/analysis?kind={kind}&state=open")).await {
                let items = report["items"].as_array().cloned().unwrap_or_default();
                if let Some(found) = items.iter().find(|found| found["text"].as_str().is_some_and(|text| text.contains(words)))
                {
                    return found.clone();
                }
                last = Some(report);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no finding of {kind} says {words:?}; last: {last:?}; log: {}", log_tail(&self.data));
    }

    /// Waits until every message up to `seq` is applied.
    pub async fn applied(&self, seq: u64) -> Value {
        self.state_when("the position", |state| state["position"].as_u64().is_some_and(|position| seq <= position)).await
    }

    /// Waits until silence has closed every window, so that further ticks change nothing, and gives the export.
    pub async fn quiet(&self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let export = self.text("/api/v1/export").await.unwrap_or_default();
            let lines: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let mut windows = lines.iter().filter(|line| line["type"] == "window").peekable();
            if windows.peek().is_some() && windows.all(|window| window["closed"] == true) {
                return export;
            }
            assert!(Instant::now() < deadline, "windows do not close: {}", log_tail(&self.data));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Of the last message that is applied; `None` if nobody answers.
    pub async fn position(&self) -> Option<u64> {
        self.get("/api/v1/health").await?["position"].as_u64()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `SIGTERM`, and how the process ended.
    pub fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.wait()
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "tidewatch does not stop: {}", log_tail(&self.data));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let runs = self.child.try_wait().is_ok_and(|ended| ended.is_none());
        if runs && self.has_server && kill_process(Pid::from_child(&self.child), Signal::TERM).is_ok() {
            let deadline = Instant::now() + Duration::from_secs(10);
            while Instant::now() < deadline && self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the process of that id says it listens.
fn address(data: &Path, pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(data.join("run.json")).ok()?;
    let run: Value = serde_json::from_str(&text).ok()?;
    (run["pid"].as_u64() == Some(u64::from(pid))).then(|| run["url"].as_str().map(str::to_owned)).flatten()
}

pub fn log_tail(data: &Path) -> String {
    let log = std::fs::read_to_string(data.join("test.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}
