//! The files beside a result: `{id}.performance.json`, and what of the result is small enough to be reported.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::machine::meter::Measured;

/// A result of at most so many bytes is reported with its job; of a larger one its name and size.
const REPORTED_BYTES_MAX: u64 = 4 << 10;

/// File names hold 255 bytes; the ending takes some.
const FILE_NAME_BYTES_MAX: usize = 200;

/// What a job has cost, under its id.
pub struct Figured<'a> {
    pub id: &'a str,
    pub measured: &'a Measured,
}

/// Whether a file can be written beside `result`. Tried by writing one, before the command runs.
///
/// Errors: it cannot; with the reason and the directory.
pub fn check(result: &Path) -> anyhow::Result<()> {
    if result.file_name().is_none() || result.is_dir() {
        bail!("--result names the file that the command writes, and {} is a directory", result.display());
    }
    let directory = directory_of(result);
    let probe = directory.join(format!(".tidewatch-{}", std::process::id()));
    let tried = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
    tried.with_context(|| {
        format!("nothing can be written beside --result, in {}; make the directory, or choose another", directory.display())
    })
}

/// Writes `{id}.performance.json` beside `result`, whole or not at all.
///
/// Errors: it cannot be written.
pub fn write(result: &Path, figured: &Figured<'_>) -> anyhow::Result<()> {
    let name = file_name(figured.id);
    let (path, partial) =
        (directory_of(result).join(&name), directory_of(result).join(format!(".{name}.{}.partial", std::process::id())));
    let mut text = serde_json::to_vec_pretty(&figured.measured.figures)?;
    text.push(b'\n');
    let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &path));
    written.with_context(|| format!("what the job has cost cannot be written to {}", path.display()))
}

/// `{id}.performance.json`, with what no file name can hold replaced.
fn file_name(id: &str) -> String {
    let mut stem = id.replace('/', "=2F");
    if FILE_NAME_BYTES_MAX < stem.len() {
        let end = (0..=FILE_NAME_BYTES_MAX - 17).rev().find(|end| stem.is_char_boundary(*end)).unwrap_or(0);
        let rest = xxhash_rust::xxh3::xxh3_64(id.as_bytes());
        stem.truncate(end);
        stem.push_str(&format!("-{rest:016x}"));
    }
    format!("{stem}.performance.json")
}

fn directory_of(result: &Path) -> PathBuf {
    result.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// What a job's report says of its result: a small file's JSON or text, else the name and size.
pub fn reported(result: &Path) -> Option<Value> {
    let size = fs::metadata(result).ok().filter(fs::Metadata::is_file)?.len();
    let name = result.to_string_lossy();
    if REPORTED_BYTES_MAX < size {
        return Some(json!({ "file": name, "bytes": size }));
    }
    let mut bytes = Vec::new();
    fs::File::open(result).ok()?.take(REPORTED_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(match (serde_json::from_slice(&bytes), String::from_utf8(bytes)) {
        (Ok(value), _) => value,
        (Err(_), Ok(text)) => Value::String(text),
        (Err(_), Err(_)) => json!({ "file": name, "bytes": size }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_of_any_name_has_a_file_name() {
        assert_eq!(file_name("0001"), "0001.performance.json");
        assert_eq!(file_name("한글 \"x\"\n"), "한글 \"x\"\n.performance.json");
        assert_eq!(file_name("a/b/../c"), "a=2Fb=2F..=2Fc.performance.json");
        let long = file_name(&"글".repeat(85));
        assert!(long.len() <= 255 && long.starts_with("글"), "{long}");
        assert_ne!(long, file_name(&"글".repeat(84)));
    }

    #[test]
    fn a_small_result_is_reported_and_a_large_one_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.json");
        assert_eq!(reported(&path), None);
        fs::write(&path, "{\"words\": 12}").unwrap();
        assert_eq!(reported(&path), Some(json!({ "words": 12 })));
        fs::write(&path, "안녕").unwrap();
        assert_eq!(reported(&path), Some(json!("안녕")));
        fs::write(&path, vec![b' '; 5_000]).unwrap();
        assert_eq!(reported(&path).unwrap()["bytes"], 5_000);
    }
}
