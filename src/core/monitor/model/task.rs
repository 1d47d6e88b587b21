//! What a model does about its task: it weighs values and labelled answers, obeys a person, and says where a label is counted. What a task
//! *is*, [`crate::monitor::task`] knows.

use compact_str::CompactString;

use crate::event::{Prediction, TaskChoice, Value, text_of};
use crate::ids::{Name, Slug};
use crate::monitor::Place;
use crate::monitor::classes;
use crate::monitor::join::{Answer, Served, Truth};
use crate::monitor::limits::TASK_ROWS;
use crate::monitor::model::{Model, Models, Verdict, too_many_models};
use crate::monitor::task::{Apart, Change, Decision, Reading, Side, Sort, Task, is_doubtful};
use crate::time::Timestamp;

#[cfg(test)]
mod tests;

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
        let sort = self.profile.classes.kept_sort(answer.class, answer.number);
        let (Some(sort), Some(value), false) = (sort, &prediction.value, answer.failed) else { return };
        let decision = &self.profile.classes.decision;
        note(&mut self.values.predictions, decision, sort, answer.class, value);
        if self.evidence.rows == 0 && self.values.predictions.count() <= TASK_ROWS.into() {
            self.decide();
        }
    }

    /// Weighs a labelled answer, and says where it is counted.
    pub(super) fn weigh_label(&mut self, served: &Served, truth: &Truth, actual: &Value, log_time: Timestamp) -> Option<Apart> {
        let (answer, label) = self.sorts(served, truth)?;
        let classes = &self.profile.classes;
        let kept_answer = classes.kept_sort(served.answer.class, served.answer.number)?;
        let kept_label = classes.kept_sort(truth.class, truth.number)?;
        let decision = &classes.decision;
        note(&mut self.values.labels, decision, kept_label, truth.class, actual);
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
        if own == whole { Apart::of(whole, kept_answer, kept_label) } else { Some(Apart::Of(own)) }
    }

    /// Takes the count of a label back that another one replaces.
    pub(super) fn unweigh_label(&mut self, served: &Served, truth: &Truth) {
        if self.sorts(served, truth).is_some()
            && let Some(label) = self.profile.classes.kept_sort(truth.class, truth.number)
        {
            self.values.labels.take(label);
            if truth.class.is_none() {
                self.values.labels.take_without_class(label);
            }
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

/// Counts a value, and keeps it as an example where it does not fit or may turn out not to. `class`: what it is among the classes.
fn note(side: &mut Side, decision: &Decision, sort: Sort, class: Option<u16>, value: &Value) {
    side.add(sort);
    if let (None, Value::Number(number)) = (class, value) {
        side.add_without_class(sort, || text_of(*number));
    }
    let may_be_unfit = !decision.settled || decision.reading.is_some_and(|reading| !reading.takes(sort));
    if sort != Sort::Small && may_be_unfit && side.wants(sort) {
        match value {
            Value::Number(number) => side.show(sort, &text_of(*number)),
            Value::Class(name) => side.show(sort, name),
        }
    }
}
