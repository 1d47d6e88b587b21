//! The stream that `golden/dev/windows.json` describes, made by the script that made it for the published packages.
#![allow(dead_code)] // every test binary uses its own part of it

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/golden")
}

pub fn windows() -> Value {
    let path = folder().join("dev/windows.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// The lines of `workload.py --n 20000 --seed 101`, or of its `--split` form, once their digest is the one the golden values name.
pub fn stream(golden: &Value, split: bool) -> Vec<Value> {
    if split {
        made(golden, "split", "split_stream_sha256", &["--n", "20000", "--split"])
    } else {
        made(golden, "joined", "stream_sha256", &["--n", "20000"])
    }
}

/// The lines of `workload.py --reference 1000 --seed 101`: what the stream drifts away from, a thousand rows a model.
pub fn reference(golden: &Value) -> Vec<Value> {
    made(golden, "reference", "reference_sha256", &["--reference", "1000"])
}

fn made(golden: &Value, form: &str, digest: &str, arguments: &[&str]) -> Vec<Value> {
    let python = python();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("golden-{form}.jsonl"));
    let wanted = golden["meta"][digest].as_str().unwrap();
    if !path.exists() || sha256(&python, &path) != wanted {
        let mut command = Command::new(&python);
        command.arg(folder().join("workload.py")).args(arguments).args(["--seed", "101", "--out"]).arg(&path);
        run(&mut command);
    }
    assert_eq!(sha256(&python, &path), wanted, "{}", path.display());
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sha256(python: &Path, path: &Path) -> String {
    let program = "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
    run(Command::new(python).args(["-c", program]).arg(path)).trim().to_owned()
}

/// A Python that has numpy: the system's own, or one in the target directory, made once.
fn python() -> PathBuf {
    let system = PathBuf::from("python3");
    if has_numpy(&system) {
        return system;
    }
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("numpy");
    let python = environment.join("bin/python");
    if !has_numpy(&python) {
        run(Command::new(system).args(["-m", "venv"]).arg(&environment));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "numpy"]));
    }
    python
}

fn has_numpy(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import numpy"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
