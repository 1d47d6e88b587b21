//! `tidewatch drift` and `tidewatch evaluate` as notebooks and CI meet them: the real program over golden inputs, in every form of
//! file.

use crate::golden;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

fn tidewatch(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that has seen enough closes its end; what it then says is what counts.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// What the command prints with `--json`, once it fits its schema.
#[track_caller]
fn answer(schema: &str, arguments: &[&str], input: &str) -> Value {
    let output = tidewatch(&[arguments, &["--json"]].concat(), input);
    assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
    let answer = serde_json::from_slice(&output.stdout).unwrap();
    let schema = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{schema}.v1.schema.json")));
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    if let Err(error) = jsonschema::draft202012::new(&schema).unwrap().validate(&answer) {
        panic!("{error} at {}", error.instance_path());
    }
    answer
}

fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn digits(value: &Value) -> Vec<String> {
    value.as_str().unwrap().chars().map(String::from).collect()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|item| item.as_f64().unwrap()).collect()
}

/// 10⁻⁹ relative plus 10⁻¹² absolute, the tolerance of the golden values.
#[track_caller]
fn assert_close(name: &str, got: &Value, wanted: &Value) {
    match (got.as_f64(), wanted.as_f64()) {
        (Some(got), Some(wanted)) => {
            assert!((got - wanted).abs() <= 1e-9 * wanted.abs() + 1e-12, "{name}: {got} instead of {wanted}");
        }
        _ => assert_eq!(got, wanted, "{name}"),
    }
}

#[track_caller]
fn assert_metrics(evaluation: &Value, wanted: &[(&str, &Value)]) {
    for (name, wanted) in wanted {
        let got = &evaluation["metrics"][name];
        assert!(got.is_object(), "no {name}");
        assert_close(name, &got["value"], wanted);
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn column(name: &str, values: &Value) -> String {
    values.as_array().unwrap().iter().fold(format!("{name}\n"), |mut text, value| {
        writeln!(text, "{value}").unwrap();
        text
    })
}

fn lines(records: impl IntoIterator<Item = Value>) -> String {
    records.into_iter().fold(String::new(), |mut text, record| {
        writeln!(text, "{record}").unwrap();
        text
    })
}

fn drift(folder: &Folder, reference: &str, current: &str) -> Value {
    let reference = folder.file("reference", reference);
    answer("drift_report", &["drift", "--reference", &reference, "--current", "-"], current)["columns"].take()
}

#[test]
fn numeric_drift_is_golden_from_csv_and_from_prediction_events() {
    let folder = Folder::new();
    for case in golden::cases("drift_numeric.json") {
        println!("{}", case["name"]);
        let events = |values: &Value| {
            lines(values.as_array().unwrap().iter().map(|value| json!({"features": {"f0": value}, "prediction": 1})))
        };
        let from_csv = drift(&folder, &column("f0", &case["reference"]), &column("f0", &case["current"]));
        let from_events = drift(&folder, &events(&case["reference"]), &events(&case["current"]));
        for (tests, name) in [(&from_csv, "csv"), (&from_events, "events")] {
            println!("{name}");
            let tests = &tests["f0"];
            assert_close("ks", &tests["ks"]["statistic"], &case["ks"]["statistic"]);
            assert_close("ks p", &tests["ks"]["p_value"], &case["ks"]["pvalue_auto"]);
            assert_close("wasserstein", &tests["wasserstein"]["statistic"], &case["wasserstein_1_over_ref_std_ddof0"]);
            assert_distances(tests, &case["quantile10"]);
        }
        assert_eq!(from_csv["f0"]["ks"]["threshold"], 0.05);
        assert_eq!(from_events["prediction"]["psi"]["statistic"], 0.0);
    }
}

#[track_caller]
fn assert_distances(tests: &Value, wanted: &Value) {
    for (test, name) in [
        ("psi", "psi_zero_to_1e-4"),
        ("psi_add_half", "psi_add_half"),
        ("jensen_shannon", "js_distance_base2"),
        ("jensen_shannon_nats", "js_distance_base_e"),
        ("hellinger", "hellinger"),
        ("total_variation", "total_variation"),
        ("l_infinity", "l_infinity"),
        ("kullback_leibler", "kl_ref_cur_zero_to_1e-4_renormalised"),
    ] {
        assert_close(test, &tests[test]["statistic"], &wanted[name]);
    }
}

#[test]
fn categorical_drift_is_golden_from_a_json_array() {
    let folder = Folder::new();
    for case in golden::cases("drift_categorical.json") {
        println!("{}", case["name"]);
        let records = |side: &str| {
            let counted = case["labels"].as_array().unwrap().iter().zip(case[side].as_array().unwrap());
            let each = counted.flat_map(|(label, count)| (0..count.as_u64().unwrap()).map(move |_| json!({"city": label})));
            Value::Array(each.collect()).to_string()
        };
        let tests = drift(&folder, &records("ref_counts"), &records("cur_counts"))["city"].take();
        assert_close("chi_square", &tests["chi_square"]["statistic"], &case["chi2_homogeneity"]["statistic"]);
        assert_close("chi_square p", &tests["chi_square"]["p_value"], &case["chi2_homogeneity"]["pvalue"]);
        assert_distances(&tests, &case);
        assert!(tests["ks"].is_null());
    }
}

#[test]
fn ci_fails_on_drift_and_only_on_drift() {
    let folder = Folder::new();
    let cases = golden::cases("drift_numeric.json");
    let case = |name: &str| cases.iter().find(|case| case["name"] == name).unwrap();
    for (name, drifts) in [("normal_same", false), ("normal_shift_0.5", true), ("normal_scale_2", true)] {
        let reference = folder.file("reference.csv", &column("x", &case(name)["reference"]));
        let current = folder.file("current.csv", &column("x", &case(name)["current"]));
        let arguments = ["drift", "--reference", &reference, "--current", &current];
        assert_eq!(tidewatch(&arguments, "").status.code(), Some(0), "{name}");
        for form in [&["--fail-on", "drift"][..], &["--fail-on", "drift", "--json"]] {
            let output = tidewatch(&[&arguments[..], form].concat(), "");
            assert_eq!(output.status.code(), Some(i32::from(drifts)), "{name}: {}", complaint(&output));
            assert_eq!(complaint(&output).contains("drift in x"), drifts, "{}", complaint(&output));
        }
    }
}

#[test]
fn odd_columns_give_announced_results() {
    let folder = Folder::new();
    let reference = "id,same,gone,full,mixed,odd\n".to_owned()
        + &(0..100).fold(String::new(), |text, row| text + &format!("r{row},7,1,{row},{row},{row}\n"));
    let current = "id,same,full,mixed,odd,new\n".to_owned()
        + &(0..80).fold(String::new(), |text, row| text + &format!("s{row},8,NA,x{},inf,a\n", row % 3));
    let reference = folder.file("reference.csv", &reference);
    let output = tidewatch(&["drift", "--reference", &reference, "--current", "-", "--json"], &current);
    let columns = serde_json::from_slice::<Value>(&output.stdout).unwrap()["columns"].take();
    let told = complaint(&output);
    for (column, remark) in [
        ("id", "names rows"),
        ("same", "one distinct value"),
        ("gone", "not in the current data"),
        ("full", "no value on one side"),
        ("mixed", "80 values that are no numbers"),
        ("odd", "80 values that are not finite"),
        ("new", "not in the reference"),
    ] {
        let known = |line: &str| line.contains(&format!("column {column:?}")) && line.contains(remark);
        assert!(told.lines().any(known), "{column}: {told}");
        assert!(columns[column].is_object(), "{column}");
    }
    assert_eq!(columns["id"], json!({}));
    assert_eq!(columns["same"]["psi"]["drift"], true, "a constant that moved up has drifted");
    assert!(columns["same"]["wasserstein"]["statistic"].is_null());
    for column in ["gone", "full", "new", "odd", "mixed"] {
        assert_eq!(columns[column]["missing"]["drift"], true, "{column}");
    }
    let page = String::from_utf8(tidewatch(&["drift", "--reference", &reference, "--current", "-"], &current).stdout).unwrap();
    assert!(page.ends_with("6 of 7 columns drifted\n"), "{page}");
}

#[test]
fn bins_that_are_empty_by_chance_are_no_drift() {
    let folder = Folder::new();
    let normal = |seed: u64, count: u64| {
        // sums of twelve hashed numbers, the same on every machine
        let part = |step: u64| (seed * 1_000_003 + step).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) % 10_000;
        (0..count).fold("x\n".to_owned(), |text, row| text + &format!("{}\n", (0..12).map(|i| part(12 * row + i)).sum::<u64>()))
    };
    for seed in 1..=40 {
        let columns = drift(&folder, &normal(seed, 12), &normal(seed + 100, 9));
        for test in ["psi", "kullback_leibler"] {
            let verdict = &columns["x"][test];
            assert_eq!(verdict["drift"], false, "{seed}: {verdict}");
        }
    }
}

#[test]
fn a_constant_is_no_evidence_however_many_rows_each_side_has() {
    let folder = Folder::new();
    let rows = |count: usize| "a,b\n".to_owned() + &"7,x\n".repeat(count);
    let columns = drift(&folder, &rows(500), &rows(40));
    for (column, tests) in columns.as_object().unwrap() {
        for (test, verdict) in tests.as_object().unwrap() {
            assert_eq!(verdict["drift"], false, "{column} {test}: {verdict}");
            assert!(verdict["p_value"].is_null() || verdict["p_value"] == 1.0, "{column} {test}: {verdict}");
        }
    }
}

#[test]
fn two_rows_and_one_category_are_no_drift() {
    let folder = Folder::new();
    let columns = drift(&folder, "a,b\n1,x\n2,x\n", "a,b\n1,x\n5,x\n");
    let verdicts = columns.as_object().unwrap().values().flat_map(|tests| tests.as_object().unwrap().values());
    assert!(verdicts.into_iter().all(|verdict| verdict["drift"] == false), "{columns}");
}

#[test]
fn binary_figures_are_golden_from_csv_and_from_events() {
    for case in golden::cases("classification_binary.json") {
        println!("{}", case["name"]);
        let (truths, scores) = (digits(&case["y_true"]), floats(&case["y_proba"]));
        let threshold = case["threshold"].as_f64().unwrap();
        let mut csv = "note,prediction,actual,score\n".to_owned();
        for (truth, score) in truths.iter().zip(&scores) {
            writeln!(csv, "\"a, b\",{},{truth},{score}", u8::from(threshold <= *score)).unwrap();
        }
        let names = |positive: bool| if positive { "yes" } else { "no" };
        let events = lines(truths.iter().zip(&scores).map(|(truth, score)| {
            json!({"prediction": names(threshold <= *score), "actual": names(truth == "1"), "scores": {"yes": score}, "at": "soon"})
        }));
        let wanted = [
            ("accuracy", &case["accuracy"]),
            ("balanced_accuracy", &case["balanced_accuracy"]),
            ("precision", &case["binary"]["precision"]),
            ("recall", &case["binary"]["recall"]),
            ("f1", &case["binary"]["f1"]),
            ("f1_macro", &case["macro"]["f1"]),
            ("f1_weighted", &case["weighted"]["f1"]),
            ("fpr", &case["fpr"]),
            ("fnr", &case["fnr"]),
            ("specificity", &case["tnr"]),
            ("mcc", &case["mcc"]),
            ("cohen_kappa", &case["cohen_kappa"]),
            ("roc_auc", &case["roc_auc"]),
            ("pr_auc", &case["average_precision"]),
            ("log_loss", &case["log_loss"]),
            ("brier", &case["brier"]),
            ("ece", &case["calibration_10_uniform"]["ece"]),
            ("mce", &case["calibration_10_uniform"]["mce"]),
        ];
        for (input, labels) in [(&csv, ["0", "1"]), (&events, ["no", "yes"])] {
            let evaluation = answer("evaluation", &["evaluate", "-"], input);
            assert_metrics(&evaluation, &wanted);
            assert_eq!(evaluation["confusion"]["labels"], json!(labels));
            let matrix = json!([[case["tn"], case["fp"]], [case["fn"], case["tp"]]]);
            assert_eq!(evaluation["confusion"]["matrix"], matrix);
            let counts = case["calibration_10_uniform"]["counts"].as_array().unwrap();
            let held: Vec<&Value> = counts.iter().filter(|count| **count != 0).collect();
            let bins = evaluation["calibration"].as_array().unwrap();
            assert_eq!(bins.iter().map(|bin| &bin["count"]).collect::<Vec<_>>(), held);
            // the other way round: what was a specificity is a recall
            let turned = answer("evaluation", &["evaluate", "-", "--positive", labels[0]], input);
            let wanted_of_the_other =
                [("accuracy", &case["accuracy"]), ("recall", &case["tnr"]), ("roc_auc", &case["roc_auc"])];
            if input == &events {
                assert_metrics(&turned, &wanted_of_the_other);
            }
        }
    }
}

#[test]
fn multiclass_and_regression_figures_are_golden() {
    for case in golden::cases("classification_multiclass.json") {
        let rows = case["proba"].as_array().unwrap();
        let records = digits(&case["y_true"]).into_iter().zip(rows).map(|(truth, row)| {
            let row = floats(row);
            let predicted = (0..row.len()).fold(0, |best, class| if row[best] < row[class] { class } else { best });
            let scores: serde_json::Map<String, Value> =
                row.iter().enumerate().map(|(class, score)| (class.to_string(), json!(score))).collect();
            json!({"prediction": predicted, "actual": truth, "scores": scores})
        });
        let evaluation = answer("evaluation", &["evaluate", "-"], &lines(records.clone()));
        let wanted = [
            ("accuracy", &case["accuracy"]),
            ("f1_macro", &case["macro"]["f1"]),
            ("precision_weighted", &case["weighted"]["precision"]),
            ("recall_micro", &case["micro"]["recall"]),
            ("mcc", &case["mcc"]),
            ("cohen_kappa", &case["cohen_kappa"]),
            ("log_loss", &case["log_loss"]),
            ("roc_auc_ovr_macro", &case["roc_auc_ovr_macro"]),
            ("roc_auc_ovr_weighted", &case["roc_auc_ovr_weighted"]),
            ("recall/1", &case["per_class"]["recall"][1]),
        ];
        assert_metrics(&evaluation, &wanted);
        assert_eq!(evaluation["confusion"]["matrix"], case["confusion_matrix_rows_true"]);
        let of_one = answer("evaluation", &["evaluate", "-", "--positive", "2"], &lines(records));
        let wanted = [("precision", &case["per_class"]["precision"][2]), ("f1", &case["per_class"]["f1"][2])];
        assert_metrics(&of_one, &wanted);
    }
    for case in golden::cases("regression.json") {
        println!("{}", case["name"]);
        let mut csv = "y_pred,y_true\n".to_owned();
        for (predicted, truth) in floats(&case["y_pred"]).iter().zip(floats(&case["y_true"])) {
            writeln!(csv, "{predicted},{truth}").unwrap();
        }
        let evaluation = answer("evaluation", &["evaluate", "-"], &csv);
        let wanted = [
            ("mae", &case["mae"]),
            ("mse", &case["mse"]),
            ("rmse", &case["rmse"]),
            ("mape", &case["mape_fraction"]),
            ("smape", &case["smape_percent_0_200"]),
            ("r2", &case["r2"]),
            ("bias", &case["bias_mean_pred_minus_true"]),
            ("max_error", &case["max_error"]),
            ("median_ae", &case["median_ae"]),
        ];
        assert_metrics(&evaluation, &wanted);
        assert!(evaluation["confusion"].is_null() && evaluation["calibration"] == json!([]));
    }
}

#[test]
fn ranking_is_exact_beyond_the_scores_that_a_window_keeps_apart() {
    // 4,000 distinct scores; a positive beats a negative unless both are of one block of two, which are the wrong way round.
    let records = (0..4_000_u32).map(|i| {
        let positive = i % 2 == 0;
        json!({"prediction": u8::from(2_000 <= i), "actual": u8::from(positive), "scores": {"1": f64::from(i) / 4_000.0}})
    });
    let evaluation = answer("evaluation", &["evaluate", "-"], &lines(records));
    // Positives at 0, 2, 4, …: the k-th of 2,000 beats k negatives, so the area is (0 + 1 + … + 1,999) / 2,000².
    let wanted = (1_999.0 * 2_000.0 / 2.0) / (2_000.0 * 2_000.0);
    assert_metrics(&evaluation, &[("roc_auc", &json!(wanted))]);
}

#[test]
fn records_that_cannot_be_read_end_with_1_and_their_line() {
    let folder = Folder::new();
    let good = folder.file("good.csv", "a\n1\n");
    for (arguments, input, told) in [
        (vec!["evaluate", "-"], "{\"prediction\":1,\"actual\":1}\n{\"actual\":1}\n", "line or element 2"),
        (vec!["evaluate", "-"], "prediction,actual,score\n1,1,1.5\n", "no probability"),
        (vec!["evaluate", "-", "--positive", "maybe"], "prediction,actual\nyes,no\n", "no class is called \"maybe\""),
        (vec!["evaluate", "-"], "prediction,actual,score\na,b,0.5\nc,a,0.1\n", "--positive"),
        (vec!["evaluate", "-"], "", "holds no record"),
        (vec!["evaluate", "/nowhere/at/all"], "", "/nowhere/at/all"),
        (vec!["drift", "--reference", &good, "--current", "-"], "{\"a\":1}\n{\"a\":\n", "line 2"),
        (vec!["drift", "--reference", &good, "--current", "-"], "a,b\n1,2\n1\n", "standard input"),
        (vec!["drift", "--reference", &good, "--current", "-"], "a,a\n1,2\n", "two columns are called \"a\""),
    ] {
        let output = tidewatch(&arguments, input);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", complaint(&output));
        assert!(complaint(&output).contains(told), "{arguments:?}: {}", complaint(&output));
    }
}

#[test]
fn wrong_usage_ends_with_2_and_help_shows_examples() {
    for arguments in [
        &["drift", "--reference", "a.csv"][..],
        &["drift", "--reference", "-", "--current", "-"],
        &["drift", "--reference", "a", "--current", "b", "--fail-on", "rain"],
        &["drift", "--reference", "a", "--current", "b", "--alpha", "1"],
        &["evaluate"],
    ] {
        assert_eq!(tidewatch(arguments, "").status.code(), Some(2), "{arguments:?}");
    }
    for command in ["drift", "evaluate"] {
        let help = String::from_utf8(tidewatch(&[command, "--help"], "").stdout).unwrap();
        assert!(help.contains("Examples:\n  tidewatch ") && help.contains("Exit codes:"), "{help}");
    }
}

#[test]
fn the_readme_shows_what_the_commands_say() {
    let folder = Folder::new();
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split("## On files\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let commands: Vec<Vec<&str>> = section
        .lines()
        .filter_map(|line| line.strip_prefix("    tidewatch "))
        .map(|line| line.split("  ").next().unwrap().split(' ').collect())
        .collect();
    assert!(commands.iter().any(|command| command[0] == "drift") && commands.iter().any(|command| command[0] == "retrain"));
    let rows = |rows: std::ops::Range<usize>| {
        rows.fold("x,kind,churned\n".to_owned(), |text, row| {
            let churned = if row * 7 % 11 < 5 { "yes" } else { "no" };
            text + &format!("{}.5,{},{churned}\n", row + row * 7 % 11, ["a", "b"][row % 2])
        })
    };
    folder.file("train.csv", &rows(0..600));
    folder.file("today.csv", &rows(0..600));
    folder.file("test.csv", &rows(700..1_000));
    folder.file("new.csv", &rows(1_000..1_010));
    folder.file("history.csv", &rows(0..9_100));
    folder.file("predictions.csv", "prediction,actual,score\nfraud,fraud,0.9\nfine,fine,0.2\nfraud,fine,0.6\n");
    folder.file("losses.csv", &(0..200).fold("loss\n".to_owned(), |text, row| text + ["0\n", "1\n"][usize::from(100 < row)]));
    for command in commands {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
        let output = program.args(&command).current_dir(folder.0.path()).output().unwrap();
        assert!(output.status.success(), "{command:?}: {}", complaint(&output));
    }
}

/// Rows of `prediction` and `actual` as a file of lines, values as JSON has them.
fn pairs(rows: &[(Value, Value)]) -> String {
    lines(rows.iter().map(|(prediction, actual)| json!({"prediction": prediction, "actual": actual})))
}

fn accuracy_of(evaluation: &Value) -> (f64, u64) {
    let accuracy = &evaluation["metrics"]["accuracy"];
    (accuracy["value"].as_f64().unwrap(), accuracy["n"].as_u64().unwrap())
}

#[test]
fn codes_and_words_in_one_column_are_names() {
    let cases = [
        (
            "prediction,actual\nok,ok\nok,ok\ntimeout,ok\ntimeout,timeout\n404,404\n404,404\n503,404\n503,503\n404,503\n503,503\n",
            (0.7, 10),
        ),
        ("prediction,actual\nok,ok\n503,404\n", (0.5, 2)),
        ("prediction,actual\nsmall,small\n1.5,1.5\n2.5,1.5\n2.5,2.5\n", (0.75, 4)),
    ];
    for (csv, wanted) in cases {
        let evaluation = answer("evaluation", &["evaluate", "-"], csv);
        assert_eq!(accuracy_of(&evaluation), wanted, "{csv}");
        assert_eq!((&evaluation["task"], &evaluation["remarks"]), (&json!("classification"), &json!([])));
    }
    let mixed = pairs(&[
        (json!("ok"), json!("ok")),
        (json!("timeout"), json!("ok")),
        (json!(404), json!(404)),
        (json!(503), json!(404)),
        (json!(503), json!(503)),
        (json!(503), json!(503)),
    ]);
    assert_eq!(accuracy_of(&answer("evaluation", &["evaluate", "-"], &mixed)), (4.0 / 6.0, 6));
}

#[test]
fn numbers_are_classes_for_who_says_so_and_else_compared_aloud() {
    let codes: Vec<(Value, Value)> = [401, 403, 401, 403, 404, 403, 404, 404, 401, 403]
        .into_iter()
        .zip([401, 401, 401, 403, 403, 403, 404, 404, 404, 404])
        .map(|(answer, actual)| (json!(answer), json!(actual)))
        .collect();
    let evaluation = answer("evaluation", &["evaluate", "-", "--positive", "403"], &pairs(&codes));
    assert_eq!(accuracy_of(&evaluation), (0.6, 10));
    assert_metrics(&evaluation, &[("precision", &json!(0.5)), ("recall", &json!(2.0 / 3.0))]);
    assert_eq!(evaluation["confusion"], json!({"labels": ["401", "403", "404"], "matrix": [[2, 1, 0], [0, 2, 1], [1, 1, 2]]}));
    assert_eq!(accuracy_of(&answer("evaluation", &["evaluate", "-", "--task", "classification"], &pairs(&codes))), (0.6, 10));
    let compared = answer("evaluation", &["evaluate", "-"], &pairs(&codes));
    assert_eq!((accuracy_of(&compared), &compared["task"]), ((1.0, 10), &json!("regression")));
    assert!(compared["remarks"][0].as_str().unwrap().contains("within 10 %"), "{compared}");
    let years: Vec<(Value, Value)> =
        (0..40).map(|year| (json!(if year % 4 == 0 { year + 1 } else { year }), json!(year))).collect();
    let evaluation = answer("evaluation", &["evaluate", "-", "--positive", "7"], &pairs(&years));
    assert_eq!(accuracy_of(&evaluation), (0.75, 40));
}

#[test]
fn a_stray_word_among_numbers_is_left_out_and_said() {
    for stray in ["inf", "#DIV/0!", "n/a", "-", "NaN"] {
        let mut csv = "prediction,actual\n".to_owned();
        for i in 0..100 {
            let _ = writeln!(csv, "{},{}", f64::from(i) + 0.5, f64::from(i) * 1.25 + 1.0);
        }
        let clean = answer("evaluation", &["evaluate", "-"], &csv);
        let _ = writeln!(csv, "{stray},7.25");
        let stained = tidewatch(&["evaluate", "-", "--json"], &csv);
        // a word for "nothing" may be a missing prediction, which the reader of the file refuses with its place
        if !stained.status.success() {
            assert!(complaint(&stained).contains("line"), "{stray}: {}", complaint(&stained));
            continue;
        }
        let stained: Value = serde_json::from_slice(&stained.stdout).unwrap();
        assert_eq!((&stained["task"], &stained["metrics"]["mae"]), (&json!("regression"), &clean["metrics"]["mae"]), "{stray}");
        assert!(
            stained["remarks"].as_array().unwrap().iter().any(|remark| remark.as_str().unwrap().contains(stray)),
            "{stained}"
        );
    }
}

#[test]
fn numbers_in_quotes_and_scores_without_a_class_are_read_from_json_as_from_a_table() {
    let rows: Vec<(f64, &str, f64)> =
        (0..60).map(|i| (f64::from(i) + 0.5, ["no", "yes"][i as usize % 2], f64::from(i * 7 % 60) / 60.0)).collect();
    let (mut table, mut numbers, mut quoted) = ("prediction,actual,score,latency_ms\n".to_owned(), Vec::new(), Vec::new());
    for (ms, actual, score) in &rows {
        let _ = writeln!(table, "yes,{actual},{score},{ms}");
        numbers.push(json!({"prediction": "yes", "actual": actual, "Score": score, "latency_ms": ms}));
        quoted.push(json!({"prediction": "yes", "actual": actual, "score": score.to_string(), "latency_ms": ms.to_string()}));
    }
    let [table, numbers, quoted] =
        [table, lines(numbers), lines(quoted)].map(|text| answer("evaluation", &["evaluate", "-", "--positive", "yes"], &text));
    assert!(table["metrics"]["roc_auc"]["value"].is_number());
    assert_eq!((&numbers["metrics"], &quoted["metrics"]), (&table["metrics"], &table["metrics"]));
    assert_eq!(quoted["remarks"][0], "120 probabilities and times are numbers in quotes: they are read as numbers");

    let quantities =
        |value: fn(f64) -> Value| pairs(&rows.iter().map(|(x, _, y)| (value(*x), value(*x + *y))).collect::<Vec<_>>());
    let [bare, quoted] = [quantities(|x| json!(x)), quantities(|x| json!(x.to_string()))]
        .map(|text| answer("evaluation", &["evaluate", "-"], &text));
    assert_eq!((&quoted["metrics"], &quoted["task"]), (&bare["metrics"], &json!("regression")));
    assert!(quoted["remarks"].to_string().contains("120 predictions and labels are numbers in quotes"), "{quoted}");
    let codes = pairs(&[(json!("1"), json!("2")), (json!("2"), json!("2"))]);
    let evaluation = answer("evaluation", &["evaluate", "-"], &codes);
    assert_eq!(
        (accuracy_of(&evaluation), &evaluation["task"]),
        ((0.5, 2), &json!("classification")),
        "quotes make names of codes"
    );
    let percent = tidewatch(&["evaluate", "-"], &lines([json!({"prediction": "yes", "actual": "no", "score": "93"})]));
    assert!(complaint(&percent).contains("93 is no probability between 0 and 1"), "{}", complaint(&percent));
}

#[test]
fn a_column_that_looks_like_a_score_is_one_if_there_is_such_a_class() {
    let rows = [("yes", "yes", 0.9), ("no", "no", 0.2), ("yes", "no", 0.6), ("no", "yes", 0.4)];
    let mut table = "prediction,actual,proba_yes,proba_no,score_fico\n".to_owned();
    let mut records = Vec::new();
    for (i, (prediction, actual, score)) in rows.iter().enumerate() {
        let _ = writeln!(table, "{prediction},{actual},{score},{},{}", 1.0 - score, 600 + i);
        records.push(json!({"prediction": prediction, "actual": actual, "proba_yes": score, "proba_no": 1.0 - score, "score_fico": 600 + i}));
    }
    for text in [table, lines(records)] {
        let evaluation = answer("evaluation", &["evaluate", "-"], &text);
        assert_eq!(evaluation["metrics"]["roc_auc"]["value"], 0.75, "{text}");
        let said = r#"a column is of "fico", which is neither predicted nor true: it is no probability, and left alone"#;
        assert_eq!(evaluation["remarks"], json!([said]), "{text}");
    }
    let mut quantities = "prediction,actual,score_fico\n".to_owned();
    for i in 0..10_000 {
        let _ = writeln!(quantities, "{},{},{}", f64::from(i) + 0.25, f64::from(i) * 1.01, 300 + i % 500);
    }
    assert_eq!(answer("evaluation", &["evaluate", "-"], &quantities)["task"], "regression", "however many values there are");
    let spelt = tidewatch(&["evaluate", "-"], "prediction,actual,score\nYES,yes,0.9\nno,no,0.2\n");
    assert!(complaint(&spelt).contains(r#""YES" and "yes": they differ only in case"#), "{}", complaint(&spelt));
    let percent = tidewatch(&["evaluate", "-"], "prediction,actual,proba_yes\nyes,yes,93\nno,no,20\n");
    assert!(complaint(&percent).contains("line 2: yes: 93 is no probability"), "{}", complaint(&percent));
}

#[test]
fn a_hundred_codes_are_all_compared_once_it_is_known_that_they_are_classes() {
    let folder = Folder::new();
    // codes from 1064 on are predicted wrongly
    let row = |i: usize| match i % 10 {
        0 => "ok,ok\n".to_owned(),
        _ => {
            let code = 1_000 + i % 100;
            format!("{},{code}\n", if 1_064 <= code { 1_000 } else { code })
        }
    };
    let rows: String = (0..1_000).map(row).collect();
    let right = (0..1_000).filter(|i| i % 10 == 0 || i % 100 < 64).count() as f64 / 1_000.0;
    let file = folder.file("codes.csv", &format!("prediction,actual\n{rows}"));
    assert_eq!(accuracy_of(&answer("evaluation", &["evaluate", &file], "")), (right, 1_000));
    let fractions: String = (0..900).map(|i| format!("{0},{0}\n", 0.5 + (i % 100) as f64)).collect();
    let file = folder.file("fractions.csv", &format!("prediction,actual\n{fractions}"));
    assert_eq!(accuracy_of(&answer("evaluation", &["evaluate", &file, "--task", "classification"], "")), (1.0, 900));
}

#[test]
fn scores_of_classes_that_are_numbers_are_found_by_their_number() {
    let folder = Folder::new();
    for (zero, one) in [("0", "1"), ("0.0", "1.0"), ("404", "500")] {
        let rows: String = (0..40)
            .map(|i| {
                format!("{},{},{},{}\n", if i % 2 == 0 { one } else { zero }, if i % 4 == 0 { zero } else { one }, 0.3, 0.7)
            })
            .collect();
        let file = folder.file("scored.csv", &format!("prediction,actual,proba_{zero},proba_{one}\n{rows}"));
        let evaluation = answer("evaluation", &["evaluate", &file, "--task", "classification"], "");
        // three of four are of the second class, which has probability 0.7: by hand
        let log_loss = -(0.75 * 0.7_f64.ln() + 0.25 * 0.3_f64.ln());
        assert_close("log_loss", &evaluation["metrics"]["log_loss"]["value"], &json!(log_loss));
        assert_close("brier", &evaluation["metrics"]["brier"]["value"], &json!(0.75 * 0.09 + 0.25 * 0.49));
        assert_eq!(evaluation["remarks"], json!([]));
    }
}

#[test]
fn of_two_columns_for_one_field_the_events_own_name_is_read_and_the_other_named() {
    let folder = Folder::new();
    let file = folder.file("two.csv", "label,y_pred,actual\na,a,b\na,a,a\nb,b,a\nb,b,b\n");
    let evaluation = answer("evaluation", &["evaluate", &file], "");
    assert_eq!(accuracy_of(&evaluation), (0.5, 4));
    let said = evaluation["remarks"][0].as_str().unwrap();
    assert!(said.contains("\"actual\" is read, \"label\" is left alone"), "{said}");
}

#[test]
fn records_without_a_label_are_counted_in_a_remark() {
    let folder = Folder::new();
    let file = folder.file("some.csv", "prediction,actual\na,a\nb,\na,b\nb,\n");
    let evaluation = answer("evaluation", &["evaluate", &file], "");
    assert_eq!(accuracy_of(&evaluation), (0.5, 2));
    assert!(evaluation["remarks"][0].as_str().unwrap().starts_with("2 of 4 records have no `actual`"), "{evaluation}");
}

#[test]
fn rare_categories_that_were_all_replaced_are_drift() {
    let folder = Folder::new();
    let dates = |month: usize| -> String { (0..100).map(|i| format!("2026-{month:02}-{:02}\n", 1 + i % 28)).collect() };
    let file = |name: &str, month| folder.file(name, &format!("day\n{}", dates(month)));
    let (january, february) = (file("january.csv", 1), file("february.csv", 2));
    for (current, drifts) in [(&february, true), (&january, false)] {
        let output = tidewatch(&["drift", "--reference", &january, "--current", current, "--fail-on", "drift"], "");
        assert_eq!(output.status.code(), Some(i32::from(drifts)), "{}", complaint(&output));
    }
}

#[test]
fn more_classes_than_there_is_room_for_are_said_and_never_taken_for_one() {
    let all = 1_200;
    let text = lines((0..2 * all).map(
        |i| json!({"prediction": format!("c{}", i % all), "actual": format!("c{}", if i < all { i } else { (i + 1) % all })}),
    ));
    let evaluation = answer("evaluation", &["evaluate", "-"], &text);
    assert_eq!(accuracy_of(&evaluation), (1_024.0 / 2_047.0, 2_047));
    let said = evaluation["remarks"][0].as_str().unwrap();
    assert!(said.starts_with("352 of 2,400 predictions are of classes beyond the first 1,024: c1024, c1025"), "{said}");
    assert_eq!(evaluation["confusion"]["labels"].as_array().unwrap().len(), 256);
    assert_eq!(evaluation["confusion"]["left_out"], 1_024 - 256);
}

#[test]
fn ratings_are_quantities_for_who_says_so() {
    let ratings: Vec<(Value, Value)> = (0..30).map(|i| (json!(1 + i % 5), json!(1 + i % 3))).collect();
    let evaluation = answer("evaluation", &["evaluate", "-", "--task", "regression"], &pairs(&ratings));
    assert_eq!((&evaluation["task"], &evaluation["metrics"]["mae"]["n"]), (&json!("regression"), &json!(30)));
    assert_eq!(answer("evaluation", &["evaluate", "-"], &pairs(&ratings))["task"], "classification");
    let output = tidewatch(&["evaluate", "-", "--task", "regression", "--positive", "1"], &pairs(&ratings));
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("--task regression"), "{}", complaint(&output));
}

#[test]
fn an_interval_that_cannot_hold_is_not_given_and_says_why() {
    let equal = pairs(&[(json!(2.5), json!(1.5)), (json!(2.5), json!(1.5))]);
    let mae = answer("evaluation", &["evaluate", "-"], &equal)["metrics"]["mae"].take();
    assert_eq!(mae, json!({"value": 1.0, "low": null, "high": null, "n": 2, "why": "too_few_rows"}));
    let alike: Vec<(Value, Value)> = (0..50).map(|i| (json!(f64::from(i) + 0.5), json!(f64::from(i) - 0.5))).collect();
    assert_eq!(answer("evaluation", &["evaluate", "-"], &pairs(&alike))["metrics"]["mae"]["why"], "no_spread");
    let mut far: Vec<(Value, Value)> = (0..50).map(|i| (json!(f64::from(i) * 0.3), json!(f64::from(i) * 0.7))).collect();
    far.push((json!(1e160), json!(-1e160)));
    let evaluation = answer("evaluation", &["evaluate", "-"], &pairs(&far));
    assert_eq!((&evaluation["metrics"]["mse"]["value"], &evaluation["metrics"]["rmse"]["value"]), (&Value::Null, &Value::Null));
    assert_close("mae", &evaluation["metrics"]["mae"]["value"], &json!(2e160 / 51.0));
    for (rows, why) in [(50, "too_few_rows"), (300, "heavy_tails")] {
        let mut far: Vec<(Value, Value)> = (0..rows).map(|i| (json!(f64::from(i) * 0.3), json!(f64::from(i) * 0.7))).collect();
        far.push((json!(1e6), json!(0.5)));
        let heavy = answer("evaluation", &["evaluate", "-"], &pairs(&far));
        assert_eq!((&heavy["metrics"]["mse"]["low"], &heavy["metrics"]["mse"]["why"]), (&Value::Null, &json!(why)));
    }
}
