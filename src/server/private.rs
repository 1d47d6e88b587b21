//! The data directory is its owner's alone: the admin token, the store and the log of a managed server lie in it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rustix::fs::Mode;
use tracing::warn;

/// What others may not do: anything.
const OTHERS: u32 = 0o077;

/// What is of our making in a data directory: files and directories that begin so, such as `store.lock` and `run.json.partial`. A test compares it with
/// what a process leaves there.
const OURS: [&str; 8] = ["admin.", "epoch", "log-cut.", "nats", "run.", "session.", "snapshots", "store"];

/// A directory that everybody shares, such as /tmp, has it and is left alone.
const STICKY: u32 = 0o1000;

/// Makes the directory if it is not there, lets new files of this process belong to its user alone, and takes the rights of others from
/// what lies there already. What cannot be changed (a volume of somebody else's) is said and left.
pub fn make(data: &Path) -> io::Result<()> {
    rustix::process::umask(Mode::from_raw_mode(OTHERS));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let mut tightened = 0;
    if fs::metadata(data)?.permissions().mode() & STICKY == 0 {
        tighten(data, &mut tightened);
        for name in ours(data)? {
            tighten_all(&data.join(name), &mut tightened);
        }
    }
    if 0 < tightened {
        warn!(data = %data.display(), tightened, "files and directories that others could read are the owner's alone now");
    }
    Ok(())
}

/// The names in the data directory that are of our making.
fn ours(data: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(data)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if OURS.iter().any(|ours| name.starts_with(ours)) {
            names.push(name);
        }
    }
    Ok(names)
}

fn tighten_all(path: &Path, tightened: &mut u64) {
    tighten(path, tightened);
    // links are not followed: what they point to is not ours
    let is_directory = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    for entry in is_directory.then(|| fs::read_dir(path)).into_iter().flatten().flatten().flatten() {
        tighten_all(&entry.path(), tightened);
    }
}

fn tighten(path: &Path, tightened: &mut u64) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let mode = found.permissions().mode();
    if found.is_symlink() || mode & OTHERS == 0 {
        return;
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS)) {
        Ok(()) => *tightened += 1,
        Err(error) => warn!(path = %path.display(), %error, "others may read this, and it cannot be changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_read_is_tightened_and_what_is_not_ours_is_left() {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        fs::create_dir_all(data.join("store/blobs")).unwrap();
        for file in ["store/db", "store/blobs/1", "notes.txt"] {
            fs::write(data.join(file), "x").unwrap();
            fs::set_permissions(data.join(file), fs::Permissions::from_mode(0o644)).unwrap();
        }
        for folder in ["", "store", "store/blobs"] {
            fs::set_permissions(data.join(folder), fs::Permissions::from_mode(0o755)).unwrap();
        }
        make(&data).unwrap();
        let mode = |path: &str| fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(""), mode("store"), mode("store/blobs")], [0o700; 3]);
        assert_eq!([mode("store/db"), mode("store/blobs/1")], [0o600; 2]);
        assert_eq!(mode("notes.txt"), 0o644);
        fs::write(data.join("fresh"), "x").unwrap();
        assert_eq!(mode("fresh"), 0o600);
    }
}
