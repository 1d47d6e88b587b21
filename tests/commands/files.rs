//! Files as people bring them: every form says the same, and what is not used is said. Inputs in `tests/data/reports` are cases that were
//! reported.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn tidewatch(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // it may have ended already, having seen enough
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", complaint(output)))
}

fn reported(file: &str) -> String {
    format!("{}/tests/data/reports/{file}", env!("CARGO_MANIFEST_DIR"))
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The exit code of a gate, its answer and its complaint.
fn gate(reference: &str, current: &str) -> (i32, Value, String) {
    let arguments = ["drift", "--reference", reference, "--current", current, "--fail-on", "drift", "--json"];
    let output = tidewatch(&arguments, b"");
    (output.status.code().unwrap(), answer(&output), complaint(&output))
}

/// Every pair both ways.
#[track_caller]
fn assert_gate(reference: &str, current: &str, wanted: i32) -> Value {
    let (code, ..) = gate(current, reference);
    assert_eq!(code, wanted, "{current} {reference}");
    let (code, report, told) = gate(reference, current);
    assert_eq!(code, wanted, "{reference} {current}: {told}");
    report
}

fn evaluate(file: &str) -> (Value, String) {
    let output = tidewatch(&["evaluate", file, "--json"], b"");
    (answer(&output), complaint(&output))
}

#[test]
fn text_that_reads_as_numbers_is_numbers_on_both_sides() {
    for (csv, json) in [("side_a.csv", "side_b.jsonl"), ("smallest.csv", "smallest.jsonl"), ("prices.csv", "prices.jsonl")] {
        let path = |file| reported(&format!("text-and-numbers/{file}"));
        let report = assert_gate(&path(csv), &path(json), 0);
        for (column, tests) in report["columns"].as_object().unwrap() {
            assert!(tests["missing"].is_null(), "{column}: {tests}");
            for (test, verdict) in tests.as_object().unwrap() {
                // of a constant no distance in deviations is known
                assert!(matches!(verdict["statistic"].as_f64(), Some(0.0) | None), "{column} {test}: {verdict}");
            }
        }
    }
    let folder = Folder::new();
    let eighty = folder.file("a.csv", "port\n80\n80\n80\n80\n");
    let other = folder.file("b.jsonl", "{\"port\":\"81\"}\n".repeat(4));
    assert_gate(&eighty, &other, 1);
}

#[test]
fn single_precision_is_no_drift_and_what_is_finer_is() {
    for pair in ["constant_{}.csv", "whole_{}.csv", "sum_{}.csv", "{}.csv", "confidence_{}.jsonl"] {
        let path = |side| reported(&format!("single-precision/{}", pair.replace("{}", side)));
        let report = assert_gate(&path("reference"), &path("current"), 0);
        for (column, tests) in report["columns"].as_object().unwrap() {
            for test in ["ks", "psi", "jensen_shannon"].iter().filter(|test| tests[**test].is_object()) {
                assert_eq!(tests[test]["statistic"], 0.0, "{pair} {column} {test}");
            }
        }
    }
    let path = |side| reported(&format!("single-precision/offset_{side}.csv"));
    assert_gate(&path("reference"), &path("current"), 1);
    let folder = Folder::new();
    let (above, below) = (
        folder.file("a.csv", "x\n".to_owned() + &"0.7\n".repeat(40)),
        folder.file("b.csv", "x\n".to_owned() + &"0.69\n".repeat(40)),
    );
    assert_gate(&above, &below, 1);
}

#[test]
fn every_usual_separator_and_way_of_writing_numbers_is_read() {
    for (pair, column, drifted) in [
        ("{}.csv", "age", 1),
        ("tab_{}.csv", "age", 1),
        ("pipe_{}.csv", "age", 1),
        ("decimal_comma_{}.csv", "age", 1),
        ("thousands_{}.csv", "income", 1),
    ] {
        let path = |side| reported(&format!("separators/{}", pair.replace("{}", side)));
        let report = assert_gate(&path("reference"), &path("current"), drifted);
        let distance = report["columns"][column]["ks"]["statistic"].as_f64().unwrap();
        assert!((distance - 2.0 / 3.0).abs() < 0.02, "{pair}: {distance}");
        assert_eq!(report["decisions"][column]["drift"], true);
    }
    let folder = Folder::new();
    let semicolons =
        folder.file("a.csv", "\u{feff}sum;note\r\n1.234,50;\"a;b\"\r\n2,5;c\r\n1.000.000,25;\"say \"\"x\"\"\"\r\n");
    let commas = folder.file("b.csv", "sum,note\n1234.5,a;b\n2.5,c\n1000000.25,\"say \"\"x\"\"\"\n");
    let report = assert_gate(&semicolons, &commas, 0);
    assert_eq!(report["columns"]["sum"]["ks"]["statistic"], 0.0);
    assert_eq!(report["columns"]["note"]["psi"]["statistic"], 0.0);
    let told = folder.file("c.csv", "sep=|\nsum|note\n1234.5|a;b\n2.5|c\n1000000.25|say \"x\"\n");
    assert_gate(&told, &commas, 0);
}

#[test]
fn a_gate_that_compared_too_little_is_no_pass() {
    let path = |side| reported(&format!("separators/only_ids_{side}.csv"));
    let (code, report, told) = gate(&path("reference"), &path("current"));
    assert_eq!((code, &report["compared"]), (1, &json!(0)), "{told}");
    assert!(told.contains("nothing was compared"), "{told}");
    let folder = Folder::new();
    let one = folder.file("a.csv", "a,b,c\n1,2,3\n4,5,6\n");
    let other = folder.file("b.csv", "a,y,z\n1,2,3\n4,5,6\n");
    let (code, _, told) = gate(&one, &other);
    assert!(code == 1 && told.contains("less than half was compared: 1 of 5 columns"), "{told}");
    let plain = tidewatch(&["drift", "--reference", &one, "--current", &other], b"");
    assert!(plain.status.success(), "without a gate it is an answer");
    let missing = "x\n1\nNA\nNA\nNA\n";
    let output = tidewatch(&["detect", "--detector", "adwin", "--fail-on", "drift", "-"], missing.as_bytes());
    assert!(output.status.code() == Some(1) && complaint(&output).contains("1 of 4 records"), "{}", complaint(&output));
}

#[test]
fn what_a_file_holds_is_found_from_all_of_it() {
    let detector = ["detect", "--detector", "page_hinkley", "--param", "min_instances=3", "--param", "delta=0"];
    let detect = |file: &str, more: &[&str]| {
        let file = reported(&format!("first-record/{file}"));
        let settings = ["--param", "threshold=2", "--param", "alpha=1", "--json", &file];
        tidewatch(&[&detector[..], &settings, more].concat(), b"")
    };
    let found = answer(&detect("losses.jsonl", &["--column", "loss"]));
    assert_eq!((&found["values"], &found["missing"], &found["drift"]), (&json!(12), &json!(2), &json!([9])));
    assert_eq!(answer(&detect("two_columns.jsonl", &["--column", "loss"]))["drift"], json!([8]));
    assert_eq!(answer(&detect("empty_first.jsonl", &[]))["drift"], json!([8]));
    let unnamed = detect("two_columns.jsonl", &[]);
    assert!(unnamed.status.code() == Some(2) && complaint(&unnamed).contains("choose one"), "{}", complaint(&unnamed));
    let (_, report, _) = gate(&reported("first-record/events_reference.jsonl"), &reported("first-record/events_current.jsonl"));
    let columns: Vec<&String> = report["columns"].as_object().unwrap().keys().collect();
    assert_eq!(columns, ["prediction", "x"]);
}

#[test]
fn a_class_called_none_is_a_class_and_an_empty_cell_is_none() {
    for (file, accuracy, n) in [
        ("answers_none.csv", 0.7, 10),
        ("answers_none.jsonl", 0.7, 10),
        ("never_answers_none.csv", 0.6, 10),
        ("never_answers_none.jsonl", 0.6, 10),
        ("na.csv", 0.6, 5),
        ("predicted.csv", 2.0 / 3.0, 3),
        ("empty.csv", 1.0, 2),
    ] {
        let (evaluation, told) = evaluate(&reported(&format!("class-none/{file}")));
        let found = &evaluation["metrics"]["accuracy"];
        assert!((found["value"].as_f64().unwrap() - accuracy).abs() < 1e-12 && found["n"] == n, "{file}: {found}");
        assert_eq!(told.contains("rows is a class"), file.ends_with(".csv") && file != "empty.csv", "{file}: {told}");
    }
    let (evaluation, told) = evaluate_text("y_pred,y_true\n1.5,1.25\n2.5,NA\n3.5,3.25\n");
    assert_eq!(evaluation["metrics"]["mae"]["n"], 2);
    assert!(told.contains("\"NA\" in 1 rows is taken for no value"), "{told}");
}

fn evaluate_text(text: &str) -> (Value, String) {
    let output = tidewatch(&["evaluate", "-", "--json"], text.as_bytes());
    (answer(&output), complaint(&output))
}

#[test]
fn probabilities_that_rounding_took_beyond_the_bounds_count_as_the_bounds() {
    for file in ["fasttext.csv", "fasttext.jsonl"] {
        let (evaluation, _) = evaluate(&reported(&format!("rounding/{file}")));
        for (metric, wanted) in [("accuracy", 5.0 / 6.0), ("roc_auc", 1.0), ("brier", 0.1009), ("log_loss", 0.280_155_652_357)]
        {
            let found = evaluation["metrics"][metric]["value"].as_f64().unwrap();
            assert!((found - wanted).abs() < 1e-9, "{file} {metric}: {found}");
        }
    }
    for file in ["score.csv", "per_class.csv", "below_zero.jsonl", "confidence.jsonl"] {
        assert!(evaluate(&reported(&format!("rounding/{file}"))).0["metrics"]["accuracy"]["value"].is_number(), "{file}");
    }
    let output = tidewatch(&["evaluate", &reported("rounding/too_far.jsonl")], b"");
    assert!(!output.status.success() && complaint(&output).contains("1 of 2 records"), "{}", complaint(&output));
    let output = tidewatch(&["evaluate", "-"], b"prediction,actual,score\n1,1,1.00002\n");
    assert!(complaint(&output).contains("no probability"), "{}", complaint(&output));
}

/// The same table of three columns in every form.
fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let rows: Vec<(u32, f64, &str)> =
        (0..300).map(|row| (row, f64::from(row % 17) / 4.0, ["a", "b", "None"][row as usize % 3])).collect();
    let delimited = |separator: char| {
        rows.iter().fold(format!("id{separator}x{separator}kind\r\n"), |text, (id, x, kind)| {
            text + &format!("r{id}{separator}{x}{separator}{kind}\r\n")
        })
    };
    let csv = delimited(',');
    let objects: Vec<Value> = rows.iter().map(|(id, x, kind)| json!({"id": format!("r{id}"), "x": x, "kind": kind})).collect();
    let lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let wide = |bytes: fn(u16) -> [u8; 2], mark: bool| -> Vec<u8> {
        let mark = if mark { Some(0xfeff) } else { None };
        mark.into_iter().chain(csv.encode_utf16()).flat_map(bytes).collect()
    };
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(csv.as_bytes()).unwrap();
    vec![
        ("tabs", delimited('\t').into_bytes()),
        ("semicolons", delimited(';').into_bytes()),
        ("a byte order mark", format!("\u{feff}{csv}").into_bytes()),
        ("UTF-16 LE", wide(u16::to_le_bytes, true)),
        ("UTF-16 BE", wide(u16::to_be_bytes, true)),
        ("UTF-16 without a mark", wide(u16::to_le_bytes, false)),
        ("gzip", zipped.finish().unwrap()),
        ("zstd", zstd::encode_all(csv.as_bytes(), 1).unwrap()),
        ("gzip of JSON Lines", {
            let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            zipped.write_all(lines.as_bytes()).unwrap();
            zipped.finish().unwrap()
        }),
        ("JSON Lines", lines.into_bytes()),
        ("a JSON array", Value::Array(objects).to_string().into_bytes()),
        ("CSV", csv.into_bytes()),
    ]
}

#[test]
fn every_form_of_a_file_says_the_same_by_name_and_on_standard_input() {
    let folder = Folder::new();
    let forms = forms();
    let plain = folder.file("plain.csv", &forms.last().unwrap().1);
    for (form, bytes) in &forms {
        let path = folder.file("form", bytes);
        for (file, input) in [(path.as_str(), &b""[..]), ("-", bytes)] {
            let output = tidewatch(&["drift", "--reference", &plain, "--current", file, "--json"], input);
            let report = answer(&output);
            assert_eq!(report["rows"]["current"], 300, "{form}");
            assert_eq!(report["columns"]["x"]["ks"]["statistic"], 0.0, "{form}");
            assert_eq!(report["columns"]["kind"]["psi"]["statistic"], 0.0, "{form}: {}", complaint(&output));
            assert!(report["columns"]["kind"]["missing"]["drift"] != true, "{form}");
            assert_eq!(report["compared"], 2, "{form}");
        }
    }
}

/// A file in `tests/data/tables`.
fn table(name: &str) -> String {
    format!("{}/tests/data/tables/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn parquet_and_arrow_hold_what_the_same_table_holds_as_csv() {
    let csv = table("flat.csv");
    let expected = answer(&tidewatch(&["evaluate", &csv, "--json"], b""));
    for name in ["nested.parquet", "nested.feather", "nested.arrows"] {
        let file = table(name);
        for (given, input) in [(file.as_str(), Vec::new()), ("-", std::fs::read(&file).unwrap())] {
            let output = tidewatch(&["drift", "--reference", &csv, "--current", given, "--json"], &input);
            let report = answer(&output);
            assert_eq!(report["rows"], json!({"reference": 300, "current": 300}), "{name}");
            for column in ["x", "id", "price", "day", "kind", "flag", "text", "prediction", "actual"] {
                let decision = &report["decisions"][column];
                assert_eq!(decision["compared"], true, "{name} {column}: {}", complaint(&output));
                assert_eq!((&decision["psi"], &decision["missing_change"]), (&json!(0.0), &json!(0.0)), "{name} {column}");
            }
            let remarks = report["remarks"].to_string();
            assert!(remarks.contains("holds lists and is not compared"), "{name}: {remarks}");
            let evaluation = answer(&tidewatch(&["evaluate", given, "--json"], &input));
            assert_eq!(evaluation["metrics"], expected["metrics"], "{name}");
        }
        let detected = answer(&tidewatch(&["detect", "--detector", "adwin", "--column", "x", &file, "--json"], b""));
        assert_eq!((&detected["values"], &detected["missing"]), (&json!(300), &json!(30)), "{name}");
        let refused = tidewatch(&["detect", "--detector", "adwin", "--column", "list", &file], b"");
        assert_eq!(refused.status.code(), Some(2), "{name}");
        assert!(complaint(&refused).contains("column `list` holds lists"), "{name}: {}", complaint(&refused));
    }
}

#[test]
fn an_instant_is_the_same_in_every_spelling() {
    let folder = Folder::new();
    let spelt = |at: &str, local: &str, day: &str, time: &str| {
        let rows = format!("{at},{local},{day},{time}\n").repeat(60);
        format!("at,local,day,time\n{rows}")
    };
    let pandas =
        folder.file("a.csv", spelt("2026-03-01 03:30:15.500000+00:00", "2026-03-01 03:30:15", "2026-03-01", "03:30:15.500000"));
    for (name, at, local, day, time) in [
        ("b.csv", "2026-03-01T03:30:15.5Z", "2026-03-01T03:30:15", "2026-03-01T00:00:00", "03:30:15.5"),
        ("c.csv", "2026-03-01T12:30:15.500+09:00", "2026-03-01 03:30:15.000", "2026-03-01 00:00:00", "03:30:15.500"),
        ("d.csv", "2026-03-01 03:30:15.50 UTC", "2026-03-01T03:30:15.0", "2026-03-01", "03:30:15.50"),
    ] {
        assert_gate(&pandas, &folder.file(name, spelt(at, local, day, time)), 0);
    }
    let later = folder.file("e.csv", spelt("2026-03-01T03:30:16Z", "2026-03-01 03:30:15", "2026-03-01", "03:30:15.5"));
    assert_gate(&pandas, &later, 1);
}

#[test]
fn quotes_may_follow_blanks_and_names_of_columns_have_any_case() {
    let (report, told) = evaluate_text("\"Prediction\" , \"ACTUAL\"\n\"a, b\" , \"a, b\"\nc, \"d\"\n");
    assert_eq!(
        (&report["metrics"]["accuracy"]["n"], &report["metrics"]["accuracy"]["value"]),
        (&json!(2), &json!(0.5)),
        "{told}"
    );
    let (report, told) = evaluate_text("prediction,actual,note\na,a, say \"hi\" there\nb,a, \"so\" it is\nb,b, \"open\n");
    assert_eq!(report["metrics"]["accuracy"]["n"], 3, "{told}");
    let (_, told) = evaluate_text("prediction,truth\na,a\n");
    assert!(told.contains("no column holds labels") && told.contains("prediction, truth"), "{told}");
}

#[test]
fn features_in_a_structure_are_those_of_json_records() {
    let folder = Folder::new();
    let record = |n: usize| {
        json!({"prediction_id": n, "features": {"amount": n % 7}, "prediction": "a", "scores": {"a": 0.5}}).to_string()
    };
    let events = folder.file("a.jsonl", (0..80).map(record).collect::<Vec<_>>().join("\n"));
    let rows: String = (0..80).map(|n| format!("{n},{},a,0.5\n", n % 7)).collect();
    let table = folder.file("b.csv", format!("prediction_id,features.amount,prediction,scores.a\n{rows}"));
    let report = assert_gate(&events, &table, 0);
    let columns: Vec<&String> = report["columns"].as_object().unwrap().keys().collect();
    assert_eq!(columns, ["amount", "prediction", "scores.a"]);
}

#[test]
fn what_is_not_read_is_refused_with_the_way_out() {
    let folder = Folder::new();
    let good = folder.file("good.csv", "a\n1\n");
    for (bytes, told) in [
        (&b"PK\x03\x04whatever"[..], "a zip archive or a workbook"),
        (b"BZh9whatever", "compressed by bzip2"),
        (b"a,b\n1,caf\xe9\n", "line 2 is not UTF-8"),
        (b"a,b\n1,2\n3\n", "line 3 has 1 fields and the header 2"),
        (b"{\"a\":1}\n{\"a\":\n", "line 2 is not a JSON object"),
        (b"", "holds no record"),
        (b"a,b\r1,2\r3,4\r", "carriage returns alone"),
        (b"\x1f\x8bnot really", "cannot read"),
        (b"PAR1 not really", "cannot read"),
        (b"ARROW1 not really", "cannot read"),
        (b"FEA1whatever", "the first version of Feather"),
        (b"ORC whatever", "an ORC file"),
    ] {
        let file = folder.file("bad", bytes);
        let output = tidewatch(&["drift", "--reference", &good, "--current", &file], b"");
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(complaint(&output).contains(told), "{told}: {}", complaint(&output));
    }
}

#[test]
fn cells_that_are_not_used_are_counted_with_the_first_of_them() {
    let folder = Folder::new();
    let mut text = "x\n".to_owned() + &(0..100).map(|row| format!("{row}\n")).collect::<String>();
    let plain = folder.file("plain.csv", &text);
    text.push_str("n.a.\nNA\n?\n");
    let odd = folder.file("odd.csv", &text);
    let (_, report, told) = gate(&plain, &odd);
    let remarks = report["remarks"].as_array().unwrap();
    let of = |what: &str| remarks.iter().find(|remark| remark["what"].as_str().unwrap().contains(what)).unwrap();
    assert_eq!(of("no numbers")["cells"], 2);
    assert!(of("no numbers")["what"].as_str().unwrap().contains("the first \"n.a.\" at line or element 102"), "{told}");
    assert_eq!(of("\"NA\" 1 times")["cells"], 1);
}

#[test]
fn a_record_may_be_longer_than_a_block_and_hold_line_breaks() {
    let folder = Folder::new();
    let long = "word \n".repeat(400_000);
    let text = (0..60)
        .fold("note,x\n".to_owned(), |text, row| text + &format!("\"{}\",{row}\n", if row == 30 { &long } else { "a,\nb" }));
    let file = folder.file("long.csv", &text);
    let report = assert_gate(&file, &file, 0);
    assert_eq!(report["rows"], json!({"reference": 60, "current": 60}));
    assert_eq!(report["columns"]["x"]["ks"]["statistic"], 0.0);
    assert!(Path::new(&file).metadata().unwrap().len() > 2 << 20);
}
