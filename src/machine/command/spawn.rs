//! Making the process of a command: without a copy of ours, which is large, and as if whoever started us had made it.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::signal::{SigSet, Signal};
use rustix::process::Pid;

use super::Ending;

/// The exit code of a command that is there and cannot be run, and of one that is not there, as shells have it.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Starts a command with our descriptors, directory and environment.
///
/// * `command`: program, searched for in `PATH` if it has no slash, and arguments.
/// * `mask`: the signals that are blocked in it.
///
/// Errors: it cannot be started, as an ending.
pub fn command(command: &[OsString], mask: SigSet) -> Result<Pid, Ending> {
    let (program, arguments) = command.split_first().ok_or_else(|| Ending::NotStarted(NOT_FOUND, "no command".into()))?;
    let started = match start(program, arguments, mask) {
        // a script without `#!` is run by the shell, as shells do
        Err(Errno::ENOEXEC) => {
            let of_script: Vec<OsString> = [found(program).into()].into_iter().chain(arguments.iter().cloned()).collect();
            start("/bin/sh".as_ref(), &of_script, mask)
        }
        started => started,
    };
    let shown = program.to_string_lossy();
    started.map_err(|error| match error {
        Errno::ENOENT => Ending::NotStarted(NOT_FOUND, format!("{shown}: command not found")),
        error => Ending::NotStarted(NOT_EXECUTABLE, format!("{shown}: cannot be run: {}", error.desc())),
    })
}

/// A child begins with the mask of the thread that makes it, and ours is full; and our runtime ignores `SIGPIPE`, which the command should not.
fn start(program: &OsStr, arguments: &[OsString], mask: SigSet) -> Result<Pid, Errno> {
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
    attributes.set_sigmask(&mask)?;
    attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
    let program = text(program.as_bytes().to_vec())?;
    let words = arguments.iter().map(|word| text(word.as_bytes().to_vec()));
    let words: Vec<CString> = [Ok(program.clone())].into_iter().chain(words).collect::<Result<_, _>>()?;
    let variable = |(name, value): (OsString, OsString)| text([name.into_vec(), value.into_vec()].join(&b'='));
    let environment: Vec<CString> = std::env::vars_os().map(variable).collect::<Result<_, _>>()?;
    let child = posix_spawnp(&program, &PosixSpawnFileActions::init()?, &attributes, &words, &environment)?;
    Ok(Pid::from_raw(child.as_raw()).expect("a child has a positive id"))
}

/// What an argument or a variable cannot hold is a zero.
fn text(bytes: Vec<u8>) -> Result<CString, Errno> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

/// Where a program lies, as the system has looked for it.
fn found(program: &OsStr) -> PathBuf {
    let path = PathBuf::from(program);
    if program.as_bytes().contains(&b'/') {
        return path;
    }
    let is_program =
        |path: &PathBuf| path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    let directories = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&directories).map(|directory| directory.join(program)).find(is_program).unwrap_or(path)
}
