//! Values that published packages computed, and the streams they computed them on: `tests/data/golden/README.md` says how they came about.
#![allow(dead_code)] // every test binary uses its own part of it

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

/// One file of values, by name.
pub fn values(file: &str) -> Value {
    let path = path(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The `cases` of one file.
pub fn cases(file: &str) -> Vec<Value> {
    values(file)["cases"].as_array().unwrap().clone()
}

/// The stream of 20,000 rows that the windows of `windows.json` were computed from: labels in the rows, or in records of their own.
pub fn stream(split: bool) -> Vec<Value> {
    lines(if split { "split.jsonl.gz" } else { "joined.jsonl.gz" })
}

/// What that stream drifts away from, a thousand rows a model.
pub fn reference() -> Vec<Value> {
    lines("reference.jsonl.gz")
}

fn lines(file: &str) -> Vec<Value> {
    let path = path(file);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/golden", file].iter().collect()
}
