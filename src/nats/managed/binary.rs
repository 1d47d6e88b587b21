//! Finds a nats-server that is new enough.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

/// The oldest server that works: what Debian 12 installs.
pub const OLDEST: Version = Version { major: 2, minor: 9, patch: 10 };
/// Where packages put the program although PATH may lack it.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
/// How long `nats-server --version` may take.
const VERSION_DEADLINE: Duration = Duration::from_secs(10);

/// A server's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    #[error("no nats-server {OLDEST} or newer was found; tried:\n{}\n{WAY_OUT}", list(.tried))]
    NotFound { tried: Vec<Candidate> },
    #[error("the nats-server that was named cannot be used:\n{}\n{WAY_OUT}", list(std::slice::from_ref(.candidate)))]
    Named { candidate: Candidate },
}

/// A place that was looked at, and why it would not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub path: PathBuf,
    pub fault: String,
}

const WAY_OUT: &str = "install it (Debian, Ubuntu: `apt-get install nats-server`; macOS: `brew install nats-server`; else \
    https://github.com/nats-io/nats-server/releases), set NATS_SERVER=/path/to/nats-server, or use a running server with --nats-url";

impl Version {
    /// Reads `nats-server: v2.9.10`, also `2.12.0-RC.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let version = text.trim().rsplit([' ', 'v']).next()?;
        let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
        Some(Self { major: numbers.next()?.ok()?, minor: numbers.next()?.ok()?, patch: numbers.next()?.ok()? })
    }

    /// Servers before 2.10 refuse the setting.
    pub fn has_sync_interval(self) -> bool {
        Self { major: 2, minor: 10, patch: 0 } <= self
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The program to start: `named`, else `$NATS_SERVER`, else the newest one on PATH and where packages put it, the first of equals. Old servers
/// promise less, so one that a package has put first is passed over for a newer one.
pub async fn find(named: Option<&Path>) -> Result<(PathBuf, Version), BinaryError> {
    let environment = std::env::var_os("NATS_SERVER").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = named.map(Path::to_owned).or(environment) {
        let version = probe(&path).await;
        return version
            .map(|version| (path.clone(), version))
            .map_err(|fault| BinaryError::Named { candidate: Candidate { path, fault } });
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    folders.extend(FOLDERS.map(PathBuf::from));
    newest_usable(&folders).await
}

async fn newest_usable(folders: &[PathBuf]) -> Result<(PathBuf, Version), BinaryError> {
    let mut tried: Vec<Candidate> = Vec::new();
    let mut best: Option<(PathBuf, Version)> = None;
    for path in folders.iter().map(|folder| folder.join("nats-server")) {
        let is_known =
            tried.iter().any(|candidate| candidate.path == path) || best.as_ref().is_some_and(|(known, _)| *known == path);
        if is_known {
            continue;
        }
        match probe(&path).await {
            Ok(version) if best.as_ref().is_none_or(|(_, known)| *known < version) => best = Some((path, version)),
            Ok(_) => {}
            Err(fault) => tried.push(Candidate { path, fault }),
        }
    }
    best.ok_or(BinaryError::NotFound { tried })
}

/// The version of the program at `path`, or why it cannot be used.
async fn probe(path: &Path) -> Result<Version, String> {
    let run = Command::new(path).arg("--version").kill_on_drop(true).output();
    let output = match tokio::time::timeout(VERSION_DEADLINE, run).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Err("not there".into()),
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_elapsed) => return Err("does not answer to --version".into()),
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match Version::parse(&text) {
        Some(version) if version < OLDEST => Err(format!("version {version} is older than {OLDEST}")),
        Some(version) => Ok(version),
        None => Err(format!("does not say its version: {:?}", text.trim())),
    }
}

fn list(tried: &[Candidate]) -> String {
    let lines: Vec<String> = tried.iter().map(|Candidate { path, fault }| format!("  {}: {fault}", path.display())).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by another process: a program that is still open for writing anywhere in this one cannot be run.
    fn fake_server(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let script = "printf '#!/bin/sh\necho nats-server: v%s\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
        let written =
            std::process::Command::new("sh").arg("-c").arg(script).arg(folder.path().join("nats-server")).arg(version).status();
        assert!(written.unwrap().success());
        folder
    }

    #[test]
    fn a_version_is_read_from_what_the_program_prints() {
        assert_eq!(Version::parse("nats-server: v2.9.10\n"), Some(OLDEST));
        assert_eq!(Version::parse("nats-server: v2.15.1"), Some(Version { major: 2, minor: 15, patch: 1 }));
        assert_eq!(Version::parse("2.12.0-RC.1"), Some(Version { major: 2, minor: 12, patch: 0 }));
        assert_eq!(Version::parse("usage: nats-server"), None);
        assert!(!OLDEST.has_sync_interval());
    }

    #[tokio::test]
    async fn an_old_server_is_passed_over_for_a_newer_one_further_on() {
        let (empty, old, new) = (tempfile::tempdir().unwrap(), fake_server("2.9.9"), fake_server("2.10.0"));
        let folders = [empty.path().into(), old.path().into(), new.path().into()];
        let (path, version) = newest_usable(&folders).await.unwrap();
        assert_eq!((path, version.to_string()), (new.path().join("nats-server"), "2.10.0".into()));
    }

    #[tokio::test]
    async fn the_newest_server_is_taken_wherever_it_lies() {
        let (old, new) = (fake_server("2.9.10"), fake_server("2.12.8"));
        let folders = [old.path().into(), new.path().into()];
        assert_eq!(newest_usable(&folders).await.unwrap().1.to_string(), "2.12.8");
    }

    #[tokio::test]
    async fn without_a_usable_server_the_error_says_what_was_tried_and_what_to_do() {
        let (empty, old) = (tempfile::tempdir().unwrap(), fake_server("2.8.4"));
        let error = newest_usable(&[empty.path().into(), old.path().into()]).await.unwrap_err().to_string();
        for part in ["not there", "version 2.8.4 is older than 2.9.10", "apt-get install nats-server", "NATS_SERVER="] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
        let error = find(Some(&old.path().join("nats-server"))).await.unwrap_err().to_string();
        assert!(error.contains("that was named") && error.contains("2.8.4"), "{error}");
    }
}
