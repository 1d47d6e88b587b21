//! Commands that talk to a running process.

use std::fmt::Write as _;

use super::{complaint, json, tidewatch, tidewatch_with};
use crate::house::{House, Plan, TOKEN};

/// Minutes of predictions that have their labels, and one late enough to close their windows.
async fn with_models() -> (tempfile::TempDir, House) {
    let data = tempfile::tempdir().unwrap();
    let house = Plan::alone(data.path()).open();
    let mut records = String::new();
    // what ended minutes ago is stale, so the last of them is of a minute before now
    let began_at = jiff::Timestamp::now().as_second() / 60 * 60 - 660;
    for (model, wrong_every) in [("good", 1_000), ("bad", 2)] {
        for at in 0..240 {
            let actual = if at % wrong_every == 0 { "no" } else { "yes" };
            writeln!(
                records,
                r#"{{"model":"{model}","prediction":"yes","actual":"{actual}","confidence":0.9,"response_time":0.25,"timestamp":{}}}"#,
                began_at + at
            )
            .unwrap();
        }
        writeln!(records, r#"{{"model":"{model}","prediction":"yes","timestamp":{}}}"#, began_at + 600).unwrap();
    }
    let path = "/api/v1/publish/prediction/tests?wait=applied";
    let client = reqwest::Client::new();
    let request = client.post(format!("{}{path}", house.url)).bearer_auth(TOKEN).header("Content-Type", "application/x-ndjson");
    let answer = request.body(records).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    (data, house)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_with_the_code_of_the_status_and_one_line_of_figures() {
    let (data, house) = with_models().await;
    let directory = data.path().to_str().unwrap();
    let token = [("TIDEWATCH_TOKEN", TOKEN)];
    let bad = tidewatch_with(&["check", "bad", "--data", directory], &token);
    let line = String::from_utf8(bad.stdout.clone()).unwrap();
    assert_eq!(bad.status.code(), Some(2), "{line}");
    assert!(line.starts_with("CRITICAL - bad is critical (accuracy ") && line.lines().count() == 1, "{line}");
    assert!(line.contains(" | ") && line.contains("predictions=241c"), "{line}");

    let told = json(&tidewatch_with(&["check", "bad", "--data", directory, "--json"], &token));
    assert_eq!((told["exit"].as_u64(), told["status"].as_str()), (Some(2), Some("critical")));

    // the address and a token in place of the directory; a model that is not critical
    let good = tidewatch(&["check", "good", "--url", &house.url, "--token", TOKEN]);
    assert!([Some(0), Some(1)].contains(&good.status.code()), "{good:?}");
    let absent = tidewatch(&["check", "nobody", "--url", &house.url, "--token", TOKEN]);
    assert_eq!(absent.status.code(), Some(3), "{absent:?}");
    let refused = tidewatch(&["check", "good", "--url", &house.url, "--token", "wrong"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_and_status_tell_what_the_process_knows() {
    let (data, house) = with_models().await;
    let of_house = |arguments: &[&str]| {
        let output =
            tidewatch_with(&[arguments, &["--data", data.path().to_str().unwrap()]].concat(), &[("TIDEWATCH_TOKEN", TOKEN)]);
        assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
        output
    };
    let listed = json(&of_house(&["models", "--sort", "accuracy", "--json"]));
    let names: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bad", "good"]);
    let page = String::from_utf8(of_house(&["models", "--status", "critical"]).stdout).unwrap();
    assert!(page.contains("\nbad ") && !page.contains("\ngood "), "{page}");

    let process = json(&of_house(&["status", "--json"]));
    assert_eq!(process["counts"]["applied"], 482);
    assert_eq!(process["models"]["critical"], 1);
    let model = String::from_utf8(of_house(&["status", "bad"]).stdout).unwrap();
    assert!(model.contains("bad: critical") && model.contains("because"), "{model}");

    // without a terminal, one screen
    let screen = String::from_utf8(of_house(&["top"]).stdout).unwrap();
    assert!(screen.contains("2 models, 1 critical") && screen.contains("\nbad "), "{screen}");

    // the doctor asks the process where it listens, and not at the address of a process that nobody has told otherwise
    let report = json(&of_house(&["doctor", "--json"]));
    let port = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "http port").unwrap();
    assert!(port["found"].as_str().unwrap().ends_with("is ours: the process is up"), "{port}");
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_variable_is_told_by_a_command_that_asks_the_process() {
    let (data, house) = with_models().await;
    let data = data.path().to_str().unwrap();
    let output = tidewatch_with(&["models", "--data", data], &[("TIDEWATCH_TOKEN", TOKEN), ("TIDEWATCH_LISEN", "t")]);
    assert!(complaint(&output).contains("did you mean TIDEWATCH_LISTEN?"), "{}", complaint(&output));
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_this_machine_is_not_sent_to_another() {
    let (data, house) = with_models().await;
    // the directory of the process, but another address: its token is not for whoever listens there
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_tidewatch"))
        .args(["models", "--url", "http://127.0.0.1:9"])
        .env_remove("TIDEWATCH_TOKEN")
        .current_dir(data.path().parent().unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("needs a token"), "{}", complaint(&output));
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_tells_how_much_it_went_through() {
    let (data, house) = with_models().await;
    assert!(house.stop().success());
    let output = tidewatch(&["rebuild", "--data", data.path().to_str().unwrap(), "--nats-port", "0", "--json"]);
    assert!(output.status.success(), "{}", complaint(&output));
    let told = json(&output);
    assert_eq!(told["records"], 482, "{told}");
    assert!(told["messages"].as_u64().is_some_and(|messages| 0 < messages), "{told}");
}
