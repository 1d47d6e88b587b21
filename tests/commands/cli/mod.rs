//! The command line as its users and their scripts meet it: help, exit codes, JSON.

mod publish;
mod running;

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

/// The commands that the help of a command lists.
fn commands_of(help: &str) -> Vec<&str> {
    let listed = help.split_once("Commands:\n").and_then(|(_, commands)| commands.split_once("\n\n"));
    let names = listed.map_or("", |(commands, _)| commands).lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").collect()
}

#[test]
fn every_command_and_what_is_below_it_explains_itself_with_examples() {
    let (mut next, mut seen) = (vec![Vec::<String>::new()], 0);
    while let Some(command) = next.pop() {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let output = tidewatch(&arguments);
        assert!(output.status.success(), "{command:?}");
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.contains("Examples:\n  ") && help.contains("tidewatch "), "{command:?}: {help}");
        next.extend(commands_of(&help).into_iter().map(|name| [command.as_slice(), &[name.to_owned()]].concat()));
        seen += 1;
    }
    assert!(30 <= seen, "{seen} commands");
}

#[test]
fn the_help_of_a_command_offers_only_what_means_something_to_it() {
    let help = |command: &str| String::from_utf8(tidewatch(&[command, "--help"]).stdout).unwrap();
    for (command, foreign) in [
        ("publish", ["--listen", "--demo", "--cache-bytes", "--nats-port"]),
        ("demo", ["--listen", "--agent", "--cache-bytes", "--nats-port"]),
        ("tap", ["--listen", "--demo", "--cache-bytes", "--nats-port"]),
        ("rebuild", ["--listen", "--demo", "--agent", "--websockets-max"]),
        ("doctor", ["--demo", "--agent", "--cache-bytes", "--log-format"]),
        ("up", ["--json", "--url", "--token-file", "--status"]),
        ("man", ["--json", "--url", "--listen", "--data"]),
    ] {
        let help = help(command);
        for flag in foreign {
            assert!(!help.contains(&format!("{flag} ")) && !help.contains(&format!("{flag}\n")), "{command} {flag}: {help}");
        }
    }
    assert!(help("models").contains("--json") && help("publish").contains("--nats-url"));
}

#[test]
fn every_setting_is_a_flag_but_the_token_which_others_would_see() {
    let shown = json(&tidewatch(&["config", "show", "--json"]));
    let help = String::from_utf8(tidewatch(&["up", "--help"]).stdout).unwrap();
    let keys = shown["settings"].as_array().unwrap().iter().map(|setting| setting["key"].as_str().unwrap());
    let without: Vec<&str> = keys.filter(|key| !help.contains(&format!("--{} ", key.replace('_', "-")))).collect();
    assert_eq!(without, ["token"]);
}

#[test]
fn the_version_tells_the_commit_where_there_is_one() {
    let version = json(&tidewatch(&["version", "--json"]));
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let commit = version["commit"].as_str();
    assert!(commit.is_none_or(|commit| 7 <= commit.len() && commit.bytes().all(|byte| byte.is_ascii_hexdigit())), "{version}");
    let told = String::from_utf8(tidewatch(&["--version"]).stdout).unwrap();
    assert!(commit.is_none_or(|commit| told.contains(commit)), "{told}");
}

#[test]
fn shells_complete_every_command_and_the_manual_has_a_page_for_each() {
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(tidewatch(&["completions", shell]).stdout).unwrap();
        assert!(script.contains("check") && script.contains("nats-url"), "{shell}");
    }
    let page = String::from_utf8(tidewatch(&["man", "check"]).stdout).unwrap();
    assert!(page.starts_with(".ie") || page.contains(".TH"), "{page}");
    assert!(page.contains("performance data"), "{page}");
    let directory = tempfile::tempdir().unwrap();
    assert!(tidewatch(&["man", "--out", directory.path().to_str().unwrap()]).status.success());
    assert!(directory.path().join("tidewatch-check.1").is_file() && directory.path().join("tidewatch.1").is_file());
    assert_eq!(tidewatch(&["man", "fly"]).status.code(), Some(2));
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let output = tidewatch(&["up", "--listen", &address, "--data", data.path().to_str().unwrap(), "--nats-port", "0"]);
    assert_eq!(output.status.code(), Some(1));
    let complaint = complaint(&output);
    assert!(complaint.contains(&format!("{address} is in use")) && complaint.contains("--listen"), "{complaint}");
}

#[test]
fn a_check_that_cannot_be_made_is_unknown_and_never_critical() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let nobody = ["check", "fraud", "--url", "http://127.0.0.1:9", "--token", "t"];
    for arguments in [&["check"][..], &["check", "fraud", "--colour"], &["check", "fraud", "--data", data], &nobody] {
        assert_eq!(tidewatch(arguments).status.code(), Some(3), "{arguments:?}");
    }
    let line = String::from_utf8(tidewatch(&nobody).stdout).unwrap();
    assert!(line.starts_with("UNKNOWN - ") && line.lines().count() == 1, "{line}");
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
    assert!(complaint.contains("tidewatch.toml:2:1: unknown key `lisen`; did you mean `listen`?"), "{complaint}");

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
    assert!(checks.iter().all(|check| check["verdict"] == "ok" || check["fix"].is_string()), "{checks:?}");
    let page = String::from_utf8(tidewatch(&flags).stdout).unwrap();
    assert_eq!(page.lines().count(), checks.len(), "{page}");
}
