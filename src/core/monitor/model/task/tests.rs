use std::collections::BTreeMap;

use super::*;
use crate::event::{Command, Event, Features, Label};
use crate::monitor::analysis::finding::{Finding, Pattern};
use crate::monitor::limits::{CLASSES_MAX, CLASSES_SHOWN_MAX};
use crate::monitor::pane::Cell;
use crate::monitor::tests::{Input, MODEL, START, World};
use crate::monitor::window::metrics;
use crate::stats::Estimate;
use crate::time::Span;
use crate::view::task::TaskFigures;
use crate::view::wording;

/// A stream of labelled predictions, one a second, and what its model makes of them.
#[derive(Default)]
struct Stream {
    world: World,
    rows: i64,
}

fn number(value: f64) -> Value {
    Value::Number(value)
}

fn text(value: &str) -> Value {
    Value::Class(value.into())
}

impl Stream {
    fn row(&mut self, version: Option<&str>, answer: Value, actual: Value) {
        let at = START + Span::from_secs(self.rows);
        self.rows += 1;
        let prediction = Prediction {
            id: None,
            model: Name::try_from(MODEL).unwrap(),
            version: version.map(|version| Name::try_from(version).unwrap()),
            at,
            features: Features::default(),
            value: Some(answer),
            confidence: None,
            scores: Vec::new(),
            response_time: None,
            failed: false,
            actual: Some(actual),
            segment: Vec::new(),
        };
        self.world.when(Input { event: Event::PredictionLogged(prediction), stored_at: at });
    }

    fn rows(&mut self, count: usize, row: impl Fn(usize) -> (Value, Value)) {
        for i in 0..count {
            let (answer, actual) = row(i);
            self.row(None, answer, actual);
        }
    }

    fn tell(&mut self, task: TaskChoice) {
        let command = Command::SetTask { model: Name::try_from(MODEL).unwrap(), task };
        self.world.when(Input { event: Event::CommandGiven(command), stored_at: START + Span::from_secs(self.rows) });
    }

    /// The clock ticks so many seconds after the last row.
    fn tick(&mut self, after: i64) {
        let stored_at = START + Span::from_secs(self.rows + after);
        self.world.when(Input { event: Event::ClockTicked, stored_at });
    }

    /// The metrics of one version.
    fn metrics_of(&self, version: &str) -> BTreeMap<String, Estimate> {
        let mut cells = self.world.model().profile.cells.iter();
        let place = cells.position(|key| key.version.as_ref().is_some_and(|known| known.as_str() == version)).unwrap() as u16;
        metrics(&self.total(|cell| cell == place), &self.world.model().profile.classes)
    }

    /// What is found about the values of the model, and whether it goes on.
    fn found(&self) -> Vec<(String, bool)> {
        let subjects = self.world.state.analysis.iter().map(|(_, subject)| &**subject.watched);
        let of_values = |finding: &&Finding| finding.pattern == Pattern::Unfit;
        subjects
            .flat_map(|watched| {
                let findings = watched.findings.iter().filter(of_values);
                findings.map(|finding| (wording::sentence(watched, None, finding), finding.is_open()))
            })
            .collect()
    }

    fn total(&self, of: impl Fn(u16) -> bool) -> Cell {
        let mut total = Cell::default();
        self.world.cold.panes.values().for_each(|pane| pane.merge_into(&mut total, &of));
        self.world.model().hot.values().for_each(|pane| pane.merge_into(&mut total, &of));
        total
    }

    fn figures(&self) -> std::collections::BTreeMap<String, crate::stats::Estimate> {
        metrics(&self.total(|_| true), &self.world.model().profile.classes)
    }

    fn figure(&self, name: &str) -> Option<(f64, u64)> {
        self.figures().get(name).and_then(|figure| Some((figure.value?, figure.n)))
    }

    fn told(&self) -> TaskFigures {
        TaskFigures::of(self.world.model())
    }
}

fn price(i: usize) -> (Value, Value) {
    let actual = 10.0 + i as f64 * 0.37;
    (number(actual + 1.0), number(actual))
}

fn bit(i: usize) -> (Value, Value) {
    (number(f64::from(i.is_multiple_of(3))), number(f64::from(i.is_multiple_of(2))))
}

/// All figures but the rate of failures, whose denominator counts every prediction.
fn without_failures(stream: &Stream) -> Vec<(String, crate::stats::Estimate)> {
    stream.figures().into_iter().filter(|(name, _)| name != "error_rate").collect()
}

#[test]
fn a_stray_value_in_a_regression_changes_nothing_but_a_counter() {
    let strays = [
        (text("n/a"), number(12.0)),
        (text("true"), number(12.0)),
        (text(r#"{"a":1,"b":2}"#), number(12.0)),
        (number(12.0), text("unknown")),
        (text("inf"), number(3.5)),
        (number(1.5), text("#DIV/0!")),
    ];
    for (place, stray) in [0, 5, 40, 1_000, 1_500].into_iter().flat_map(|place| strays.iter().map(move |stray| (place, stray)))
    {
        let (mut clean, mut stained) = (Stream::default(), Stream::default());
        clean.rows(1_600, price);
        stained.rows(place, price);
        stained.row(None, stray.0.clone(), stray.1.clone());
        stained.rows(1_600 - place, |i| price(i + place));
        assert_eq!(without_failures(&clean), without_failures(&stained), "{stray:?} at {place}");
        assert_eq!(stained.figure("mae").map(|(_, n)| n), Some(1_600));
        let told = stained.told();
        assert_eq!((told.task, told.predictions.count + told.labels.count), ("regression", 1), "{stray:?} at {place}");
    }
}

#[test]
fn a_stray_value_in_a_classifier_of_numbers_changes_nothing_but_a_counter() {
    let strays = [
        (number(0.73), number(1.0)),
        (number(300.0), number(1.0)),
        (number(1.0), number(0.5)),
        (text("n/a"), number(1.0)),
        (number(1.0), text("unknown")),
    ];
    for (place, stray) in [2, 30, 999, 1_200].into_iter().flat_map(|place| strays.iter().map(move |stray| (place, stray))) {
        let (mut clean, mut stained) = (Stream::default(), Stream::default());
        clean.rows(1_300, bit);
        stained.rows(place, bit);
        stained.row(None, stray.0.clone(), stray.1.clone());
        stained.rows(1_300 - place, |i| bit(i + place));
        assert_eq!(without_failures(&clean), without_failures(&stained), "{stray:?} at {place}");
        let told = stained.told();
        assert_eq!((told.task, told.predictions.count + told.labels.count), ("classification", 1), "{stray:?} at {place}");
    }
}

#[test]
fn what_does_not_fit_is_counted_and_named() {
    let mut stream = Stream::default();
    stream.rows(988, price);
    stream.rows(12, |_| (text("n/a"), number(5.0)));
    let told = stream.told();
    assert_eq!((told.predictions.count, told.predictions.of), (12, 1_000));
    assert_eq!(told.predictions.examples, ["n/a"]);
    assert_eq!(told.remarks[1], "12 of 1,000 predictions are no numbers: n/a (they are in no figure)");
}

#[test]
fn numbers_in_quotes_are_names_and_that_is_said() {
    let mut stream = Stream::default();
    stream.rows(100, |i| (text(&format!("{i}.25")), text(&format!("{i}.5"))));
    let told = stream.told();
    let quoted = told.quoted_numbers.unwrap();
    assert_eq!((told.task, quoted.count, quoted.of, quoted.examples[0].as_str()), ("classification", 200, 200, "0.25"));
    assert!(told.remarks.iter().any(|remark| remark.contains("numbers in quotes: 0.25")), "{:?}", told.remarks);
    stream.tell(TaskChoice::Regression);
    let told = stream.told();
    assert_eq!(told.quoted_numbers, None);
    assert!(told.remarks.iter().any(|remark| remark.contains("numbers in quotes, which are text: 0.25")), "{:?}", told.remarks);
    // grades are names
    let mut stream = Stream::default();
    stream.rows(100, |i| (text(&format!("{}.5", i % 5)), text(&format!("{}.5", i % 5))));
    assert_eq!(stream.told().quoted_numbers, None);
}

#[test]
fn values_that_do_not_fit_are_a_finding_until_none_has_come_for_an_hour() {
    let mut stream = Stream::default();
    stream.rows(988, price);
    stream.tick(0);
    assert_eq!(stream.found(), []);
    stream.rows(12, |_| (text("n/a"), number(5.0)));
    stream.tick(0);
    let told = format!("{MODEL}: 12 of 1,000 predictions are no numbers: n/a (they are in no figure).");
    assert_eq!(stream.found(), [(told, true)]);
    stream.rows(1, |_| (number(5.0), text("unknown")));
    stream.tick(10);
    assert!(stream.found()[0].0.contains("; 1 of 1,001 labels are no numbers: unknown"), "{:?}", stream.found());
    stream.tick(3_609);
    assert!(stream.found()[0].1, "the last came less than an hour ago");
    stream.tick(3_610);
    assert!(!stream.found()[0].1 && stream.found()[0].0.ends_with("It is over."), "{:?}", stream.found());
    stream.rows += 3_700;
    stream.rows(1, |_| (text("n/a"), number(5.0)));
    stream.tick(0);
    assert_eq!(stream.found().iter().map(|(_, goes_on)| *goes_on).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_correction_that_takes_a_value_back_is_no_news_of_another() {
    let mut stream = Stream::default();
    stream.rows(988, price);
    let labelled = |stream: &mut Stream, id: &str, actual: Value| {
        let at = START + Span::from_secs(stream.rows);
        let label = Label { prediction: id.into(), model: Name::try_from(MODEL).unwrap(), actual, at };
        stream.world.when(Input { event: Event::LabelArrived(label), stored_at: at });
    };
    for id in ["one", "two"] {
        let at = START + Span::from_secs(stream.rows);
        let mut input = crate::monitor::tests::prediction(id, "a", at);
        if let Event::PredictionLogged(prediction) = &mut input.event {
            prediction.value = Some(number(5.0));
        }
        stream.world.when(input);
        labelled(&mut stream, id, text("unknown"));
    }
    stream.tick(0);
    assert!(stream.found()[0].0.contains("2 of 990 labels are no numbers: unknown"), "{:?}", stream.found());
    stream.rows += 3_000;
    labelled(&mut stream, "one", number(5.0));
    stream.tick(0);
    assert!(stream.found()[0].0.contains("1 of 990 labels"), "{:?}", stream.found());
    stream.tick(601);
    assert!(!stream.found()[0].1, "an hour after the newest, whatever was corrected since: {:?}", stream.found());
    labelled(&mut stream, "two", number(5.0));
    stream.tick(1_200);
    assert_eq!(stream.found().len(), 1, "nothing begins: {:?}", stream.found());
}

#[test]
fn a_few_values_of_a_task_that_is_not_known_yet_are_no_finding_and_one_that_is_told_otherwise_ends_it() {
    let mut stream = Stream::default();
    stream.rows(10, price);
    stream.row(None, text("n/a"), number(5.0));
    stream.tick(0);
    assert_eq!(stream.found(), [], "22 values");
    stream.rows(1_100, |i| price(i % 20));
    stream.tick(0);
    assert!(stream.found()[0].1);
    stream.tell(TaskChoice::Classification);
    stream.tick(0);
    assert_eq!(stream.found().iter().filter(|(_, goes_on)| *goes_on).count(), 0, "{:?}", stream.found());
}

#[test]
fn who_says_that_ratings_are_quantities_gets_their_error_of_the_past_too() {
    let mut stream = Stream::default();
    stream.rows(50, |i| (number((1 + i % 5) as f64), number((1 + i % 3) as f64)));
    assert_eq!((stream.told().task, stream.figure("mae")), ("classification", None));
    stream.tell(TaskChoice::Regression);
    let error: f64 = (0..50).map(|i| (f64::from(i % 5) - f64::from(i % 3)).abs()).sum::<f64>() / 50.0;
    assert_eq!(stream.figure("mae"), Some((error, 50)));
    assert_eq!((stream.told().task, stream.told().from), ("regression", "told"));
    stream.tell(TaskChoice::Automatic);
    assert_eq!((stream.told().task, stream.figure("mae")), ("classification", None));
}

#[test]
fn who_says_that_codes_are_classes_gets_their_accuracy_whenever_it_is_said() {
    let codes = |i: usize| (number([401.0, 403.0, 404.0][i % 3]), number([401.0, 403.0][i % 2]));
    let (mut before, mut after) = (Stream::default(), Stream::default());
    before.tell(TaskChoice::Classification);
    before.rows(60, codes);
    after.rows(60, codes);
    assert_eq!(after.told().task, "regression");
    assert!(after.told().remarks[0].contains("within 10 %"), "{:?}", after.told().remarks);
    after.tell(TaskChoice::Classification);
    assert_eq!(before.figure("accuracy"), Some((20.0 / 60.0, 60)));
    assert_eq!(before.figures(), after.figures());
}

#[test]
fn numbers_that_were_not_kept_before_they_were_known_to_be_classes_are_told() {
    let codes = |i: usize| (number(1_000.0 + (i % 100) as f64), number(1_000.0 + (i % 100) as f64));
    let mut stream = Stream::default();
    stream.rows(300, codes);
    assert_eq!((stream.told().task, stream.told().predictions.count), ("regression", 0));
    stream.tell(TaskChoice::Classification);
    let told = stream.told();
    assert_eq!(stream.figure("accuracy"), Some((1.0, 64)), "of the first 64 codes, while they were taken for quantities");
    assert_eq!((told.predictions.count, told.labels.count, told.labels.of), (236, 236, 300));
    assert!(
        told.remarks.iter().any(|remark| remark.contains("236 of 300 predictions") && remark.contains("1064")),
        "{:?}",
        told.remarks
    );
    stream.rows(100, codes);
    assert_eq!((stream.figure("accuracy").unwrap().1, stream.told().predictions.count), (164, 236), "and all from then on");
}

#[test]
fn one_label_that_is_a_word_makes_names_of_all_codes() {
    let rows = [("ok", "ok"), ("ok", "timeout")].map(|(actual, answer)| (text(answer), text(actual)));
    let codes = [(404.0, 404.0), (404.0, 503.0), (503.0, 503.0), (503.0, 503.0)]
        .map(|(actual, answer)| (number(answer), number(actual)));
    for order in [[&rows[..], &codes[..]], [&codes[..], &rows[..]]] {
        let mut stream = Stream::default();
        order.into_iter().flatten().for_each(|(answer, actual)| stream.row(None, answer.clone(), actual.clone()));
        assert_eq!(stream.figure("accuracy"), Some((4.0 / 6.0, 6)));
        assert_eq!(stream.told().labels.count, 0);
    }
}

#[test]
fn a_version_that_turns_to_another_kind_is_told_of_and_counted_apart() {
    let mut stream = Stream::default();
    for i in 0..1_200 {
        let (answer, actual) = price(i);
        stream.row(Some("1"), answer, actual);
    }
    let before = stream.figure("mae");
    for i in 0..300 {
        stream.row(Some("2"), text(["dear", "cheap"][i % 2]), text("dear"));
    }
    let told = stream.told();
    assert_eq!(told.changes.len(), 1);
    assert_eq!(
        (told.changes[0].version.as_deref(), told.changes[0].from, told.changes[0].to),
        (Some("2"), "regression", "classification")
    );
    assert_eq!(stream.figure("mae"), before, "the first version is what it was");
    let of_second = stream.metrics_of("2");
    assert_eq!(of_second["accuracy"].value, Some(100.0 / 201.0));
    assert_eq!(of_second["accuracy"].n, 201, "from the row on that settled it");
    assert_eq!(stream.world.model().busiest_task(), Task::Classification, "most of the last minutes");
}

#[test]
fn a_classifier_of_names_whose_version_gives_quantities_is_told_of() {
    let mut stream = Stream::default();
    stream.rows(1_100, |i| (text(["yes", "no"][i % 2]), text("yes")));
    let before = stream.figure("accuracy");
    for i in 0..600 {
        let (answer, actual) = price(i);
        stream.row(Some("2"), answer, actual);
    }
    assert_eq!(stream.told().changes.len(), 1);
    let of_second = stream.metrics_of("2");
    assert!((of_second["mae"].value.unwrap() - 1.0).abs() < 1e-9);
    assert!(stream.figure("accuracy").unwrap().1 < before.unwrap().1 + 500);
}

#[test]
fn of_more_classes_than_are_kept_the_others_are_in_no_figure_and_told() {
    let mut stream = Stream::default();
    let class = |i: usize| text(&format!("class {i}"));
    let all = CLASSES_MAX + 100;
    stream.rows(2 * all, |i| (class(i % all), class(if i < all { i } else { (i + 1) % all })));
    let judged = stream.figure("accuracy").unwrap();
    assert_eq!(judged, (CLASSES_MAX as f64 / (2 * CLASSES_MAX - 1) as f64, 2 * CLASSES_MAX as u64 - 1));
    let told = stream.told();
    assert_eq!((told.predictions.count, told.predictions.of, told.labels.count), (200, 2 * all as u64, 200));
    assert!(
        told.remarks[0].starts_with("200 of 2,248 predictions are of classes beyond the first 1,024"),
        "{}",
        told.remarks[0]
    );
    assert!(told.remarks[0].ends_with(": class 1024, class 1025, class 1026, class 1027, class 1028 (they are in no figure)"));
    stream.tick(10);
    assert!(stream.found()[0].0.contains("200 of 2,248 labels are of classes"), "{:?}", stream.found());
    let window = metrics(&stream.total(|_| true), &stream.world.model().profile.classes);
    assert_eq!(window.keys().filter(|name| name.starts_with("f1/")).count(), CLASSES_SHOWN_MAX);
}
