//! A nats-server of our own, for those who have none: found, checked, started on loopback with its files under the data directory,
//! started again on the same port when it dies or stands still, stopped when we stop. The data directory must be ours alone (the caller holds its
//! lock) before [`start`] is called.

mod binary;
mod probe;
mod process;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use binary::{BinaryError, OLDEST, Version, find};

use crate::config::Durability;
use crate::telemetry;

/// How long a starting server may take until it says which port it has: recovering a large stream takes a while.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// How long a server may take to stop before it is killed; its data survives that.
const STOP_DEADLINE: Duration = Duration::from_secs(8);
/// How often a file or process is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(20);
/// The wait before a server that died is started again: doubles from 50 ms up to 5 s, and is short again once it has run for a minute.
const RESTART_DELAY: Duration = Duration::from_millis(50);
const RESTART_DELAY_MAX: Duration = Duration::from_secs(5);
const STEADY_AFTER: Duration = Duration::from_secs(60);
/// The largest message the server takes: above our own 1 MiB, so that the answer to an oversized one is ours.
const MAX_PAYLOAD: usize = 2 << 20;

/// More than any disk: what bounds a server whose streams are made.
const STORE_BYTES_MAX: u64 = 1 << 50;

/// What to start.
#[derive(Clone, Debug)]
pub struct ManagedConfig {
    /// Everything lies in its `nats/` folder.
    pub data: PathBuf,
    /// 0: any free port; it stays the same while we run.
    pub port: u16,
    /// The program, where it should not be searched for.
    pub binary: Option<PathBuf>,
    pub durability: Durability,
}

/// The running server. Dropped, it kills the server, which loses nothing but its manners; call [`Managed::stop`].
#[derive(Debug)]
pub struct Managed {
    url: String,
    version: Version,
    binary: PathBuf,
    sync_interval: Option<String>,
    pid: watch::Receiver<Option<u32>>,
    stop: CancellationToken,
    supervisor: JoinHandle<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum ManagedError {
    #[error(transparent)]
    Binary(#[from] BinaryError),
    #[error("cannot write {path:?}")]
    Files {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot start {binary:?}")]
    Spawn {
        binary: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{binary:?} ended at once ({status}); the end of {log:?}:\n{tail}{}", hint(.tail))]
    Ended { binary: PathBuf, status: std::process::ExitStatus, log: PathBuf, tail: String },
    #[error("{binary:?} did not open its port within {} s; see {log:?}", START_DEADLINE.as_secs())]
    Slow { binary: PathBuf, log: PathBuf },
    #[error("a nats-server of an earlier run (pid {pid}) still holds {path:?} and does not stop; end it by hand")]
    Orphan { pid: u32, path: PathBuf },
}

/// What a server of that version does not promise, in a sentence; `None` if it is new enough.
pub fn old_server(version: &str) -> Option<String> {
    let version = Version::parse(version).filter(|version| !version.has_sync_interval())?;
    Some(format!(
        "nats-server {version}: a power cut may cost the last two minutes, and a full stream drops acknowledged messages; take 2.10 or newer"
    ))
}

/// Starts the server and waits until clients can connect.
pub async fn start(config: ManagedConfig) -> Result<Managed, ManagedError> {
    let (binary, version) = binary::find(config.binary.as_deref()).await?;
    let sync_interval = (version.has_sync_interval()).then_some(match config.durability {
        Durability::Interval(time) => format!("{}ms", time.as_millis()),
        Durability::Always => "always".to_owned(),
    });
    let files = Files::in_folder(config.data.join("nats"));
    files.make()?;
    files.stop_orphan().await?;
    let (mut child, port) = launch(&binary, &files, config.port, sync_interval.as_deref()).await?;
    let (pid_tx, pid) = watch::channel(child.id());
    let stop = CancellationToken::new();
    let url = format!("nats://127.0.0.1:{port}");
    info!(%version, url, ?binary, "nats-server started");
    let supervisor = tokio::spawn({
        let (binary, sync_interval, stop) = (binary.clone(), sync_interval.clone(), stop.clone());
        async move {
            let mut delay = RESTART_DELAY;
            loop {
                let started = Instant::now();
                // Both are cancel-safe: waiting for a child can be taken up again.
                tokio::select! {
                    () = stop.cancelled() => break,
                    ended = child.wait() => warn!(?ended, "nats-server died; starting it again"),
                    () = probe::silent(port) => {
                        error!("nats-server does not answer; killing it and starting it again");
                        // A stopped process does not obey SIGTERM. Its files survive a kill.
                        if let Err(error) = child.kill().await {
                            error!(%error, "nats-server cannot be killed");
                        }
                    }
                }
                telemetry::BROKER_REPLACEMENTS.add(1);
                pid_tx.send_replace(None);
                if STEADY_AFTER <= started.elapsed() {
                    delay = RESTART_DELAY;
                }
                let Some(next) = relaunch(&binary, &files, port, sync_interval.as_deref(), &mut delay, &stop).await else {
                    break;
                };
                child = next;
                pid_tx.send_replace(child.id());
                info!(url = format!("nats://127.0.0.1:{port}"), "nats-server is back");
            }
            process::stop(&mut child, STOP_DEADLINE).await;
            files.forget();
        }
    });
    Ok(Managed { url, version, binary, sync_interval, pid, stop, supervisor })
}

impl Managed {
    /// Such as `nats://127.0.0.1:4222`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// What the server was told about syncing; `None` if it is too old to be told: a power cut may then cost two minutes.
    pub fn sync_interval(&self) -> Option<&str> {
        self.sync_interval.as_deref()
    }

    /// The server's process; `None` while it is being started again.
    pub fn pid(&self) -> Option<u32> {
        *self.pid.borrow()
    }

    /// Asks the server to stop, and kills it if it does not. Call it last: after the connection was closed.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.supervisor.await {
            error!(%error, "the supervisor of nats-server ended badly");
        }
    }
}

/// Tries until it runs or we are asked to stop. `None`: stopped.
async fn relaunch(
    binary: &Path,
    files: &Files,
    port: u16,
    sync_interval: Option<&str>,
    delay: &mut Duration,
    stop: &CancellationToken,
) -> Option<Child> {
    loop {
        let launched = async {
            tokio::time::sleep(*delay).await;
            launch(binary, files, port, sync_interval).await
        };
        // Dropping `launched` kills a child that is only just starting.
        let launched = tokio::select! {
            () = stop.cancelled() => return None,
            launched = launched => launched,
        };
        *delay = (2 * *delay).min(RESTART_DELAY_MAX);
        match launched {
            Ok((child, _)) => return Some(child),
            Err(error) => error!(%error, "nats-server does not start"),
        }
    }
}

/// Starts one process and waits until it has told its port.
async fn launch(binary: &Path, files: &Files, port: u16, sync_interval: Option<&str>) -> Result<(Child, u16), ManagedError> {
    files.write_config(port, sync_interval)?;
    let mut command = Command::new(binary);
    command.arg("--config").arg(&files.config);
    // In a group of its own: Ctrl-C in the terminal is for us, who stop the server last.
    command.process_group(0).kill_on_drop(true);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    // what is ours to know is not the server's: the admin token, and addresses that may hold passwords
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        command.env_remove(name);
    }
    let errors = std::fs::File::create(&files.errors).map_err(|source| files.failed(&files.errors, source))?;
    let mut child =
        command.stderr(errors).spawn().map_err(|source| ManagedError::Spawn { binary: binary.to_owned(), source })?;
    let deadline = Instant::now() + START_DEADLINE;
    loop {
        if let Some(port) = child.id().and_then(|pid| files.port_of(pid)) {
            return Ok((child, port));
        }
        if let Ok(Some(status)) = child.try_wait() {
            let (log, tail) = (files.log.clone(), files.last_words());
            return Err(ManagedError::Ended { binary: binary.to_owned(), status, log, tail });
        }
        if deadline <= Instant::now() {
            return Err(ManagedError::Slow { binary: binary.to_owned(), log: files.log.clone() });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Variables that speak to us, or to any client of NATS.
fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("TIDEWATCH_") || name == "NATS_URL" || name == "FAILPOINTS"
}

fn hint(tail: &str) -> &'static str {
    if tail.contains("address already in use") {
        "\nthe port is taken: choose another with --nats-port, 0 for any, or use the server that holds it with --nats-url"
    } else {
        ""
    }
}

/// What lies in the server's folder.
#[derive(Clone, Debug)]
struct Files {
    folder: PathBuf,
    config: PathBuf,
    pid: PathBuf,
    log: PathBuf,
    /// What the server says before it has opened its log.
    errors: PathBuf,
}

impl Files {
    fn in_folder(folder: PathBuf) -> Self {
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let file = |name: &str| folder.join(name);
        let (config, pid, log) = (file("nats-server.conf"), file("nats-server.pid"), file("nats-server.log"));
        Self { config, pid, log, errors: file("nats-server.err"), folder }
    }

    fn failed(&self, path: &Path, source: std::io::Error) -> ManagedError {
        ManagedError::Files { path: path.to_owned(), source }
    }

    fn make(&self) -> Result<(), ManagedError> {
        std::fs::create_dir_all(&self.folder).map_err(|source| self.failed(&self.folder, source))
    }

    fn write_config(&self, port: u16, sync_interval: Option<&str>) -> Result<(), ManagedError> {
        self.clear_ports();
        let text = self.config_text(port, sync_interval);
        std::fs::write(&self.config, text).map_err(|source| self.failed(&self.config, source))
    }

    fn config_text(&self, port: u16, sync_interval: Option<&str>) -> String {
        let port = if port == 0 { "-1".to_owned() } else { port.to_string() };
        let quoted = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
        let (pid, log, folder) = (quoted(&self.pid), quoted(&self.log), quoted(&self.folder));
        let store = quoted(&self.folder.join("jetstream"));
        let sync =
            sync_interval.map(|every| format!("\n  # Acknowledged messages reach the disk.\n  sync_interval: \"{every}\""));
        let sync = sync.unwrap_or_default();
        // A server takes three quarters of what is free at its start for its bound, and does not bring streams back that were made larger than that:
        // on a disk that has filled since, the log would be gone. When there are streams, they have their sizes already.
        let bound = if self.has_streams() { format!("\n  max_file_store: {STORE_BYTES_MAX}") } else { String::new() };
        format!(
            "# Written by tidewatch at every start; changes are lost. Use --nats-url for a server of your own.\n\
             # Loopback only: there is no password.\n\
             host: \"127.0.0.1\"\n\
             port: {port}\n\
             server_name: \"tidewatch\"\n\
             pid_file: {pid}\n\
             ports_file_dir: {folder}\n\
             log_file: {log}\n\
             logfile_size_limit: 16MB\n\
             max_payload: {MAX_PAYLOAD}\n\
             jetstream {{\n  store_dir: {store}{sync}{bound}\n}}\n"
        )
    }

    /// Whether an earlier server has made streams here.
    fn has_streams(&self) -> bool {
        let streams = self.folder.join("jetstream/jetstream/$G/streams");
        std::fs::read_dir(streams).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The port that the process `pid` has opened, once it has.
    fn port_of(&self, pid: u32) -> Option<u16> {
        let text = std::fs::read_to_string(self.ports_files().into_iter().find(|path| is_of(path, pid))?).ok()?;
        let ports: serde_json::Value = serde_json::from_str(&text).ok()?;
        let url = ports["nats"][0].as_str()?;
        url.rsplit(':').next()?.parse().ok()
    }

    /// `<program>_<pid>.ports`, written by the server once it listens.
    fn ports_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|ext| ext == "ports")).collect()
    }

    fn clear_ports(&self) {
        for path in self.ports_files() {
            // One that cannot be removed names another pid, so it misleads nobody.
            let _ = std::fs::remove_file(path);
        }
    }

    /// The server is stopped: nothing for the next start to look for.
    fn forget(&self) {
        self.clear_ports();
        let _ = std::fs::remove_file(&self.pid);
    }

    /// The end of what the server said.
    fn last_words(&self) -> String {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        let text = read(&self.log) + &read(&self.errors);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// A server that outlived a killed tidewatch still holds the store and perhaps the port.
    async fn stop_orphan(&self) -> Result<(), ManagedError> {
        let Some(pid) = std::fs::read_to_string(&self.pid).ok().and_then(|text| text.trim().parse().ok()) else {
            return Ok(());
        };
        if !process::was_started_with(pid, &self.config).await {
            return Ok(());
        }
        warn!(pid, "stopping the nats-server of an earlier run");
        if process::stop_foreign(pid, &self.config, STOP_DEADLINE).await {
            Ok(())
        } else {
            Err(ManagedError::Orphan { pid, path: self.folder.clone() })
        }
    }
}

fn is_of(ports_file: &Path, pid: u32) -> bool {
    ports_file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with(&format!("_{pid}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_listens_on_loopback_only_and_syncs_where_it_can() {
        let files = Files::in_folder("/data dir/\"q\"/nats".into());
        let text = files.config_text(0, Some("100ms"));
        assert!(text.contains("host: \"127.0.0.1\"\nport: -1\n"), "{text}");
        assert!(text.contains("sync_interval: \"100ms\""), "{text}");
        assert!(text.contains(r#"store_dir: "/data dir/\"q\"/nats/jetstream""#), "{text}");
        assert!(!files.config_text(4222, None).contains("sync_interval"));
    }
}
