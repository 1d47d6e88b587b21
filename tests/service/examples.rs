//! The examples of `ops/examples`, run as they stand against a real nats-server: what they publish must land in the log. One whose
//! runtime is not installed says so and is passed over.

use crate::http::room::{ADMIN, Room};
use crate::log;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::nats_server::NatsServer;

/// Longer than a package manager takes on a slow line.
const DEADLINE: Duration = Duration::from_secs(300);

/// Runs an example to its end and looks at what it left in the log.
async fn check(source: &str, mut command: Command) {
    let server = NatsServer::start();
    log::made(&server.url()).await;
    run(command.env("NATS_URL", server.url()));
    let stored = log::stored(&server.url()).await;
    let subjects: Vec<_> = stored.iter().map(|(kind, source, _)| format!("{kind}.{source}")).collect();
    assert_eq!(subjects, ["prediction", "label", "prediction"].map(|kind| format!("{kind}.{source}")));
    let (prediction, label, frame) = (&stored[0].2, &stored[1].2, &stored[2].2);
    assert!(prediction["prediction_id"].is_string(), "{prediction}");
    assert_eq!(prediction["prediction_id"], label["prediction_id"]);
    assert_eq!(prediction["model"], label["model"]);
    assert!(1 < frame.as_array().unwrap().len());
}

/// A program of the PATH.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Runs a command to its end; fails with what it said if it fails or takes too long.
fn run(command: &mut Command) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let (out, err) = (log.reopen().unwrap(), log.reopen().unwrap());
    let mut child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().unwrap();
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if deadline < Instant::now() {
            child.kill().ok();
            panic!("{command:?} takes longer than {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{command:?}: {status}\n{}", std::fs::read_to_string(log.path()).unwrap());
}

/// The example directory of a language, copied so that nothing is installed into the repository.
fn copy(language: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(examples().join(language)).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
    }
    copy
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ops/examples")
}

#[tokio::test]
async fn the_shell_example_lands_in_the_log() {
    let Some(_) = program("nats") else { return eprintln!("passed over: the `nats` command line is not installed") };
    check("shell", Command::new(examples().join("shell/publish.sh"))).await;
}

#[tokio::test]
async fn the_python_example_lands_in_the_log() {
    let Some(python) = program("python3") else { return eprintln!("passed over: python3 is not installed") };
    let home = copy("python");
    let venv = home.path().join("venv");
    run(Command::new(python).args(["-m", "venv"]).arg(&venv));
    run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", "nats-py"]));
    let mut command = Command::new(venv.join("bin/python"));
    command.arg(home.path().join("publish.py"));
    check("python", command).await;
}

/// A data frame is published as it is, by the column; what it says is what its rows would have said.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_frames_of_python_are_models() {
    let Some(python) = program("python3") else { return eprintln!("passed over: python3 is not installed") };
    let home = copy("python");
    let venv = home.path().join("venv");
    run(Command::new(python).args(["-m", "venv"]).arg(&venv));
    let packages = ["pandas", "pyarrow", "polars"];
    run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages));
    let room = Room::open().await;
    for library in ["pandas", "polars"] {
        let mut command = Command::new(venv.join("bin/python"));
        command.arg(home.path().join(format!("{library}_frame.py")));
        run(command.env("TIDEWATCH_URL", room.url("")).env("TIDEWATCH_TOKEN", ADMIN));
        let model = room.json(&format!("/api/v1/models/example-{library}")).await;
        assert_eq!(
            (&model["predictions"], &model["labelled"], &model["late"]),
            (&100.into(), &100.into(), &0.into()),
            "{model}"
        );
        assert_eq!(model["current"]["accuracy"]["value"], 0.75, "{model}");
    }
}

#[tokio::test]
async fn the_javascript_example_lands_in_the_log() {
    let (Some(node), Some(npm)) = (program("node"), program("npm")) else {
        return eprintln!("passed over: Node is not installed");
    };
    let home = copy("javascript");
    run(Command::new(npm).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(home.path()));
    let mut command = Command::new(node);
    command.arg("publish.mjs").current_dir(home.path());
    check("javascript", command).await;
}

#[tokio::test]
async fn the_go_example_lands_in_the_log() {
    let Some(go) = program("go") else { return eprintln!("passed over: Go is not installed") };
    let home = copy("go");
    run(Command::new(&go).args(["mod", "tidy"]).current_dir(home.path()));
    let mut command = Command::new(go);
    command.args(["run", "."]).current_dir(home.path());
    check("go", command).await;
}

#[tokio::test]
async fn the_rust_example_lands_in_the_log() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--example", "publish"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if cfg!(feature = "failpoints") {
        cargo.args(["--features", "failpoints"]);
    }
    check("rust", cargo).await;
}
