//! Models that are trained anew: the policy, the queue of jobs, and which version serves. Decides when a training is due and what becomes of its
//! result; trains nothing itself. Whoever trains looks here for jobs whose turn it is, and reports through the log.
//!
//! Jobs are named by what caused them, so a replay names them alike, and starts none: what came of each is in the log.

pub mod book;
mod causes;
mod decide;
mod guard;
pub mod job;
pub mod news;
pub mod policy;
mod rows;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use compact_str::CompactString;
use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::event::{Comparison, JobReport, RetrainingChange, Told, Trained};
use crate::ids::{EffectId, Name, Slug};
use crate::monitor::effect::Announcement;
use crate::monitor::kept::Kept;
use crate::monitor::limits::{RETRAINING_ATTEMPTS_MAX, RETRAININGS_KEPT_MAX, RETRAININGS_OPEN_MAX};
use crate::monitor::model::{Model, Verdict};
use crate::monitor::rows::Key;
use crate::monitor::turn::Turn;
use crate::monitor::{Place, bound_reached};
use crate::time::Timestamp;

use book::{Book, Standing};
use decide::Desk;
use guard::Tally;
use job::{Cause, Job, Outcome, State};
use news::News;
use policy::Policy;

/// Everything about retraining. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Retraining {
    pub ledger: Arc<Kept<Ledger>>,
    /// Queued, running, and the newest of those that have ended.
    pub jobs: OrdMap<EffectId, Arc<Kept<Job>>>,
    /// By number of the model.
    pub books: OrdMap<u32, Arc<Kept<Book>>>,
    /// By number of the model: how its champion has served. A row of its own, because it changes with every answer.
    tallies: OrdMap<u32, Arc<Kept<Tally>>>,
    /// Changed since the last commit.
    changed_jobs: BTreeSet<EffectId>,
    changed_books: BTreeSet<u32>,
    changed_tallies: BTreeSet<u32>,
    /// Rows to be deleted, with their hashes.
    gone: Vec<(Key, u128)>,
}

/// What is about all models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub policy: Policy,
    /// Since when models are trained by themselves, in log time.
    pub enabled_at: Option<Timestamp>,
    /// When it was last looked whether one has to be.
    looked_at: Timestamp,
    /// The last job that was named.
    last: Option<EffectId>,
    /// Jobs by how they ended.
    pub completed: u64,
    pub failed: u64,
    pub rejected: u64,
    pub cancelled: u64,
    /// Reports of attempts that do not own their job any more, and comparisons that came too late.
    pub stale_reports: u64,
}

impl Retraining {
    pub fn policy(&self) -> &Policy {
        &self.ledger.policy
    }

    pub fn job(&self, id: EffectId) -> Option<&Job> {
        self.jobs.get(&id).map(|job| &***job)
    }

    pub fn book(&self, model: u32) -> Option<&Book> {
        self.books.get(&model).map(|book| &***book)
    }

    /// Jobs that are queued or running, those whose turn comes first in front.
    pub fn open(&self) -> Vec<&Job> {
        let mut open: Vec<&Job> = self.jobs.values().map(|job| &***job).filter(|job| job.state.is_open()).collect();
        open.sort_by_key(|job| (job.state == State::Queued, job.causes[0], job.id));
        open
    }

    /// The job of a model that is queued or running.
    pub fn open_of(&self, model: u32) -> Option<&Job> {
        self.jobs.values().map(|job| &***job).find(|job| job.model_id == model && job.state.is_open())
    }

    /// Numbers of the models that are being trained now.
    pub fn training(&self) -> BTreeSet<u32> {
        self.jobs.values().filter(|job| job.state == State::Running).map(|job| job.model_id).collect()
    }

    /// Whether a model is being trained now.
    pub fn is_training(&self, model: u32) -> bool {
        self.open_of(model).is_some_and(|job| job.state == State::Running)
    }

    pub(super) fn set(&mut self, turn: &Turn<'_>, change: &RetrainingChange) -> Verdict {
        let next = self.ledger.policy.changed(change);
        if next == self.ledger.policy {
            return Verdict::Ignored;
        }
        let ledger = Arc::make_mut(&mut self.ledger).change();
        ledger.enabled_at = next.auto_retrain_enabled.then(|| ledger.enabled_at.unwrap_or(turn.desk.log_time));
        ledger.policy = next;
        Verdict::Applied
    }

    /// A person asks for a model to be trained anew.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, at: Place<'_>, model: Option<&Model>, name: &Name) -> Verdict {
        let Some(model) = model else { return unknown_model(name) };
        self.queue(turn, model.id, &model.name, Cause::Manual, Some(at.source))
    }

    /// Queues a job; of a model that has one the cause is noted there.
    fn queue(&mut self, turn: &mut Turn<'_>, model: u32, name: &Name, cause: Cause, by: Option<&Slug>) -> Verdict {
        if let Some(id) = self.open_of(model).map(|job| job.id) {
            let job = self.change_job(id);
            if !job.causes.contains(&cause) {
                job.causes.push(cause);
            }
            return Verdict::Applied;
        }
        if RETRAININGS_OPEN_MAX <= self.jobs.values().filter(|job| job.state.is_open()).count() {
            let detail = format!("{RETRAININGS_OPEN_MAX} jobs are queued or running already; cancel some, or try again later");
            return bound_reached("too_many_jobs", detail);
        }
        let id = self.next_id(turn.desk.position);
        let rules = self.ledger.policy.rules_of(name);
        let (algorithm, hyperparameters) = self.ledger.policy.learner_of(name);
        let job = Job {
            id,
            model: name.clone(),
            model_id: model,
            causes: vec![cause],
            asked_by: by.cloned(),
            algorithm,
            hyperparameters,
            search: rules.search,
            window_days: rules.window_days,
            backup_asked: self.ledger.policy.backup_models,
            state: State::Queued,
            queued_at: turn.desk.log_time,
            due_at: None,
            started_at: None,
            finished_at: None,
            attempt: 0,
            lost: 0,
            stage: Default::default(),
            progress: 0.0,
            range: None,
            backup: None,
            parent: None,
            error: None,
            version: None,
            outcome: None,
        };
        self.jobs.insert(id, Arc::new(Kept::new(job)));
        self.changed_jobs.insert(id);
        self.start_due(turn);
        Verdict::Applied
    }

    fn next_id(&mut self, seq: u64) -> EffectId {
        let ledger = Arc::make_mut(&mut self.ledger).change();
        let index = ledger.last.filter(|last| last.seq == seq).map_or(0, |last| last.index + 1);
        let id = EffectId { seq, index };
        ledger.last = Some(id);
        id
    }

    /// Gives queued jobs their turn, as many as may run at the same time.
    fn start_due(&mut self, turn: &Turn<'_>) {
        let most = self.ledger.policy.max_concurrent_tasks as usize;
        let running = self.jobs.values().filter(|job| job.state == State::Running).count();
        let due: Vec<EffectId> = self.open().into_iter().filter(|job| job.state == State::Queued).map(|job| job.id).collect();
        for id in due.into_iter().take(most.saturating_sub(running)) {
            let champion = self.job(id).and_then(|job| self.book(job.model_id)).and_then(|book| book.champion);
            let job = self.change_job(id);
            (job.state, job.due_at, job.parent) = (State::Running, Some(turn.desk.log_time), champion);
        }
    }

    pub(super) fn cancel(&mut self, turn: &mut Turn<'_>, id: &CompactString) -> Verdict {
        match EffectId::parse(id).filter(|id| self.jobs.contains_key(id)) {
            None => bound_reached("no_such_job", format!("there is no job {id:?}")),
            Some(id) if self.job(id).is_some_and(|job| job.state.is_open()) => {
                self.end(turn, id, State::Cancelled, None);
                Verdict::Applied
            }
            Some(_) => Verdict::Ignored,
        }
    }

    /// A trainer reports.
    pub(super) fn on_report(&mut self, turn: &mut Turn<'_>, report: &JobReport) -> Verdict {
        let owns = self.job(report.job).is_some_and(|job| match &report.told {
            Told::Started { .. } => job.state == State::Running && job.attempt < report.attempt,
            // an attempt may end before it could begin
            Told::Failed { .. } | Told::Lost { .. } => job.state == State::Running && job.attempt <= report.attempt,
            _ => job.state == State::Running && job.attempt == report.attempt,
        });
        if !owns {
            Arc::make_mut(&mut self.ledger).change().stale_reports += 1;
            return Verdict::Ignored;
        }
        let (now, id) = (turn.desk.log_time, report.job);
        match &report.told {
            Told::Started { from_seq, through_seq, backup } => {
                let job = self.change_job(id);
                job.attempt = report.attempt;
                job.started_at.get_or_insert(now);
                job.range.get_or_insert((*from_seq, *through_seq));
                job.backup.clone_from(backup);
                (job.stage, job.progress) = (Default::default(), 0.0);
                let news = News::Started { job: id, cause: job.causes[0], attempt: job.attempt };
                let model = job.model.clone();
                turn.effects.announce(news.about(&model, now));
            }
            Told::Running { stage, progress } => {
                let job = self.change_job(id);
                (job.stage, job.progress) = (*stage, progress.max(job.progress));
            }
            Told::Trained(trained) => self.on_trained(turn, id, trained),
            Told::Failed { code, detail } => self.end(turn, id, State::Failed, Some((code.clone(), detail.clone()))),
            Told::Lost { detail } => {
                let job = self.change_job(id);
                job.lost += 1;
                job.attempt = job.attempt.max(report.attempt);
                if RETRAINING_ATTEMPTS_MAX <= job.lost {
                    let detail = format!("{} attempts ended without an answer, the last because {detail}", job.lost);
                    self.end(turn, id, State::Failed, Some(("worker_lost".into(), detail)));
                }
            }
        }
        Verdict::Applied
    }

    fn on_trained(&mut self, turn: &mut Turn<'_>, id: EffectId, trained: &Trained) {
        let Some(job) = self.jobs.get(&id).cloned() else { return };
        let now = turn.desk.log_time;
        let outcome = Outcome {
            accuracy: trained.challenger.get("accuracy").map(|measured| measured.value),
            rows: trained.rows,
            seconds: trained.seconds,
        };
        let mut made = (0, false);
        self.at_desk(turn, job.model_id, &job.model, |desk| made = desk.on_trained(&job, trained.clone()));
        let (number, wanted) = made;
        let book = self.change_book(job.model_id, &job.model);
        (book.trained_at, book.seconds) = (Some(now), Some(trained.seconds));
        let why = book.version(number).and_then(|version| version.objections.first()).cloned();
        let job = self.change_job(id);
        (job.version, job.outcome, job.progress) = (Some(number), Some(outcome), 100.0);
        let state = if wanted { State::Completed } else { State::Rejected };
        self.end(turn, id, state, why.map(|objection| (objection.code, objection.detail)));
    }

    /// How a model that does not serve compares with the one that does.
    pub(super) fn on_compared(&mut self, turn: &mut Turn<'_>, model: Option<&Model>, told: &Comparison) -> Verdict {
        let known = model.filter(|model| self.books.contains_key(&model.id));
        let mut used = false;
        if let Some(model) = known {
            self.at_desk(turn, model.id, &model.name, |desk| used = desk.on_compared(told));
        }
        if !used {
            Arc::make_mut(&mut self.ledger).change().stale_reports += 1;
            return Verdict::Ignored;
        }
        Verdict::Applied
    }

    /// A person has a version serve.
    pub(super) fn promote(
        &mut self,
        turn: &mut Turn<'_>,
        at: Place<'_>,
        (model, name): (Option<&Model>, &Name),
        number: u32,
    ) -> Verdict {
        let Some(model) = model else { return unknown_model(name) };
        let found = self.book(model.id).and_then(|book| Some((book.champion, book.version(number)?)));
        match found {
            None => unknown_version(number),
            Some((champion, _)) if champion == Some(number) => Verdict::Ignored,
            Some((_, version)) if !version.kept => no_artifact(number),
            Some(_) => {
                self.at_desk(turn, model.id, &model.name, |desk| desk.promote(number, Some(at.source.clone())));
                Verdict::Applied
            }
        }
    }

    /// A person goes back.
    pub(super) fn roll_back(
        &mut self,
        turn: &mut Turn<'_>,
        at: Place<'_>,
        (model, name): (Option<&Model>, &Name),
        to: Option<u32>,
    ) -> Verdict {
        let Some(model) = model else { return unknown_model(name) };
        let Some(book) = self.book(model.id) else { return nothing_before() };
        let target = match (to, &book.watch) {
            (Some(number), _) => match book.version(number) {
                None => return unknown_version(number),
                Some(version) if !version.kept => return no_artifact(number),
                Some(version) if version.standing == Standing::Champion => return Verdict::Ignored,
                Some(version) if version.served.is_empty() => return never_served(number),
                Some(_) => Some(number),
            },
            (None, Some(watch)) => watch.previous,
            (None, None) => {
                match book.decisions.iter().rev().find(|past| past.what == book::Decided::Promoted && past.to == book.champion)
                {
                    Some(past) => past.from,
                    None => return nothing_before(),
                }
            }
        };
        self.at_desk(turn, model.id, &model.name, |desk| desk.go_back(target, Some(at.source.clone()), None));
        Verdict::Applied
    }

    pub(super) fn pin(
        &mut self,
        turn: &mut Turn<'_>,
        at: Place<'_>,
        (model, name): (Option<&Model>, &Name),
        pinned: bool,
    ) -> Verdict {
        let Some(model) = model else { return unknown_model(name) };
        if self.book(model.id).is_some_and(|book| book.pinned) == pinned {
            return Verdict::Ignored;
        }
        self.at_desk(turn, model.id, &model.name, |desk| desk.pin(pinned, at.source.clone()));
        Verdict::Applied
    }

    /// Forgets all of a model. What is trained for it is cancelled.
    pub(super) fn forget(&mut self, turn: &mut Turn<'_>, model: u32) {
        if let Some(id) = self.open_of(model).map(|job| job.id) {
            self.end(turn, id, State::Cancelled, None);
        }
        let of_model: Vec<EffectId> = self.jobs.values().filter(|job| job.model_id == model).map(|job| job.id).collect();
        of_model.into_iter().for_each(|id| self.drop_job(id));
        if let Some(book) = self.books.remove(&model) {
            self.changed_books.remove(&model);
            self.drop_row(rows::book_key(model), book.row_hash());
        }
        if let Some(tally) = self.tallies.remove(&model) {
            self.changed_tallies.remove(&model);
            self.drop_row(rows::tally_key(model), tally.row_hash());
        }
    }

    /// Ends a job, and gives the next its turn.
    fn end(&mut self, turn: &mut Turn<'_>, id: EffectId, state: State, error: Option<(CompactString, String)>) {
        let now = turn.desk.log_time;
        let job = self.change_job(id);
        (job.state, job.finished_at) = (state, Some(now));
        job.error = error;
        let (model, name) = (job.model_id, job.model.clone());
        let why = job.error.as_ref().map(|(code, detail)| format!("{code}: {detail}"));
        let news = News::Finished { job: id, cause: job.causes[0], state, version: job.version, error: why };
        turn.effects.announce(news.about(&name, now));
        let ledger = Arc::make_mut(&mut self.ledger).change();
        match state {
            State::Completed => ledger.completed += 1,
            State::Rejected => ledger.rejected += 1,
            State::Cancelled => ledger.cancelled += 1,
            State::Failed | State::Queued | State::Running => ledger.failed += 1,
        }
        self.change_book(model, &name).ended_at = Some(now);
        let ended = self.jobs.values().filter(|job| !job.state.is_open());
        let mut ended: Vec<(Option<Timestamp>, EffectId)> = ended.map(|job| (job.finished_at, job.id)).collect();
        ended.sort_unstable();
        let spare = ended.len().saturating_sub(RETRAININGS_KEPT_MAX);
        ended[..spare].iter().for_each(|(_, id)| self.drop_job(*id));
        self.start_due(turn);
    }

    fn drop_job(&mut self, id: EffectId) {
        if let Some(job) = self.jobs.remove(&id) {
            self.changed_jobs.remove(&id);
            self.drop_row(rows::job_key(id), job.row_hash());
        }
    }

    /// A row that was never written is not deleted either.
    fn drop_row(&mut self, key: Key, hash: u128) {
        if hash != 0 {
            self.gone.push((key, hash));
        }
    }

    /// Decides about one model, and tells what was decided.
    fn at_desk(&mut self, turn: &mut Turn<'_>, model: u32, name: &Name, decide: impl FnOnce(&mut Desk<'_>)) {
        let (rules, now, position) = (self.ledger.policy.rules_of(name), turn.desk.log_time, turn.desk.position);
        let served = self.served(model);
        let mut desk = Desk { book: self.change_book(model, name), rules, now, position, served, news: Vec::new() };
        let before = desk.book.champion;
        decide(&mut desk);
        let has_changed = desk.book.champion != before;
        let announcements: Vec<Announcement> = desk.news.into_iter().map(|news| news.about(name, now)).collect();
        if has_changed {
            self.begin_tally(model);
        }
        announcements.into_iter().for_each(|announcement| turn.effects.announce(announcement));
    }

    fn change_job(&mut self, id: EffectId) -> &mut Job {
        self.changed_jobs.insert(id);
        Arc::make_mut(self.jobs.get_mut(&id).expect("whoever changes a job has found it")).change()
    }

    fn change_book(&mut self, model: u32, name: &Name) -> &mut Book {
        self.changed_books.insert(model);
        let book = self.books.entry(model).or_insert_with(|| Arc::new(Kept::new(Book::of(name))));
        Arc::make_mut(book).change()
    }
}

/// What is kept as JSON within a row, because it says by names what it holds.
mod as_json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<T: Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(value).map_err(S::Error::custom)?)
    }

    pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn unknown_model(name: &Name) -> Verdict {
    bound_reached("no_such_model", format!("there is no model {:?}", name.as_str()))
}

fn unknown_version(number: u32) -> Verdict {
    bound_reached("no_such_version", format!("no version {} was trained", book::shown(number)))
}

fn no_artifact(number: u32) -> Verdict {
    let detail = format!(
        "the artifact of {} is not kept any more: it never served, and ten newer ones were trained",
        book::shown(number)
    );
    bound_reached("no_artifact", detail)
}

fn never_served(number: u32) -> Verdict {
    let detail = format!("{} has never served, so nothing goes back to it; promote it instead", book::shown(number));
    bound_reached("never_served", detail)
}

fn nothing_before() -> Verdict {
    bound_reached("nothing_before", "nothing of ours has taken the place of this model".to_owned())
}
