//! Notes which commit is built, for `tidewatch version`: from `TIDEWATCH_BUILD_COMMIT` where a packager says so, else from git, else not at
//! all.

use std::process::Command;

fn main() {
    let version = env("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rerun-if-env-changed=TIDEWATCH_BUILD_COMMIT");
    watch();
    let (commit, modified) = match env("TIDEWATCH_BUILD_COMMIT") {
        Some(commit) => (Some(commit), None),
        None => (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain"]).map(|changes| !changes.is_empty())),
    };
    let Some(commit) = commit else {
        println!("cargo::rustc-env=TIDEWATCH_VERSION={version}");
        return;
    };
    let suffix = if modified == Some(true) { ", modified" } else { "" };
    println!("cargo::rustc-env=TIDEWATCH_VERSION={version} ({commit}{suffix})");
    println!("cargo::rustc-env=TIDEWATCH_COMMIT={commit}");
    if let Some(modified) = modified {
        println!("cargo::rustc-env=TIDEWATCH_MODIFIED={modified}");
    }
}

/// Looks again when what is built changes. A release also when a commit is made of the same files: to those who develop, that would be a
/// build of everything after each commit, and "modified" tells them enough.
fn watch() {
    let rooms = std::fs::read_dir("src").into_iter().flatten().flatten().map(|entry| entry.path());
    // the dashboard holds what npm installs: tens of thousands of files to look through
    for path in rooms.filter(|path| !path.ends_with("dashboard")) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    for path in ["ops/build.rs", "Cargo.toml", "Cargo.lock", "src/dashboard/src", "schemas", "streams"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if env("PROFILE").as_deref() == Some("release")
        && let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
    {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// What git says of the directory of the package; `None` if there is no git, or this is no repository of our own.
fn git(arguments: &[&str]) -> Option<String> {
    let here = env("CARGO_MANIFEST_DIR")?;
    let ask = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(&here).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // the sources may lie unpacked within somebody else's repository
    let top = ask(&["rev-parse", "--show-toplevel"])?;
    if std::fs::canonicalize(top).ok()? != std::fs::canonicalize(&here).ok()? {
        return None;
    }
    ask(arguments)
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
