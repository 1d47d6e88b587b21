//! `tidewatch train`, `predict` and `retrain simulate`: the real program over small tables.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn tidewatch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidewatch")).args(arguments).output().unwrap()
}

#[track_caller]
fn text(arguments: &[&str]) -> String {
    let output = tidewatch(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", complaint(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command prints with `--json`; of `train` and `simulate` once it fits its schema.
#[track_caller]
fn json(arguments: &[&str]) -> Value {
    let told = serde_json::from_str(&text(&[arguments, &["--json"]].concat())).unwrap();
    let schema = match arguments[0] {
        "train" => "training",
        "retrain" => "simulation",
        _ => return told,
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{schema}.v1.schema.json"));
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    if let Err(error) = jsonschema::draft202012::new(&schema).unwrap().validate(&told) {
        panic!("{error} at {}", error.instance_path());
    }
    told
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        PathBuf::from(self.0.path()).join(name).display().to_string()
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

/// 600 rows of which `x` and `colour` tell the class, but for one in ten.
fn rows() -> String {
    let mut text = "x,colour,day,answer\n".to_owned();
    for row in 0..600_u32 {
        let (x, colour) = (row * 37 % 101, ["red", "green", "blue"][(row * 7 % 3) as usize]);
        let truth = (50 < x) != (colour == "blue") && row % 10 != 0;
        text += &format!("{x},{colour},2026-01-{:02},{}\n", 1 + row % 28, if truth { "yes" } else { "no" });
    }
    text
}

#[test]
fn a_model_that_was_written_answers_alike_and_is_the_same_bytes_each_time() {
    let folder = Folder::new();
    let rows = folder.file("rows.csv", &rows());
    let [one, two] = ["one.model", "two.model"].map(|name| folder.path(name));
    let told = json(&["train", &rows, "--label", "answer", "--out", &one]);
    json(&["train", &rows, "--label", "answer", "--out", &two]);
    assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    assert_eq!(told["classes"], serde_json::json!(["no", "yes"]));
    let answers = json(&["predict", "--artifact", &one, &rows]);
    let right = rows_right(&answers, &std::fs::read_to_string(&rows).unwrap());
    assert_eq!(told["train"]["metrics"]["accuracy"]["value"], right);
    let table = text(&["predict", "--artifact", &one, &rows]);
    assert!(table.starts_with("prediction,confidence,scores.no,scores.yes\n"), "{table}");
    assert_eq!(table.trim_end().lines().count(), 601);
}

fn rows_right(answers: &Value, rows: &str) -> Value {
    let truths = rows.lines().skip(1).map(|line| line.rsplit(',').next().unwrap());
    let right = answers.as_array().unwrap().iter().zip(truths).filter(|(answer, truth)| answer["prediction"] == **truth);
    (right.count() as f64 / 600.0).into()
}

#[test]
fn unknown_categories_absent_columns_and_json_rows_are_answered() {
    let folder = Folder::new();
    let rows = folder.file("rows.csv", &rows());
    let model = folder.path("model");
    json(&["train", &rows, "--label", "answer", "--out", &model]);
    let asked = folder.file("asked.jsonl", "{\"x\":90,\"colour\":\"pink\"}\n{\"x\":\"10\",\"colour\":\"red\",\"other\":1}\n");
    let output = tidewatch(&["predict", "--artifact", &model, &asked, "--json"]);
    assert!(complaint(&output).contains("the rows lack day"), "{}", complaint(&output));
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answers[0]["prediction"], &answers[1]["prediction"]), (&"yes".into(), &"no".into()));
    let strange = folder.file("strange.csv", "a,b\n1,2\n");
    assert!(complaint(&tidewatch(&["predict", "--artifact", &model, &strange])).contains("none of the columns"));
}

#[test]
fn damaged_and_foreign_models_are_refused() {
    let folder = Folder::new();
    let rows = folder.file("rows.csv", &rows());
    let model = folder.path("model");
    json(&["train", &rows, "--label", "answer", "--out", &model, "--param", "n_estimators=5"]);
    let bytes = std::fs::read(&model).unwrap();
    let complaint_of = |bytes: &[u8]| {
        std::fs::write(folder.path("damaged"), bytes).unwrap();
        let output = tidewatch(&["predict", "--artifact", &folder.path("damaged"), &rows]);
        assert_eq!(output.status.code(), Some(1));
        complaint(&output)
    };
    for at in (0..bytes.len()).step_by(bytes.len() / 40) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x20;
        assert!(complaint_of(&damaged).contains("cannot use"), "byte {at}");
        complaint_of(&bytes[..at]);
    }
    assert!(complaint_of(b"x,colour\n1,red\n").contains("no model of Tidewatch"));
    assert!(complaint_of(b"TWMODEL7xxxx").contains("a newer Tidewatch"));
}

#[test]
fn data_that_proves_nothing_is_refused_by_name_and_can_be_allowed() {
    let folder = Folder::new();
    let few = folder.file("few.csv", &rows().lines().take(101).collect::<Vec<_>>().join("\n"));
    let refused = tidewatch(&["train", &few, "--label", "answer"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("too_few_rows: there are 100 labelled rows"), "{}", complaint(&refused));
    assert!(complaint(&refused).contains("--allow too_few_rows"));
    json(&["train", &few, "--label", "answer", "--allow", "too_few_rows"]);
    let leaking = rows().replace(",yes", ",yes,1").replace(",no", ",no,0").replacen("answer", "answer,paid", 1);
    let leaking = folder.file("leaking.csv", &leaking);
    let refused = complaint(&tidewatch(&["train", &leaking, "--label", "answer"]));
    assert!(refused.contains("target_among_features: column \"paid\""), "{refused}");
    let all = folder.file("all.csv", &rows());
    let refused = complaint(&tidewatch(&["train", &all, "--label", "answer", "--test", &all]));
    assert!(refused.contains("duplicates_across_split: 600 of 600"), "{refused}");
    let wrong = complaint(&tidewatch(&["train", &all, "--label", "anwser"]));
    assert!(wrong.contains("no column is called \"anwser\": there are x, colour, day, answer"), "{wrong}");
    let wrong = tidewatch(&["train", &all, "--label", "answer", "--param", "trees=5"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(complaint(&wrong).contains("has no parameter \"trees\": there are n_estimators"), "{}", complaint(&wrong));
}

#[test]
fn every_algorithm_is_trained_by_its_name_and_trees_are_exported() {
    let folder = Folder::new();
    let rows = folder.file("rows.csv", &rows());
    let model = folder.path("model");
    for algorithm in ["random_forest", "decision_tree", "logistic_regression", "naive_bayes", "knn"] {
        let told = json(&["train", &rows, "--label", "answer", "--algorithm", algorithm, "--out", &model]);
        assert!(0.5 < told["train"]["metrics"]["accuracy"]["value"].as_f64().unwrap(), "{algorithm}");
        let answers = json(&["predict", "--artifact", &model, &rows]);
        assert_eq!(answers.as_array().unwrap().len(), 600, "{algorithm}");
    }
    let onnx = folder.path("model.onnx");
    let refused = complaint(&tidewatch(&["export", "--artifact", &model, "--onnx", &onnx]));
    assert!(refused.contains("knn has no form in ONNX"), "{refused}");
    json(&["train", &rows, "--label", "answer", "--param", "encoding=one_hot", "--out", &model]);
    text(&["export", "--artifact", &model, "--onnx", &onnx]);
    assert!(1_000 < std::fs::metadata(&onnx).unwrap().len());
    let unknown = tidewatch(&["train", &rows, "--label", "answer", "--algorithm", "help"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(complaint(&unknown).contains("gradient_boosting, random_forest"), "{}", complaint(&unknown));
}

#[test]
fn a_policy_is_tried_over_a_file_and_its_decisions_are_told() {
    let folder = Folder::new();
    // what x says turns round after 2,000 of 5,000 rows
    let mut text = "x,y,label\n".to_owned();
    for row in 0..5_000_u32 {
        let x = row * 37 % 101;
        text += &format!("{x},{},{}\n", row * 13 % 7, u32::from((50 < x) != (2_000 <= row)));
    }
    let rows = folder.file("rows.csv", &text);
    let plan = ["--first", "1000", "--every", "500", "--window", "1000"];
    let told = json(&[&["retrain", "simulate", &rows, "--label", "label"][..], &plan].concat());
    assert_eq!((&told["rows"], told["blocks"].as_array().unwrap().len()), (&4_000.into(), 8));
    let accuracy = |who: &str| told[who]["accuracy"].as_f64().unwrap();
    assert!(accuracy("static") < 0.3 && 0.7 < accuracy("policy"), "{told}");
    let promoted = told["decisions"].as_array().unwrap().iter().filter(|told| told["decision"] == "promoted").count();
    assert_eq!(told["policy"]["promotions"], promoted);
    assert!(0 < promoted);
    let policy = folder.file("policy.json", "{\"alpha\": 0.001, \"hyperparameters\": {\"n_estimators\": 10}}");
    let strict = json(&[&["retrain", "simulate", &rows, "--label", "label", "--policy", &policy][..], &plan].concat());
    assert_eq!(strict["policy_used"]["alpha"], 0.001);
    let wrong = folder.file("wrong.json", "{\"alfa\": 0.1}");
    let refused = complaint(&tidewatch(&["retrain", "simulate", &rows, "--label", "label", "--policy", &wrong]));
    assert!(refused.contains("alfa"), "{refused}");
    let short = complaint(&tidewatch(&["retrain", "simulate", &rows, "--label", "label", "--first", "5000"]));
    assert!(short.contains("name fewer with --first"), "{short}");
}
