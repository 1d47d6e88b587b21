//! `tidewatch detect` as notebooks and build pipelines meet it.

use crate::golden;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Runs the real binary over `input`, by file or by pipe: the answer is the same.
fn detect(arguments: &[&str], input: &str) -> Output {
    let run = |file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
        command.arg("detect").args(arguments).arg(file);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // it may have ended already, on a wrong parameter
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), input).unwrap();
    let (by_pipe, by_file) = (run("-"), run(file.path().to_str().unwrap()));
    assert_eq!((by_pipe.status, &by_pipe.stdout), (by_file.status, &by_file.stdout));
    by_file
}

fn answer(output: &Output) -> Value {
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let path = format!("{}/schemas/detection.v1.schema.json", env!("CARGO_MANIFEST_DIR"));
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    if let Err(error) = jsonschema::validator_for(&schema).unwrap().validate(&answer) {
        panic!("{error}: {answer}");
    }
    answer
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A stream of the golden file as text, a value each.
fn values(golden: &Value, stream: &str) -> Vec<String> {
    match &golden["streams"][stream]["values"] {
        Value::String(bits) => bits.chars().map(String::from).collect(),
        numbers => numbers.as_array().unwrap().iter().map(Value::to_string).collect(),
    }
}

#[test]
fn the_answer_is_that_of_river_in_every_format() {
    let golden = golden::values("stream_detectors.json");
    for (detector, stream, params) in [
        ("ADWIN", "normal_mean_step", &[][..]),
        ("PageHinkley", "error_gradual", &["--param", "alpha=0.99", "--param", "threshold=8"]),
        ("DDM", "error_gradual", &[]),
        ("EDDM", "error_step_0.1_0.3", &["--param", "warm_start=10"]),
        ("HDDM_W", "error_gradual", &["--param", "two_sided_test=true"]),
    ] {
        let given = params.iter().filter_map(|param| param.split_once('='));
        let given: serde_json::Map<String, Value> =
            given.map(|(name, value)| (name.to_owned(), serde_json::from_str(value).unwrap())).collect();
        let same = |result: &&Value| {
            let params = result["params"].as_object().unwrap();
            result["detector"] == detector
                && result["stream"] == stream
                && params.len() == given.len()
                && params.iter().all(|(name, value)| given[name].as_f64() == value.as_f64() || given[name] == *value)
        };
        let wanted = golden["results"].as_array().unwrap().iter().find(same).unwrap();
        let values = values(&golden, stream);
        let csv: String = values.iter().enumerate().map(|(index, value)| format!("{index},{value},\"a, b\"\n")).collect();
        let lines: String = values.iter().map(|value| format!("{{\"value\":{value},\"model\":\"fraud\"}}\n")).collect();
        let plain = values.join("\n");
        let base = ["--json", "--detector", detector];
        for (name, column, input) in [
            ("plain", &[][..], plain),
            ("csv", &["--column", "value"], format!("index,value,note\n{csv}")),
            ("json lines", &["--column", "value"], lines),
        ] {
            let arguments: Vec<&str> = [&base, params, column].concat();
            let output = detect(&arguments, &input);
            assert!(output.status.success(), "{}", complaint(&output));
            let answer = answer(&output);
            assert_eq!(answer["drift"], wanted["drift"], "{detector} from {name}");
            assert_eq!(answer["values"], values.len());
            if let Some(ranges) = wanted.get("warning_ranges") {
                assert_eq!(&answer["warning"], ranges, "{detector} from {name}");
            }
        }
    }
}

#[test]
fn a_gate_fails_on_drift_and_only_then() {
    let still = "0.5\n".repeat(200);
    let steps = format!("{still}{}", "9.5\n".repeat(200));
    let gate = ["--detector", "adwin", "--fail-on", "drift"];
    assert_eq!(detect(&gate, &still).status.code(), Some(0));
    let output = detect(&gate, &steps);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("drifts 1 time(s)"), "{}", complaint(&output));
    let table = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(table.starts_with("adwin: 1 drift(s) in 400 values, 0 missing\n"), "{table}");
    assert!(table.lines().nth(2).unwrap().ends_with("  drift"), "{table}");
    assert_eq!(detect(&gate[..2], &steps).status.code(), Some(0), "drift is an answer, not a failure, unless asked");
}

#[test]
fn a_record_without_a_value_still_counts_in_the_index() {
    let input = "error\n0\n\n".to_owned() + &"NaN\n".repeat(50) + &"false\n".repeat(150) + &"true\n".repeat(100);
    let answer = answer(&detect(&["--json", "--detector", "ddm"], &input));
    assert_eq!((&answer["values"], &answer["missing"]), (&json!(301), &json!(50)));
    assert!(201 <= answer["drift"][0].as_u64().unwrap(), "{answer}");
}

#[test]
fn a_wrong_word_ends_with_2_and_says_what_there_is() {
    for (arguments, input, wanted) in [
        (&["--detector", "adwim"][..], "1", "there are adwin, page_hinkley"),
        (&["--detector", "ddm", "--param", "delta=1"], "1", "it has warm_start, warning_threshold, drift_threshold"),
        (&["--detector", "adwin", "--param", "delta=2"], "1", "takes a number above 0 and below 1, not `2`"),
        (&["--detector", "adwin", "--param", "delta"], "1", "takes NAME=VALUE"),
        (&["--detector", "adwin", "--column", "c"], "a,b\n1,2\n", "no column `c`; there are a, b"),
        (&["--detector", "adwin"], "{\"a\":1,\"b\":2}", "choose one with --column: there are a, b"),
        (&["--detector", "adwin", "--column", "a"], "1\n2\n", "plain values"),
    ] {
        let output = detect(arguments, input);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", complaint(&output));
        assert!(complaint(&output).contains(wanted), "{arguments:?}: {}", complaint(&output));
    }
}

#[test]
fn what_is_no_value_is_named_by_its_line() {
    for (detector, input, wanted) in [
        ("adwin", "a,b\n1,2\n1,x\n", "line 3: `x` is not a number"),
        ("adwin", "\n{\"b\":1}\n{\"b\":[1]}\n", "line 3: [1] is not a number"),
        ("adwin", "{\"b\":1}\n{\"b\":\n", "line 2 is not a JSON object"),
        ("ddm", "0\n1\n0.5\n", "line 3: 0.5 is neither 0 (right) nor 1 (an error), which is all ddm takes"),
        ("adwin", "1\n1e300\n", "line 2: 1"),
        ("adwin", "\n\n", "holds no value"),
    ] {
        let column = if input.contains('b') { &["--column", "b"][..] } else { &[] };
        let output = detect(&[&["--detector", detector], column].concat(), input);
        assert_eq!(output.status.code(), Some(1), "{input:?}: {}", complaint(&output));
        assert!(complaint(&output).contains(wanted), "{input:?}: {}", complaint(&output));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tidewatch")).args(["detect", "--detector", "adwin", "/nowhere"]).output();
    assert!(complaint(&output.unwrap()).contains("cannot read /nowhere"));
}

#[test]
fn the_help_lists_every_detector_with_its_parameters_and_defaults() {
    let output = Command::new(env!("CARGO_BIN_EXE_tidewatch")).args(["detect", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for detector in ["adwin", "page_hinkley", "ddm", "eddm", "hddm_a", "hddm_w", "fhddm", "kswin", "cusum", "e_detector"] {
        assert!(help.contains(&format!("\n  {detector}  ")), "{detector}: {help}");
    }
    assert!(help.contains("delta=0.002 clock=32 max_buckets=5 min_window_length=5 grace_period=10 reset=true"), "{help}");
}
