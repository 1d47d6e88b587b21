//! The command line as its users and their scripts meet it: help, exit codes, JSON.

use std::process::{Command, Output};

fn tidewatch(arguments: &[&str]) -> Output {
    tidewatch_with(arguments, &[])
}

fn tidewatch_with(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TIDEWATCH_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(env.iter().copied()).output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn every_command_explains_itself_with_examples() {
    let commands =
        ["up", "demo", "detect", "doctor", "rebuild", "token", "publish", "evaluate", "drift", "streams", "failpoints"]
            .map(|command| vec![command]);
    for mut arguments in commands.into_iter().chain([vec!["config", "show"], vec![]]) {
        arguments.push("--help");
        let output = tidewatch(&arguments);
        assert!(output.status.success(), "{arguments:?}");
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Examples:\n  ") && help.contains("tidewatch "), "{arguments:?}: {help}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["upp"][..], &["up", "--listen"], &["up", "--listen", "nowhere"], &["publish", "tick", "a", "{}"]] {
        assert_eq!(tidewatch(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let both = tidewatch(&["up", "--nats-url", "nats://a", "--nats-port", "0"]);
    assert_eq!(both.status.code(), Some(2), "{}", complaint(&both));
}

#[test]
fn a_bad_configuration_ends_with_3_and_names_the_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tidewatch.toml");
    std::fs::write(&file, "root = 'tw'\nlisen = '127.0.0.1:0'\n").unwrap();
    let output = tidewatch(&["up", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let complaint = complaint(&output);
    assert!(complaint.contains("tidewatch.toml:2: unknown key `lisen`; did you mean `listen`?"), "{complaint}");

    let output = tidewatch_with(&["config", "show"], &[("TIDEWATCH_NATS_PORT", "many")]);
    assert_eq!(output.status.code(), Some(3));
    assert!(self::complaint(&output).contains("TIDEWATCH_NATS_PORT: `nats_port` takes a port"));

    assert_eq!(tidewatch(&["up", "--config", "/nowhere/tidewatch.toml"]).status.code(), Some(3));
}

#[test]
fn the_configuration_in_effect_is_shown_with_its_origin_and_without_its_secrets() {
    let env = [("TIDEWATCH_TOKEN", "canary-canary-canary"), ("TIDEWATCH_LISTEN", "127.0.0.1:9")];
    let output = tidewatch_with(&["config", "show", "--json", "--root", "other"], &env);
    let shown = json(&output);
    let row = |key: &str| shown["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(
        (row("listen")["value"].as_str(), row("listen")["origin"].as_str()),
        (Some("127.0.0.1:9"), Some("TIDEWATCH_LISTEN"))
    );
    assert_eq!((row("root")["value"].as_str(), row("root")["origin"].as_str()), (Some("other"), Some("--root")));
    assert_eq!(row("durability")["origin"], "default");
    for form in [output, tidewatch_with(&["config", "show"], &env)] {
        assert!(!String::from_utf8_lossy(&form.stdout).contains("canary"));
    }
}

#[test]
fn the_crash_points_are_listed_for_machines() {
    let listed = json(&tidewatch(&["failpoints", "--json"]));
    let names = listed["failpoints"].as_array().unwrap();
    assert!(names.iter().any(|name| name == "store.committed"), "{names:?}");
    assert_eq!(listed["built_in"], cfg!(feature = "failpoints"));
}

#[test]
fn without_nats_publishing_ends_with_4() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    // Port 9 is "discard": nobody speaks NATS there.
    let output = tidewatch(&["publish", "prediction", "a", "{}", "--data", data, "--nats-url", "nats://127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(4), "{}", complaint(&output));
    let output = tidewatch(&["publish", "prediction", "a", "{}", "--data", data]);
    assert_eq!(output.status.code(), Some(4), "{}", complaint(&output));
}

#[test]
fn without_a_process_a_command_says_how_to_start_one() {
    let data = tempfile::tempdir().unwrap();
    let output = tidewatch(&["token", "--data", data.path().to_str().unwrap(), "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("tidewatch up"), "{}", complaint(&output));
}

#[test]
fn the_doctor_gives_a_line_for_each_check_and_the_same_to_machines() {
    let data = tempfile::tempdir().unwrap();
    let flags = ["doctor", "--data", data.path().to_str().unwrap(), "--listen", "127.0.0.1:0", "--nats-port", "0"];
    let report = json(&tidewatch(&[&flags[..], &["--json"]].concat()));
    let checks = report["checks"].as_array().unwrap();
    assert!(5 < checks.len());
    assert!(checks.iter().all(|check| check["verdict"] == "ok" || check["mend"].is_string()), "{checks:?}");
    let page = String::from_utf8(tidewatch(&flags).stdout).unwrap();
    assert_eq!(page.lines().count(), checks.len(), "{page}");
}
