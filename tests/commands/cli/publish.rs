//! `publish` and `tap` against a real server, with and without a Tidewatch beside it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tidewatch::monitor::limits::MODELS_MAX;

use crate::house::Plan;
use crate::nats_server::NatsServer;

fn tidewatch(server: &NatsServer, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(arguments).args(["--nats-url", &server.url()]);
    command
}

fn publish(server: &NatsServer, arguments: &[&str], input: &str) -> Output {
    let mut command = tidewatch(server, &[&["publish", "--json"], arguments].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn told(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[tokio::test]
async fn a_record_that_the_stream_would_reject_is_not_sent_and_tells_all_that_is_wrong_with_it() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();

    let bad = r#"{"model":"m","confidence":93,"at":"soon"}"#;
    let refused = publish(&server, &["prediction", "checkout", bad], "");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let report = told(&refused);
    let pointers: Vec<&str> =
        report["faults"].as_array().unwrap().iter().filter_map(|fault| fault["pointer"].as_str()).collect();
    assert_eq!((pointers, &report["messages"]), (vec!["/confidence", "/at", "/prediction"], &json!(0)));

    let lines = "{\"model\":\"m\",\"prediction\":1}\n\n{\"model\":\"m\",\"prediction\":1,\"confidence\":2}\n{\"model\":\"m\",\"prediction\":2}\n";
    let partly = publish(&server, &["prediction", "checkout", "--ndjson", "--frame", "10"], lines);
    let report = told(&partly);
    assert_eq!(partly.status.code(), Some(1), "{partly:?}");
    assert_eq!((&report["messages"], &report["records"], &report["faulty"]), (&json!(1), &json!(3), &json!(1)), "{report}");
    assert_eq!((&report["faults"][0]["line"], &report["faults"][0]["pointer"]), (&json!(3), &json!("/confidence")));
    let state = house.applied(report["seq"].as_u64().unwrap()).await;
    assert_eq!((&state["counts"]["applied"], &state["counts"]["rejected"]), (&json!(2), &json!(0)), "{state}");

    let anyway = publish(&server, &["prediction", "checkout", "--unchecked", bad], "");
    assert_eq!(anyway.status.code(), Some(0), "{anyway:?}");
    let state = house.applied(told(&anyway)["seq"].as_u64().unwrap()).await;
    assert_eq!(state["counts"]["rejected"], 1);
    let listed = house.get("/api/v1/messages?rejected=true").await.unwrap();
    assert_eq!((&listed["items"][0]["source"], &listed["items"][0]["faulty"]), (&json!("checkout"), &json!(1)), "{listed}");
}

#[tokio::test]
async fn an_id_that_was_used_for_another_message_fails_and_a_repeat_is_told() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let _house = Plan::on(&server.url(), data.path()).open();
    let send = |record: &str| publish(&server, &["prediction", "p", "--id", "k-1", record], "");
    let first = send(r#"{"prediction":1}"#);
    assert_eq!((first.status.code(), &told(&first)["duplicates"]), (Some(0), &json!(0)), "{first:?}");
    let repeat = send(r#"{"prediction":1}"#);
    assert_eq!((repeat.status.code(), &told(&repeat)["duplicates"]), (Some(0), &json!(1)), "{repeat:?}");
    let other = send(r#"{"prediction":2}"#);
    assert_eq!(other.status.code(), Some(1), "{other:?}");
    assert!(String::from_utf8_lossy(&other.stderr).contains("k-1"), "{other:?}");
}

#[tokio::test]
async fn a_csv_file_becomes_predictions_with_scores_and_features() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    let file = data.path().join("scored.csv");
    std::fs::write(
        &file,
        "prediction_id,model,label,p,amount,actual\n1,fraud,yes,0.9,12.5,yes\n2,fraud,no,0.2,7,yes\n3,fraud,no,87,1,no\n",
    )
    .unwrap();
    let arguments = [
        "prediction",
        "batch",
        "--csv",
        file.to_str().unwrap(),
        "--map",
        "prediction=label,score=p",
        "--positive",
        "yes",
        "--frame",
        "2",
    ];
    let sent = publish(&server, &arguments, "");
    let report = told(&sent);
    assert_eq!(sent.status.code(), Some(1), "{sent:?}");
    assert_eq!(
        (&report["faulty"], &report["faults"][0]["pointer"], &report["faults"][0]["line"]),
        (&json!(1), &json!("/scores/yes"), &json!(4))
    );
    let state = house.applied(report["seq"].as_u64().unwrap()).await;
    assert_eq!(
        (&state["models"]["fraud"]["predictions"], &state["models"]["fraud"]["labelled"]),
        (&json!(2), &json!(2)),
        "{state}"
    );
}

#[test]
fn a_mapping_that_names_no_field_or_one_twice_is_refused_with_what_there_is() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("scored.csv");
    std::fs::write(&file, "prediction,label,p\nyes,no,0.9\n").unwrap();
    for (map, complaint) in [
        ("predicton=label", "`predicton` is no field; there are prediction_id, model,"),
        ("prediction=labl", "names no column; there are prediction, label, p"),
        ("prediction=label", "columns \"prediction\" and \"label\" both hold `prediction`"),
    ] {
        let sent = publish(&server, &["prediction", "batch", "--csv", file.to_str().unwrap(), "--map", map], "");
        let told = String::from_utf8(sent.stderr).unwrap();
        assert!(!sent.status.success() && told.contains(complaint), "{map}: {told}");
    }
}

#[test]
fn a_tap_shows_what_passes_and_what_is_wrong_with_it() {
    let server = NatsServer::start();
    let mut tap = tidewatch(&server, &["tap", "--rejected", "--count", "1", "--source", "checkout"]);
    let mut child = tap.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    assert!(line.contains("listening"), "{line}");
    // a tap hears what is published whether it is stored or not: without a stream nothing is
    while child.try_wait().unwrap().is_none() {
        publish(&server, &["prediction", "other", "--unchecked", r#"{"prediction":[]}"#], "");
        publish(&server, &["prediction", "checkout", "--unchecked", r#"{"prediction":1,"confidence":93}"#], "");
    }
    let seen = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(seen.contains("✗ prediction checkout") && seen.contains("/confidence: must be in 0 to 1, not 93"), "{seen}");
    assert!(!seen.contains("other"), "{seen}");
}

#[tokio::test]
async fn a_name_that_finds_no_room_is_told_to_whoever_publishes_it_over_nats() {
    let server = NatsServer::start();
    let data = tempfile::tempdir().unwrap();
    let house = Plan::on(&server.url(), data.path()).open();
    let name = |number: usize| format!("{{\"model\":\"m{number}\",\"prediction\":1}}\n");
    let names: String = (0..MODELS_MAX).map(name).collect();
    let on = ["--data", data.path().to_str().unwrap()];
    let all = publish(&server, &[&["prediction", "crowd", "--ndjson", "--frame", "10000"], &on[..]].concat(), &names);
    assert_eq!(all.status.code(), Some(0), "{all:?}");
    house.applied(told(&all)["seq"].as_u64().unwrap()).await;

    let known = publish(&server, &[&["prediction", "honest"], &on[..], &[name(7).trim()]].concat(), "");
    let report = told(&known);
    assert_eq!((known.status.code(), &report["applied"], &report["refused"]), (Some(0), &json!(true), &json!(0)), "{known:?}");

    let one_more = publish(&server, &[&["prediction", "honest"], &on[..], &[name(MODELS_MAX).trim()]].concat(), "");
    let report = told(&one_more);
    assert_eq!(
        (one_more.status.code(), &report["messages"], &report["refused"]),
        (Some(1), &json!(1), &json!(1)),
        "{one_more:?}"
    );
    assert_eq!(
        (&report["faults"][0]["seq"], &report["faults"][0]["reason"]),
        (&report["seq"], &json!("too_many_models")),
        "{report}"
    );
    assert!(String::from_utf8_lossy(&one_more.stderr).contains("1 stored records on tw.in.prediction.honest were refused"));

    // whoever has no right to ask the process is told nothing, and not kept
    let alone = publish(&server, &["prediction", "honest", "--data", "/nonexistent", name(MODELS_MAX + 1).trim()], "");
    assert_eq!((alone.status.code(), &told(&alone)["applied"]), (Some(0), &Value::Null), "{alone:?}");
}
