//! Stops processes: our own child, and one that an earlier run left behind.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tracing::warn;

use super::POLL;

/// SIGTERM, then SIGKILL after `patience`. Returns when the process is gone.
pub(super) async fn stop(child: &mut Child, patience: Duration) {
    if let Some(pid) = child.id() {
        signal(pid, Signal::TERM);
    }
    if tokio::time::timeout(patience, child.wait()).await.is_err() {
        warn!("nats-server does not stop; killing it");
        if let Err(error) = child.kill().await {
            warn!(%error, "nats-server cannot be killed");
        }
    }
}

/// As [`stop`], for a process that is not our child. False if it is still there.
pub(super) async fn stop_foreign(pid: u32, config: &Path, patience: Duration) -> bool {
    for (ask, patience) in [(Signal::TERM, patience), (Signal::KILL, patience / 4)] {
        signal(pid, ask);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if !was_started_with(pid, config).await {
                return true;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    false
}

/// Whether `pid` is a running nats-server that was given this configuration file: a number in a file may be anybody's by now.
pub(super) async fn was_started_with(pid: u32, config: &Path) -> bool {
    let config = config.to_string_lossy();
    let command = command_line(pid).await;
    command.contains("nats-server") && command.contains(&*config)
}

/// The command line of a process, its arguments separated by spaces; empty if there is no such process.
async fn command_line(pid: u32) -> String {
    match std::fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).replace('\0', " "),
        Err(_) if Path::new("/proc/self/cmdline").exists() => String::new(),
        // No /proc: macOS and the BSDs.
        Err(_) => {
            let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().await;
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    if let Err(error) = kill_process(pid, signal) {
        warn!(%error, pid = pid.as_raw_pid(), "cannot signal the process");
    }
}
