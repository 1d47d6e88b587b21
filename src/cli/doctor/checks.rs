//! What this machine itself must offer.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::Check;
use crate::clock;
use crate::config::{Layers, Snapshots, meant_env};
use crate::snapshot::Shelf;
use crate::time::Timestamp;

/// Below this a day of a busy log does not fit.
const SPACE_BYTES_LOW: u64 = 5 << 30;
/// Below this the store cannot even be compacted.
const SPACE_BYTES_LEAST: u64 = 256 << 20;

/// One for each connection, and those of the store.
const OPEN_FILES_LOW: u64 = 4_096;

/// That the configuration is read, and which variables were taken for none.
pub fn configuration(layers: &Layers) -> Check {
    match &layers.ignored_env[..] {
        [] => Check::ok("configuration", "read and valid"),
        ignored => {
            let meant =
                |variable: &String| meant_env(variable).map_or(String::new(), |meant| format!(" (did you mean {meant}?)"));
            let names: Vec<String> = ignored.iter().map(|variable| variable.clone() + &meant(variable)).collect();
            Check::warn("configuration", format!("no setting: {}", names.join(", ")), "unset them, or mind the spelling")
        }
    }
}

/// That the data directory can be written.
pub fn data(data: &Path) -> Check {
    const NAME: &str = "data directory";
    let home = nearest(data);
    match tempfile_in(&home) {
        Ok(()) if home == data => Check::ok(NAME, format!("{} is writable", data.display())),
        Ok(()) => Check::ok(NAME, format!("{} will be made", data.display())),
        Err(error) => Check::fail(
            NAME,
            format!("{} is not writable: {error}", home.display()),
            "change its owner or name another with --data",
        ),
    }
}

/// That there is room for a log and a store.
pub fn space(data: &Path) -> Check {
    const NAME: &str = "disk space";
    let free = match rustix::fs::statvfs(nearest(data)) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Check::warn(NAME, format!("unknown: {error}"), "check it by hand with `df`"),
    };
    let found = format!("{:.1} GiB free at {}", free as f64 / f64::from(1 << 30), data.display());
    let fix = "free some, or name another disk with --data";
    match free {
        0..SPACE_BYTES_LEAST => Check::fail(NAME, found, fix),
        SPACE_BYTES_LEAST..SPACE_BYTES_LOW => Check::warn(NAME, found, fix),
        _ => Check::ok(NAME, found),
    }
}

/// How old the newest snapshot is, and that its manifest can be read. `verify` reads the rest.
pub fn snapshots(data: &Path, settings: &Snapshots) -> Check {
    const NAME: &str = "snapshots";
    let fix = "see `tidewatch snapshot verify` and the log of the process; `tidewatch snapshot create` takes one";
    let found = match Shelf::in_data(data).list() {
        Ok(found) => found,
        Err(error) => return Check::warn(NAME, error.to_string(), fix),
    };
    if let Some(error) = found.iter().find_map(|found| found.manifest.as_ref().err()) {
        return Check::warn(NAME, error.to_string(), fix);
    }
    let Some(newest) = found.first().and_then(|found| found.manifest.as_ref().ok()) else {
        return Check::ok(NAME, "none yet; a rebuild reads the whole log");
    };
    let Some(taken_at) = Timestamp::parse_rfc3339(&newest.taken_at) else {
        return Check::warn(NAME, format!("the newest was taken at {:?}, which is no time", newest.taken_at), fix);
    };
    let age = (clock::now() - taken_at).secs_f64();
    let (count, hours) = (found.len(), age / 3_600.0);
    let told =
        format!("the newest of {count} is {hours:.1} h old, at sequence {}, {} bytes", newest.position, newest.stored_bytes());
    match settings.interval {
        Some(interval) if 2.0 * interval.as_secs_f64() < age => Check::warn(NAME, told, fix),
        _ => Check::ok(NAME, told),
    }
}

/// That an address can be listened on, or that the running process of the data directory does.
pub fn port(name: &'static str, address: SocketAddr, ours: Option<&str>) -> Check {
    if ours == Some(address.to_string().as_str()) {
        return Check::ok(name, format!("{address} is ours: the process is up"));
    }
    match TcpListener::bind(address) {
        Ok(_) => Check::ok(name, format!("{address} is free")),
        Err(error) => {
            Check::fail(name, format!("{address}: {error}"), "stop what uses it, or choose another (--listen, --nats-port)")
        }
    }
}

/// That enough connections fit.
pub fn open_files() -> Check {
    const NAME: &str = "open files";
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < OPEN_FILES_LOW => Check::warn(
            NAME,
            format!("at most {limit}"),
            format!("raise it: `ulimit -n {OPEN_FILES_LOW}`, or LimitNOFILE= in the unit"),
        ),
        Some(limit) => Check::ok(NAME, format!("at most {limit}")),
        None => Check::ok(NAME, "no limit"),
    }
}

/// The directory itself, or the nearest above it that exists.
fn nearest(data: &Path) -> PathBuf {
    let absolute = std::path::absolute(data).unwrap_or_else(|_| data.into());
    let found = absolute.ancestors().find(|path| path.is_dir()).unwrap_or(&absolute);
    if found == absolute { data.into() } else { found.into() }
}

/// Writes a file there and takes it away again.
fn tempfile_in(directory: &Path) -> std::io::Result<()> {
    let probe = directory.join(format!(".tidewatch-doctor-{}", std::process::id()));
    std::fs::write(&probe, b"tidewatch")?;
    std::fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_directory_that_is_not_there_yet_will_be_made_and_one_below_a_file_cannot() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(data(home.path()).verdict, Verdict::Ok);
        assert!(data(&home.path().join("new/data")).found.ends_with("will be made"));
    }

    #[test]
    fn a_port_somebody_listens_on_fails_unless_it_is_ours() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(port("http port", address, None).verdict, Verdict::Fail);
        assert_eq!(port("http port", address, Some(&address.to_string())).verdict, Verdict::Ok);
    }
}
