//! `DIR/run.json`: where a running process can be reached. Written once everything listens, removed by a clean stop; a file whose
//! process is gone is stale and says nothing.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Its name within the data directory.
pub const NAME: &str = "run.json";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    pub pid: u32,
    pub version: String,
    /// Where HTTP listens, as `127.0.0.1:8080`.
    pub listen: String,
    /// The same as an address for a browser, as `http://127.0.0.1:8080`.
    pub url: String,
    /// Without user and password.
    pub nats_url: String,
    /// The first token of every subject.
    pub root: String,
    /// Absolute.
    pub data: PathBuf,
    /// Holds the admin token; readable by its owner only.
    pub token_file: PathBuf,
    /// What the NATS server does not promise, if it is an old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_warning: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no process runs on {}: there is no {NAME} in it", data.display())]
    Absent { data: PathBuf },
    #[error("no process runs on {}: process {pid} of its {NAME} is gone", data.display())]
    Stale { data: PathBuf, pid: u32 },
    #[error("{} is not readable", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is damaged", path.display())]
    Damaged { path: PathBuf, source: serde_json::Error },
    #[error("failed to write {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
}

impl RunFile {
    /// Writes the file into its data directory, whole or not at all.
    ///
    /// Errors: [`Error::Write`].
    pub fn write(&self) -> Result<(), Error> {
        let path = self.data.join(NAME);
        let partial = self.data.join(format!("{NAME}.partial"));
        let text = serde_json::to_vec_pretty(self).expect("a run file is plain data");
        let written = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, &path));
        written.map_err(|source| Error::Write { path, source })
    }

    /// Removes the file, if it is still ours.
    pub fn remove(&self) {
        if Self::read(&self.data).is_ok_and(|found| found.pid == self.pid) {
            // A file that stays is stale once we are gone, and readers see that by its pid.
            std::fs::remove_file(self.data.join(NAME)).ok();
        }
    }

    /// Where the process on `data` can be reached.
    ///
    /// Errors: there is none, or its file cannot be read.
    pub fn read(data: &Path) -> Result<Self, Error> {
        let path = data.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::Absent { data: data.into() }),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let file: Self = serde_json::from_slice(&text).map_err(|source| Error::Damaged { path, source })?;
        if !is_alive(file.pid) {
            return Err(Error::Stale { data: data.into(), pid: file.pid });
        }
        Ok(file)
    }
}

/// Whether a process of that id exists, ours or not.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let Some(pid) = pid else { return false };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(data: &Path, pid: u32) -> RunFile {
        RunFile {
            pid,
            version: "0.1.0".into(),
            listen: "127.0.0.1:8080".into(),
            url: "http://127.0.0.1:8080".into(),
            nats_url: "nats://127.0.0.1:4222".into(),
            root: "tw".into(),
            data: data.into(),
            token_file: data.join("admin.token"),
            server_warning: None,
        }
    }

    #[test]
    fn a_run_file_is_read_back_and_removed_by_its_process() {
        let data = tempfile::tempdir().unwrap();
        let ours = file(data.path(), std::process::id());
        ours.write().unwrap();
        assert_eq!(RunFile::read(data.path()).unwrap(), ours);
        ours.remove();
        assert!(matches!(RunFile::read(data.path()), Err(Error::Absent { .. })));
    }

    #[test]
    fn a_file_whose_process_is_gone_says_nothing() {
        let data = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        file(data.path(), child.id()).write().unwrap();
        assert!(matches!(RunFile::read(data.path()), Err(Error::Stale { .. })));
    }
}
