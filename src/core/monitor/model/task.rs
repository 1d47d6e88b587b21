//! What a model does about its task: it weighs values and labelled answers, obeys a person, and says where a label is counted. What a task
//! *is*, [`crate::monitor::task`] knows.

use compact_str::CompactString;

use crate::event::{Prediction, TaskChoice, Value};
use crate::ids::{Name, Slug};
use crate::monitor::Place;
use crate::monitor::classes;
use crate::monitor::join::{Answer, Served, Truth};
use crate::monitor::limits::TASK_ROWS;
use crate::monitor::model::{Model, Models, Verdict, too_many_models};
use crate::monitor::task::{Apart, Change, Decision, Reading, Side, Sort, Task, is_doubtful};
use crate::time::Timestamp;

impl Models {
    /// Has a model read as a person says, or as its rows say. A model may be told before its first prediction.
    pub(in crate::monitor) fn on_task(&mut self, place: Place<'_>, model: &Name, choice: TaskChoice) -> Verdict {
        let Some(id) = self.id_of(model, place.source) else { return too_many_models() };
        let model = self.touch(id, place.seq);
        let told = match choice {
            TaskChoice::Classification => Some(Task::Classification),
            TaskChoice::Regression => Some(Task::Regression),
            TaskChoice::Automatic => None,
        };
        if model.profile.classes.decision.told == told {
            return Verdict::Ignored;
        }
        model.profile_mut().classes.decision.tell(told);
        model.doubts.clear();
        model.decide();
        Verdict::Applied
    }

    /// Makes a model whose task was decided elsewhere, from all rows at once.
    pub fn prepare(&mut self, name: &Name, made_by: &Slug, decision: Decision) {
        if let Some(id) = self.id_of(name, made_by) {
            let model = self.touch(id, 0);
            model.profile_mut().classes.decision = decision;
        }
    }
}

impl Model {
    /// Labelled predictions that the task was decided from so far.
    pub const fn evidence_rows(&self) -> u32 {
        self.evidence.rows
    }

    /// The task of the version that serves most.
    pub fn busiest_task(&self) -> Task {
        let decision = &self.profile.classes.decision;
        if decision.apart.is_empty() {
            return decision.task();
        }
        let busiest = self.busiest_track();
        let place = busiest.and_then(|busiest| self.drift.tracks.iter().position(|track| std::ptr::eq(track, busiest)));
        decision.reading_of(place.map(|place| place as u16)).map_or(Task::Unknown, Reading::task)
    }

    /// Counts what was predicted by its sort. Until a label comes, that is all there is to decide by.
    pub(super) fn weigh_answer(&mut self, answer: &Answer, prediction: &Prediction) {
        let sort = self.profile.classes.sort(answer.class, answer.number);
        let (Some(sort), Some(value), false) = (sort, &prediction.value, answer.failed) else { return };
        let decision = &self.profile.classes.decision;
        note(&mut self.values.predictions, decision, sort, value);
        if self.evidence.rows == 0 && self.values.predictions.count() <= TASK_ROWS.into() {
            self.decide();
        }
    }

    /// Weighs a labelled answer, and says where it is counted.
    pub(super) fn weigh_label(&mut self, served: &Served, truth: &Truth, actual: &Value, log_time: Timestamp) -> Option<Apart> {
        let (answer, label) = self.sorts(served, truth)?;
        let decision = &self.profile.classes.decision;
        note(&mut self.values.labels, decision, label, actual);
        let scored = !served.answer.scores.is_empty();
        let track = self.profile.cells.get(usize::from(served.cell)).and_then(|key| key.track);
        match (decision.settled, decision.told, track) {
            (false, _, _) => {
                self.evidence.add(answer, label, scored);
                self.decide();
            }
            (true, None, Some(track)) => self.doubt(track, (answer, label), scored, log_time),
            (true, _, _) => {}
        }
        let decision = &self.profile.classes.decision;
        let (whole, own) = (decision.reading?, decision.reading_of(track)?);
        if own == whole { Apart::of(whole, answer, label) } else { Some(Apart::Of(own)) }
    }

    /// Takes the count of a label back that another one replaces.
    pub(super) fn unweigh_label(&mut self, served: &Served, truth: &Truth) {
        if let Some((_, label)) = self.sorts(served, truth) {
            self.values.labels.take(label);
        }
    }

    pub(super) fn answer_of(&mut self, prediction: &Prediction) -> Answer {
        let (class, number) = prediction.value.as_ref().map_or((None, None), |value| self.value_of(value));
        let scores = match prediction.scores.as_slice() {
            [] => Vec::new(),
            [(name, score)] => vec![(self.class_of(name), *score)],
            [(a, p), (b, q)] => {
                // both classes become known, in the order they were sent
                let (first, second) = (self.class_of(a), self.class_of(b));
                vec![if classes::order(a, b).is_lt() { (second, *q) } else { (first, *p) }]
            }
            many => many.iter().map(|(name, score)| (self.class_of(name), *score)).collect(),
        };
        Answer { failed: prediction.failed, class, number, confidence: prediction.confidence, scores }
    }

    pub(super) fn truth_of(&mut self, actual: &Value, at: Timestamp) -> Truth {
        let (class, number) = self.value_of(actual);
        Truth { class, number, at, apart: None }
    }

    /// `value` as a class, a number or both.
    fn value_of(&mut self, value: &Value) -> (Option<u16>, Option<f64>) {
        let class = self.profile.classes.find(value).unwrap_or_else(|| self.profile_mut().classes.index(value));
        let number = if let Value::Number(number) = value { Some(*number) } else { None };
        (class, number)
    }

    fn class_of(&mut self, name: &CompactString) -> u16 {
        match self.profile.classes.find_name(name) {
            Some(index) => index,
            None => self.profile_mut().classes.index_of_name(name),
        }
    }

    /// What an answer and its label are by themselves; `None` if the prediction failed.
    fn sorts(&self, served: &Served, truth: &Truth) -> Option<(Sort, Sort)> {
        let classes = &self.profile.classes;
        let answer = classes.sort(served.answer.class, served.answer.number).filter(|_| !served.answer.failed)?;
        Some((answer, classes.sort(truth.class, truth.number)?))
    }

    fn decide(&mut self) {
        let classes = &self.profile.classes;
        let decision = &classes.decision;
        let due = decision.due(&self.evidence, &self.values, classes.numbers());
        if due != (decision.reading, decision.settled) {
            let decision = &mut self.profile_mut().classes.decision;
            (decision.reading, decision.settled) = due;
        }
    }

    /// Watches whether the labels of a version have become of another kind for good.
    fn doubt(&mut self, track: u16, sorts: (Sort, Sort), scored: bool, log_time: Timestamp) {
        let Some(reading) = self.profile.classes.decision.reading_of(Some(track)) else { return };
        let classes = &self.profile.classes;
        if !self.doubts.contains_key(&track) && !is_doubtful(reading, sorts.0, sorts.1, classes.has_many_numbers()) {
            return;
        }
        let numbers = classes.numbers();
        let doubt = self.doubts.entry(track).or_default();
        let found = doubt.add(reading, sorts, scored, numbers);
        if doubt.is_over() {
            self.doubts.remove(&track);
        }
        if let Some(to) = found {
            let version = self.drift.tracks.get(usize::from(track)).and_then(|track| track.watch.version.clone());
            let change = Change { version, from: reading, to, at: log_time };
            self.profile_mut().classes.decision.depart(track, to, change);
        }
    }
}

/// Counts a value, and keeps it as an example where it does not fit or may turn out not to.
fn note(side: &mut Side, decision: &Decision, sort: Sort, value: &Value) {
    side.add(sort);
    let may_be_unfit = !decision.settled || decision.reading.is_some_and(|reading| !reading.takes(sort));
    if sort != Sort::Small && may_be_unfit && side.wants(sort) {
        match value {
            Value::Number(number) => side.show(sort, &classes::text_of(*number)),
            Value::Class(name) => side.show(sort, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Command, Event, Features};
    use crate::monitor::analysis::finding::{Finding, Pattern};
    use crate::monitor::pane::Cell;
    use crate::monitor::tests::{Input, MODEL, START, World};
    use crate::monitor::window::metrics;
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
        for (place, stray) in
            [0, 5, 40, 1_000, 1_500].into_iter().flat_map(|place| strays.iter().map(move |stray| (place, stray)))
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
    fn a_few_values_of_a_task_that_is_not_known_yet_are_no_finding_and_one_that_is_told_otherwise_ends_it() {
        let mut stream = Stream::default();
        stream.rows(10, price);
        stream.row(None, text("n/a"), number(5.0));
        stream.tick(0);
        assert_eq!(stream.found(), [], "22 values");
        stream.rows(1_100, price);
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
        let second = stream
            .world
            .model()
            .profile
            .cells
            .iter()
            .position(|key| key.version.as_ref().is_some_and(|version| version.as_str() == "2"))
            .unwrap() as u16;
        let of_second = metrics(&stream.total(|cell| cell == second), &stream.world.model().profile.classes);
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
        let second = stream
            .world
            .model()
            .profile
            .cells
            .iter()
            .position(|key| key.version.as_ref().is_some_and(|version| version.as_str() == "2"))
            .unwrap() as u16;
        let of_second = metrics(&stream.total(|cell| cell == second), &stream.world.model().profile.classes);
        assert!((of_second["mae"].value.unwrap() - 1.0).abs() < 1e-9);
        assert!(stream.figure("accuracy").unwrap().1 < before.unwrap().1 + 500);
    }
}
