//! How good answers are: by the statistics of the stream, with their intervals.

use compact_str::CompactString;
use serde::Serialize;
use tidewatch_core::event::{TaskChoice, Value};
use tidewatch_core::view::evaluation::{self, Evaluation, Record, Records};

use crate::artifact::Answer;
use crate::task::Task;

/// Answers with what turned out to be true.
pub struct Answered<'a> {
    pub task: &'a Task,
    pub answers: &'a [Answer],
    /// By answer; `None` where it is not known.
    pub truths: &'a [Option<Value>],
}

/// Every figure of answers over a set of rows.
#[derive(Clone, Debug, Serialize)]
pub struct Graded {
    /// Rows with a label.
    pub rows: u64,
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

/// Every metric of answers.
pub fn grade(answered: &Answered<'_>) -> Graded {
    let choice = if *answered.task == Task::Regression { TaskChoice::Regression } else { TaskChoice::Classification };
    let evaluation = evaluation::evaluate(answered, choice, None).expect("nothing is asked that answers could contradict");
    Graded { rows: evaluation.labelled, evaluation }
}

impl Records for Answered<'_> {
    fn walk(&self, take: &mut dyn FnMut(&Record)) {
        let classes: Vec<CompactString> = self.task.classes().unwrap_or_default().iter().map(CompactString::from).collect();
        let mut record = Record::empty();
        for (answer, truth) in self.answers.iter().zip(self.truths) {
            let prediction = &mut record.prediction;
            prediction.actual.clone_from(truth);
            prediction.scores.clear();
            match answer {
                Answer::Quantity(quantity) => prediction.value = Some(Value::Number(*quantity)),
                Answer::Class(class, shares) => {
                    prediction.value = Some(Value::Class(classes[*class].clone()));
                    prediction.confidence = Some(shares[*class].clamp(0.0, 1.0));
                    let scores = classes.iter().cloned().zip(shares.iter().map(|share| share.clamp(0.0, 1.0)));
                    prediction.scores.extend(scores);
                }
            }
            take(&record);
        }
    }
}

/// The label of a row as the stream has it.
pub fn truth_of(task: &Task, target: f64) -> Value {
    match task {
        Task::Regression => Value::Number(target),
        Task::Classification(classes) => Value::Class(CompactString::from(&classes[target as usize])),
    }
}
