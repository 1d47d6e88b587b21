//! A job from its order to its model.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use compact_str::CompactString;
use tidewatch_core::event::subject::Root;
use tidewatch_core::event::wire::Decoder;
use tidewatch_core::event::{Measured, SegmentPair, Stage, TaskChoice, Trained};
use tidewatch_core::ids::{Name, Slug};
use tidewatch_core::stats::estimate::Estimate;
use tidewatch_core::view::evaluation::{self, Record, Records};
use tidewatch_files::message::Arrow;

use super::pairs::{Side, advantage_of, answer, error_max, losses};
use super::piece::{self, Stored};
use super::rows::{Asked, Join, Left, label_name, table};
use super::{Order, Say};
use crate::artifact::{Answer, Artifact, Room};
use crate::parameters::{self, Algorithm};
use crate::refusals::ROWS_MIN;
use crate::search::Budget;
use crate::task::Task;
use crate::training::{self, Error};
use crate::workers::Pool;

/// The newest share of the rows, and its bounds, on which nothing is learnt.
const HOLDOUT_SHARE: usize = 5;
const HOLDOUT_ROWS: (usize, usize) = (200, 20_000);
/// Single answers that are timed.
const TIMED: usize = 1_000;
/// Between two words on how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// Where stages begin, of 100.
const FROM_FEATURES: f64 = 20.0;
const FROM_SEARCH: f64 = 25.0;
const FROM_TRAINING: f64 = 60.0;
const FROM_EVALUATION: f64 = 90.0;
/// Features whose importance is told.
const IMPORTANCE_MAX: usize = 50;

/// Why no model was made.
struct Unfit {
    code: String,
    detail: String,
}

/// Reads the order from `input`.
///
/// Errors: those of the input; what comes is no order.
pub fn order(input: &mut impl Read) -> io::Result<Order> {
    let piece = piece::read(input)?.ok_or_else(|| io::Error::other("no order has come"))?;
    rmp_serde::from_slice(&piece).map_err(io::Error::other)
}

/// Does the job: reads messages up to an empty piece, trains, and says what came of it.
///
/// Errors: nobody reads what is said, or nobody writes messages any more.
pub fn run(order: &Order, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut words = Words { output, told: Instant::now(), failed: None };
    match done(order, input, &mut words)? {
        Ok((trained, bytes)) => {
            words.say(&Say::Trained(Box::new(trained)))?;
            piece::write(words.output, &bytes)?;
        }
        Err(Unfit { code, detail }) => words.say(&Say::Failed { code, detail })?,
    }
    words.output.flush()
}

type Done = Result<(Trained, Vec<u8>), Unfit>;

fn done(order: &Order, input: &mut impl Read, words: &mut Words<'_, impl Write>) -> io::Result<Done> {
    let began = Instant::now();
    let model = Name::try_from(order.model.as_str()).map_err(io::Error::other)?;
    let root = Root::new(Slug::try_from(order.root.as_str()).map_err(io::Error::other)?);
    let (decoder, mut join) = (Decoder::new(Arrow), Join::of(model));
    let span = (order.range.1.saturating_sub(order.range.0) + 1) as f64;
    loop {
        let piece = piece::read(input)?.ok_or_else(|| io::Error::other("the messages have ended in the middle"))?;
        if piece.is_empty() {
            break;
        }
        let stored = Stored::of(&piece).ok_or_else(|| io::Error::other("a piece is no message"))?;
        let share = (stored.seq.saturating_sub(order.range.0) as f64 / span).min(1.0);
        join.take(decoder.decode(stored.raw(), &root), &mut |_| {});
        words.progress(Stage::Data, FROM_FEATURES * share);
    }
    let (rows, left) = join.finish();
    let made = train(order, rows, left, words);
    if let Some(error) = words.failed.take() {
        return Err(error);
    }
    Ok(made.map(|(mut trained, bytes)| {
        trained.seconds = began.elapsed().as_secs_f64();
        (trained, bytes)
    }))
}

fn train(order: &Order, mut rows: Vec<Asked>, left: Left, words: &mut Words<'_, impl Write>) -> Done {
    if rows.len() < ROWS_MIN {
        return Err(Unfit::too_few(&rows, left));
    }
    let algorithm = Algorithm::from_name(&order.algorithm)?;
    let mut parameters = order.hyperparameters.clone();
    parameters.entry("seed").or_insert_with(|| order.seed.into());
    rows.sort_by_key(|asked| asked.at);
    let mut warnings = left.warnings();
    let holdout = rows.split_off(rows.len() - (rows.len() / HOLDOUT_SHARE).clamp(HOLDOUT_ROWS.0, HOLDOUT_ROWS.1));
    let lessons = known_before(rows, &holdout, &mut warnings);
    words.progress(Stage::Features, FROM_FEATURES);

    let label = label_name(&lessons);
    let (learnt, asked) = (table(lessons.iter(), &label), table(holdout.iter(), &label));
    let workers = Pool::new(order.threads);
    let mut searching = order.search;
    let training_order = training::Order {
        label: &label,
        task: None,
        algorithm,
        parameters: &parameters,
        allowed: &[],
        search: order.search.then(Budget::default),
    };
    let made = training::train(&learnt, Some(&asked), &training_order, &workers, &mut |done, of| {
        let share = f64::from(done) / f64::from(of.max(1));
        if searching {
            searching = done < of;
            words.progress(Stage::Search, FROM_SEARCH + (FROM_TRAINING - FROM_SEARCH) * share);
        } else {
            words.progress(Stage::Train, FROM_TRAINING + (FROM_EVALUATION - FROM_TRAINING) * share);
        }
        words.failed.is_none()
    })?;
    words.now(Stage::Evaluate, FROM_EVALUATION);

    let (mut artifact, report) = (made.artifact, made.report);
    artifact.lineage.sequences = Some(order.range);
    artifact.lineage.parent.clone_from(&order.parent);
    let answers = artifact.answers(&asked);
    let most = error_max(lessons.iter().filter_map(|asked| Some((&asked.logged.value, &asked.truth.as_ref()?.value))));
    let served: Vec<bool> = holdout.iter().map(|asked| order.is_of_champion(asked)).collect();
    let others = served.iter().filter(|served| !**served).count();
    if 0 < others {
        warnings.push(format!("{others} hold-out rows were not answered by the champion: there it is not compared"));
    }
    let compared = compare(&artifact.task, &holdout, (answers.as_slice(), served.as_slice()), most);
    let bytes = artifact.to_bytes();
    warnings.extend(report.warnings.iter().map(ToString::to_string));
    let importance = report.importance.iter().take(IMPORTANCE_MAX);
    let trained = Trained {
        artifact: Artifact::hash_of(&bytes).into(),
        bytes: bytes.len() as u64,
        algorithm: algorithm.as_str().into(),
        parameters: artifact.parameters.clone(),
        rows: artifact.lineage.rows,
        holdout: holdout.len() as u64,
        data_hash: artifact.lineage.data_hash.as_str().into(),
        code_version: artifact.lineage.code_version.as_str().into(),
        champion: measured(&champion(&artifact.task, &holdout, &served)),
        challenger: report.test.map(|graded| measured(&graded.evaluation.metrics)).unwrap_or_default(),
        advantages: compared.advantages,
        segments: compared.segments,
        p99_seconds: p99(&artifact, &holdout),
        error_max: (artifact.task == Task::Regression).then_some(most),
        importance: importance.map(|one| (one.feature.as_str().into(), one.value)).collect(),
        warnings,
        trials: report.search.map(|search| search.trials.len() as u32),
        seconds: 0.0,
    };
    Ok((trained, bytes))
}

impl Order {
    /// Whether the champion answered a row itself. A model that is served elsewhere is all that the log says.
    fn is_of_champion(&self, asked: &Asked) -> bool {
        self.champion.as_ref().is_none_or(|champion| asked.version.as_ref().is_some_and(|version| version.as_str() == champion))
    }
}

/// The rows whose label was known before the hold-out began: a model in service knows no other. Where that leaves too few, as in a log whose labels
/// all came at once, all rows are kept, and it is said.
fn known_before(rows: Vec<Asked>, holdout: &[Asked], warnings: &mut Vec<String>) -> Vec<Asked> {
    let Some(begins) = holdout.first().map(|asked| asked.at) else { return rows };
    let is_known = |asked: &&Asked| asked.truth.as_ref().is_some_and(|truth| truth.at <= begins);
    let (all, known) = (rows.len(), rows.iter().filter(is_known).count());
    if known == all {
        return rows;
    }
    if known < ROWS_MIN || 2 * known < all {
        warnings
            .push(format!("of {all} training rows {} were labelled only after the hold-out began: they are kept", all - known));
        return rows;
    }
    warnings.push(format!("{} rows are left out, which were labelled only after the hold-out began", all - known));
    rows.into_iter().filter(|asked| is_known(&asked)).collect()
}

/// What a comparison on the hold-out gives.
struct Compared {
    advantages: Vec<f64>,
    segments: Vec<SegmentPair>,
}

/// * `served`: by row, whether the champion answered it.
fn compare(task: &Task, holdout: &[Asked], (answers, served): (&[Answer], &[bool]), error_max: f64) -> Compared {
    let mut paired: Vec<(u64, f64)> = Vec::new();
    let mut segments: BTreeMap<(&Name, &Name), (u64, f64, f64)> = BTreeMap::new();
    for ((asked, answer), _) in holdout.iter().zip(answers).zip(served).filter(|(_, served)| **served) {
        let Some(truth) = &asked.truth else { continue };
        let sides = (Side::Logged(&asked.logged), Side::Answer(answer));
        let Some(both) = losses(task, sides.0, sides.1, &truth.value, error_max) else { continue };
        paired.push((truth.order, advantage_of(both)));
        for (name, value) in &asked.segment {
            let (rows, champion, challenger) = segments.entry((name, value)).or_default();
            *rows += 1;
            *champion += both.0;
            *challenger += both.1;
        }
    }
    paired.sort_by_key(|(order, _)| *order);
    let segment = |((name, value), (rows, champion, challenger)): ((&Name, &Name), (u64, f64, f64))| SegmentPair {
        name: name.clone(),
        value: value.clone(),
        rows,
        champion: champion / rows as f64,
        challenger: challenger / rows as f64,
    };
    let mut segments: Vec<SegmentPair> = segments.into_iter().map(segment).collect();
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.rows));
    segments.truncate(SEGMENTS_MAX);
    Compared { advantages: paired.into_iter().map(|(_, advantage)| advantage).collect(), segments }
}

/// Segment values that are told: the largest.
const SEGMENTS_MAX: usize = 200;

/// What the log says was answered.
struct LoggedRows<'a>(&'a [Asked], &'a [bool]);

impl Records for LoggedRows<'_> {
    fn walk(&self, take: &mut dyn FnMut(&Record)) {
        let mut record = Record::empty();
        for (asked, _) in self.0.iter().zip(self.1).filter(|(_, served)| **served) {
            let prediction = &mut record.prediction;
            prediction.value = Some(asked.logged.value.clone());
            prediction.scores.clone_from(&asked.logged.scores);
            prediction.confidence = asked.logged.confidence;
            prediction.actual = asked.truth.as_ref().map(|truth| truth.value.clone());
            take(&record);
        }
    }
}

fn champion(task: &Task, holdout: &[Asked], served: &[bool]) -> BTreeMap<String, Estimate> {
    let choice = if *task == Task::Regression { TaskChoice::Regression } else { TaskChoice::Classification };
    let evaluated = evaluation::evaluate(&LoggedRows(holdout, served), choice, None);
    evaluated.map(|evaluation| evaluation.metrics).unwrap_or_default()
}

/// Metrics of the whole: those of single classes are many.
fn measured(metrics: &BTreeMap<String, Estimate>) -> BTreeMap<CompactString, Measured> {
    let of_all = metrics.iter().filter(|(name, _)| !name.contains('/'));
    of_all
        .filter_map(|(name, estimate)| {
            let Estimate { value, low, high, n, .. } = estimate;
            Some((name.as_str().into(), Measured { value: (*value)?, low: *low, high: *high, n: *n }))
        })
        .collect()
}

/// The 0.99 quantile of the seconds that one answer takes.
fn p99(artifact: &Artifact, rows: &[Asked]) -> f64 {
    let (ready, mut room) = (artifact.learner.ready(), Room::default());
    let mut seconds: Vec<f64> = rows
        .iter()
        .take(TIMED)
        .map(|asked| {
            let began = Instant::now();
            let _ = std::hint::black_box(answer(artifact, &ready, &asked.features, &mut room));
            began.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_unstable_by(f64::total_cmp);
    seconds.get(seconds.len() * 99 / 100).copied().unwrap_or_default()
}

/// What is said while it goes on. Once nobody listens any more nothing is.
struct Words<'a, W> {
    output: &'a mut W,
    told: Instant,
    failed: Option<io::Error>,
}

impl<W: Write> Words<'_, W> {
    /// Says how far it is, if that was not said just now.
    fn progress(&mut self, stage: Stage, progress: f64) {
        if PROGRESS_INTERVAL <= self.told.elapsed() {
            self.now(stage, progress);
        }
    }

    fn now(&mut self, stage: Stage, progress: f64) {
        self.told = Instant::now();
        if self.failed.is_none()
            && let Err(error) = self.say(&Say::Progress { stage, progress })
        {
            self.failed = Some(error);
        }
    }

    fn say(&mut self, say: &Say) -> io::Result<()> {
        piece::write(self.output, &serde_json::to_vec(say).map_err(io::Error::other)?)?;
        self.output.flush()
    }
}

impl Left {
    /// What was not used, a sentence each.
    fn warnings(self) -> Vec<String> {
        let Self { failed, without_features, repeated, dropped, orphans } = self;
        [
            (failed, "predictions failed"),
            (without_features, "predictions have no features"),
            (repeated, "predictions came twice"),
            (dropped, "predictions are older than the newest million"),
            (orphans, "labels are of predictions that were not read"),
        ]
        .into_iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, what)| format!("{count} {what}: left out"))
        .collect()
    }
}

impl Unfit {
    fn too_few(rows: &[Asked], left: Left) -> Self {
        let mut detail = format!("there are {} labelled rows with features, and {ROWS_MIN} are needed", rows.len());
        for warning in left.warnings() {
            detail.push_str("; ");
            detail.push_str(&warning);
        }
        let code = if rows.is_empty() && 0 < left.without_features { "no_features" } else { "too_few_rows" };
        Self { code: code.to_owned(), detail }
    }
}

impl From<parameters::Error> for Unfit {
    fn from(error: parameters::Error) -> Self {
        Self { code: "bad_parameters".to_owned(), detail: error.to_string() }
    }
}

impl From<Error> for Unfit {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Parameters(_) => "bad_parameters",
            Error::Refused(refusals) => refusals.first().map_or("refused", |refusal| refusal.code()),
            _ => "cannot_learn",
        };
        Self { code: code.to_owned(), detail: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of 900 predictions in which `x` tells the truth ten times of eleven and the champion guesses, one label a prediction.
    fn log(shuffled: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        for n in 0_u64..900 {
            let x = (n * 7_919 % 1_000) as f64 / 1_000.0;
            let truth = if shuffled { n.wrapping_mul(2_654_435_761) >> 7 & 1 == 0 } else { (x < 0.5) != n.is_multiple_of(11) };
            let champion = n % 3 == 0;
            let prediction = serde_json::json!({"prediction_id": format!("p{n}"), "model": "m", "at": 1_767_225_600 + n,
                "features": {"x": x, "y": n % 5}, "prediction": champion, "confidence": 0.6, "segment": {"half": n % 2}});
            let label =
                serde_json::json!({"prediction_id": format!("p{n}"), "model": "m", "actual": truth, "at": 1_767_225_601 + n});
            for (kind, body) in [("prediction", prediction), ("label", label)] {
                let stored = Stored {
                    seq: 2 * n + 1,
                    stored_at: 1_767_229_200_000_000,
                    subject: format!("tw.in.{kind}.web"),
                    payload: body.to_string().into_bytes(),
                    ..Stored::default()
                };
                piece::put_message(&mut bytes, stored.raw());
            }
        }
        piece::put(&mut bytes, b"");
        bytes
    }

    fn order() -> Order {
        Order {
            model: "m".to_owned(),
            algorithm: "gradient_boosting".to_owned(),
            hyperparameters: serde_json::from_str(r#"{"n_estimators": 20}"#).unwrap(),
            search: false,
            seed: 7,
            threads: 1,
            memory: 0,
            root: "tw".to_owned(),
            range: (1, 1_800),
            champion: None,
            parent: None,
        }
    }

    fn said(order: &Order, log: &[u8]) -> (Say, Vec<u8>) {
        let (mut input, mut output) = (log, Vec::new());
        run(order, &mut input, &mut output).unwrap();
        let mut heard = output.as_slice();
        loop {
            let say = serde_json::from_slice(&piece::read(&mut heard).unwrap().unwrap()).unwrap();
            if !matches!(say, Say::Progress { .. }) {
                return (say, piece::read(&mut heard).unwrap().unwrap_or_default());
            }
        }
    }

    #[test]
    fn a_log_becomes_a_model_that_is_compared_with_what_was_answered_and_the_same_bytes_each_time() {
        let (Say::Trained(trained), bytes) = said(&order(), &log(false)) else { panic!("it was trained") };
        assert_eq!((trained.rows, trained.holdout, trained.advantages.len()), (700, 200, 200));
        assert!(trained.challenger["accuracy"].value > 0.85, "{:?}", trained.challenger);
        assert!(trained.champion["accuracy"].value < 0.7, "{:?}", trained.champion);
        assert!(trained.advantages.iter().sum::<f64>() > 20.0, "{}", trained.advantages.iter().sum::<f64>());
        assert_eq!(trained.segments.iter().map(|segment| segment.rows).collect::<Vec<_>>(), [100, 100]);
        assert_eq!(trained.artifact, Artifact::hash_of(&bytes));
        let artifact = Artifact::from_bytes(&bytes).unwrap();
        assert_eq!((artifact.lineage.sequences, artifact.lineage.seed), (Some((1, 1_800)), 7));
        let of_other = Order { champion: Some("r1".to_owned()), ..order() };
        let (Say::Trained(unpaired), _) = said(&of_other, &log(false)) else { panic!("it was trained") };
        assert_eq!(
            (unpaired.advantages.len(), unpaired.champion.len()),
            (0, 0),
            "what others answered says nothing of the champion"
        );
        let twice = said(&Order { threads: 2, ..order() }, &log(false)).1;
        assert_eq!(bytes, twice);
    }

    #[test]
    fn labels_that_follow_from_nothing_win_nothing() {
        let (Say::Trained(trained), _) = said(&order(), &log(true)) else { panic!("it was trained") };
        assert!(trained.challenger["accuracy"].value < 0.65, "{:?}", trained.challenger["accuracy"]);
    }

    #[test]
    fn what_cannot_be_learnt_is_refused_by_name() {
        let refused = |order: &Order, log: &[u8]| match said(order, log).0 {
            Say::Failed { code, detail } => (code, detail),
            other => panic!("{other:?}"),
        };
        let other = Order { model: "nobody".to_owned(), ..order() };
        assert_eq!(refused(&other, &log(false)).0, "too_few_rows");
        let bad = Order { hyperparameters: serde_json::from_str(r#"{"trees": 3}"#).unwrap(), ..order() };
        let (code, detail) = refused(&bad, &log(false));
        assert!(code == "bad_parameters" && detail.contains("n_estimators"), "{detail}");
    }
}
