//! What `tidewatch rebuild` does with the old store, and who may read the data directory.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::publish;
use crate::house::{Plan, log_tail};
use crate::nats_server::NatsServer;
use crate::publisher::Publisher;
use crate::workload::records;

fn rebuild(url: &str, data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(["rebuild", "--json", "--nats-url", url, "--data"]).arg(data).args(args).output().unwrap()
}

fn replaced(data: &Path) -> Vec<String> {
    let names = std::fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("store.replaced-")).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_keeps_the_last_two_old_stores_and_says_what_will_be_missing() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let plan = Plan::on(&url, data.path());
    let house = plan.open();
    let last = publish(&url, &records(71, 100)).await;
    house.applied(last).await;
    assert!(house.stop().success());
    for round in 1..=3 {
        let output = rebuild(&url, data.path(), &[]);
        assert!(output.status.success(), "{output:?}");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["missing"], 0, "{told}");
        assert!(told["aside"].as_str().unwrap().ends_with(&format!("store.replaced-{round}")), "{told}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("nothing that the store knows will be missing"), "{words}");
    }
    assert_eq!(replaced(data.path()), ["store.replaced-2", "store.replaced-3"]);

    let context = async_nats::jetstream::new(async_nats::connect(&url).await.unwrap());
    context.delete_stream("TW_INPUT").await.unwrap();
    let output = rebuild(&url, data.path(), &["--yes"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && last <= told["missing"].as_u64().unwrap(), "{output:?}");
    // the old store is whole: put back, it says what it knew
    let old = data.path().join("store.replaced-4");
    assert!(old.join("db").metadata().unwrap().len() != 0);
}

/// As somebody types it: `script` gives it a terminal. `None` where there is no such program.
fn rebuild_on_a_terminal(url: &str, data: &Path, answer: &str) -> Option<(bool, String)> {
    let typed = format!("{} rebuild --nats-url {url} --data {}", env!("CARGO_BIN_EXE_tidewatch"), data.display());
    let mut command = Command::new("script");
    command.args(["-qec", &typed, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut terminal = command.spawn().ok()?;
    terminal.stdin.as_mut().unwrap().write_all(answer.as_bytes()).unwrap();
    let output = terminal.wait_with_output().unwrap();
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_on_a_terminal_asks_first_and_does_nothing_unless_the_answer_is_yes() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let house = Plan::on(&url, data.path()).open();
    let last = publish(&url, &records(73, 50)).await;
    house.applied(last).await;
    assert!(house.stop().success());
    for (answer, goes_on) in [("n\n", false), ("\n", false), ("y\n", true)] {
        let Some((done, told)) = rebuild_on_a_terminal(&url, data.path(), answer) else {
            return eprintln!("not run: there is no program `script`");
        };
        assert!(told.contains("Go on? [y/N]"), "{told}");
        assert_eq!((done, replaced(data.path()).len()), (goes_on, usize::from(goes_on)), "{answer:?}: {told}");
        assert!(data.path().join("store/db").exists(), "{answer:?}: {told}");
    }
}

#[test]
fn a_rebuild_of_a_directory_without_a_store_is_refused_and_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("elsewhere");
    let output = rebuild("nats://127.0.0.1:1", &data, &["--yes"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no store at"), "{output:?}");
    assert!(!data.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_is_its_owners_alone_and_an_older_one_is_tightened() {
    let server = NatsServer::start();
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let plan = Plan::on(&server.url(), &data);
    plan.open().stop();
    std::fs::set_permissions(data.join("store/db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let house = plan.open();
    let mode = |path: &str| std::fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(""), mode("store")], [0o700, 0o700]);
    assert_eq!([mode("store/db"), mode("run.json"), mode("admin.token"), mode("epoch")], [0o600; 4]);
    let log = std::fs::read_to_string(data.join("test.log")).unwrap();
    assert!(log.contains("tightened=1"), "{log}");
    assert!(house.stop().success());

    // whatever a process with a log of its own leaves there
    let data = tempfile::tempdir().unwrap();
    let plan = Plan::alone(data.path());
    let house = plan.open();
    house.ready_when("ready", |status, _| status == 200).await;
    assert!(house.stop().success());
    let everything = || {
        let found = Command::new("find").arg(data.path()).args(["-not", "-name", "test.log"]).output().unwrap();
        let paths = String::from_utf8(found.stdout).unwrap();
        paths.lines().map(std::path::PathBuf::from).collect::<Vec<_>>()
    };
    for path in everything() {
        let mode = if path.is_dir() { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    assert!(plan.open().stop().success());
    for path in everything() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_core_dump_is_not_written() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", house.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");
}

/// The process within this one, so that damage can be injected while it runs.
#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn damage_found_while_it_runs_is_put_aside_and_rebuilt_without_a_restart() {
    use tidewatch::config::{Config, Flag, Layers};
    use tokio_util::sync::CancellationToken;

    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    let house = Plan::on(&url, data.path()).open();
    let last = publish(&url, &records(72, 100)).await;
    house.applied(last).await;
    assert!(house.stop().success());
    let flag = |key, text: &str| Flag { key, text: text.to_owned() };
    let flags = vec![
        flag("data", data.path().to_str().unwrap()),
        flag("listen", "127.0.0.1:0"),
        flag("nats_url", &url),
        flag("agent", "false"),
        flag("token", crate::house::TOKEN),
    ];
    let config = Config::resolve(&Layers::stack(None, std::iter::empty(), flags).unwrap()).unwrap();
    fail::cfg("store::audit", "1*return").unwrap();
    let (stop, (sender, started)) = (CancellationToken::new(), std::sync::mpsc::channel());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { tidewatch::server::run(config, stop, move |run| sender.send(run.url.clone()).unwrap()).await }
    });
    let address = tokio::task::spawn_blocking(move || started.recv().unwrap()).await.unwrap();
    let client = reqwest::Client::new();
    let deadline = std::time::Instant::now() + super::PATIENCE;
    loop {
        let asked = client.get(format!("{address}/api/v1/state")).bearer_auth(crate::house::TOKEN).send().await;
        let state: Value = match asked {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        if state["epoch"] == 2 && last <= state["position"].as_u64().unwrap_or(0) {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "not rebuilt: {state}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(data.path().join("store.quarantine-1").exists());
    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_lost_after_the_first_check_is_found_by_the_next_one_and_the_store_rebuilt_by_itself() {
    let server = NatsServer::start();
    let (url, data) = (server.url(), tempfile::tempdir().unwrap());
    // what a day is in earnest
    let args = ["--no-demo", "--no-agent", "--audit-interval", "500ms"];
    let house = Plan::on(&url, data.path()).with_args(&args).failing("store::lost_row=1*return").open();
    let deadline = std::time::Instant::now() + super::PATIENCE;
    while house.metric("tidewatch_store_checks_total").await.is_none_or(|checks| checks < 1.0) {
        assert!(std::time::Instant::now() < deadline, "nobody adds up: {}", log_tail(data.path()));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(!data.path().join("store.quarantine-1").exists(), "the first check finds nothing: {}", log_tail(data.path()));
    let note = serde_json::json!({"source": "web-01", "level": "error", "message": "disk full"}).to_string();
    let last = Publisher::to(&url).await.send_all([("tw.in.log.web-01".to_owned(), note.into_bytes())]).await;
    while !data.path().join("store.quarantine-1").exists() {
        assert!(std::time::Instant::now() < deadline, "not found: {}", log_tail(data.path()));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let state = house.state_when("a new store", |state| state["epoch"] == 2 && Some(last) <= state["position"].as_u64()).await;
    assert_eq!(state["counts"]["applied"], 1, "the log brings the row back: {state}");
    assert!(log_tail(data.path()).contains("its rows do not add up"), "{}", log_tail(data.path()));
    assert_eq!(house.metric("tidewatch_store_quarantines_total").await, Some(1.0));
    assert_eq!(house.metric("tidewatch_panics_total").await, Some(0.0), "it is no fault of the program");
    assert!(house.stop().success());
}
