//! Who serves: a challenger that has proved to be better takes the champion's place, and the one before comes back if that was a mistake.
//! `stats::promotion` says what is proved, and why.

use super::book::{Book, Decided, Decision, Standing, Version, Watch, shown};
use super::job::Job;
use super::news::{News, Proof};
use super::policy::{Objection, Rules};
use crate::event::{Comparison, Mode, Trained};
use crate::ids::Slug;
use crate::monitor::limits::{CHALLENGERS_MAX, WATCH, WATCH_LABELS};
use crate::stats::promotion::{ALPHA, Evidence, RETURN_EVIDENCE, RUN_LENGTH, Return, Served, Setback, broken_guard, threshold};
use crate::time::Timestamp;

/// One turn of a book: when it is, how the model is retrained, and what is told of it.
pub struct Desk<'a> {
    pub book: &'a mut Book,
    pub rules: Rules,
    pub now: Timestamp,
    /// Position of the log: evidence of before is in what trainers report.
    pub position: u64,
    /// How the champion has served up to now.
    pub served: Served,
    pub news: Vec<News>,
}

impl Desk<'_> {
    /// A model was trained: it is rejected, promoted or proposed, or stays a challenger. Gives its number, and whether it is wanted.
    pub fn on_trained(&mut self, job: &Job, mut trained: Trained) -> (u32, bool) {
        let advantages = std::mem::take(&mut trained.advantages);
        let mut objections = self.rules.gates.broken(&trained);
        self.book.given += 1;
        let number = self.book.given;
        let mut version = Version {
            number,
            job: job.id,
            made_at: self.now,
            standing: Standing::Challenger,
            trained,
            range: job.range.unwrap_or_default(),
            seed: job.seed(),
            parent: job.parent,
            evidence: Evidence::new(0.0),
            against: Evidence::new(0.0),
            through_seq: job.range.map_or(self.position, |(_, through)| through),
            objections: Vec::new(),
            served: Vec::new(),
            kept: true,
        };
        // what it proved against another champion proves nothing against this one
        if job.parent == self.book.champion {
            version.weigh(&advantages);
        }
        if threshold(ALPHA, 1) <= version.against.value() {
            objections.push(worse(&version));
        }
        let wanted = objections.is_empty();
        version.objections = objections;
        if !wanted {
            version.standing = Standing::Rejected;
            let why = version.objections.iter().map(|objection| objection.detail.as_str()).collect::<Vec<_>>().join("; ");
            self.news.push(News::Rejected { version: number, job: job.id, objections: version.objections.clone() });
            self.note(Decided::Rejected, self.book.champion, Some(number), None, why);
        }
        self.book.add(version);
        if wanted {
            self.make_room(number);
            self.judge(number);
        }
        (number, wanted)
    }

    /// Labels were compared.
    ///
    /// Gives false if the comparison is of no use any more.
    pub fn on_compared(&mut self, told: &Comparison) -> bool {
        if told.champion != self.book.champion {
            return false;
        }
        if self.book.watch.as_ref().is_some_and(|watch| watch.previous == Some(told.version)) {
            return self.watch(told);
        }
        let Some(version) = self.book.version_mut(told.version).filter(|version| version.standing.is_compared()) else {
            return false;
        };
        if told.through_seq <= version.through_seq {
            return false;
        }
        version.through_seq = told.through_seq;
        version.weigh(&told.advantages);
        if threshold(ALPHA, 1) <= version.against.value() {
            let objection = worse(version);
            version.standing = Standing::Rejected;
            version.objections.push(objection.clone());
            let job = version.job;
            self.news.push(News::Rejected { version: told.version, job, objections: vec![objection.clone()] });
            self.note(Decided::Rejected, self.book.champion, Some(told.version), None, objection.detail);
        } else {
            self.judge(told.version);
        }
        true
    }

    /// Compares the champion before with the one that serves.
    fn watch(&mut self, told: &Comparison) -> bool {
        let Some(watch) = &mut self.book.watch else { return false };
        if told.through_seq <= watch.through_seq {
            return false;
        }
        watch.through_seq = told.through_seq;
        let back = told.advantages.iter().find_map(|advantage| watch.setback.add(*advantage));
        match back {
            Some(why) => self.turn_back(why),
            None => self.confirm(),
        }
        true
    }

    /// The champion has answered some more requests.
    pub fn on_served(&mut self, served: Served) {
        let broken = self.book.watch.as_ref().and_then(|watch| broken_guard(served, watch.before));
        if let Some(why) = broken {
            self.turn_back(why);
        }
    }

    /// Goes back to the one before; what a person decided for is only proposed to go.
    fn turn_back(&mut self, why: Return) {
        let pinned = self.book.pinned;
        let Some(watch) = &mut self.book.watch else { return };
        let previous = watch.previous;
        if !watch.by_person && !pinned {
            return self.go_back(previous, None, Some(why));
        }
        if watch.proposed.replace(why).is_none() {
            let text = format!("{}; a person decided for this one", told_of(why));
            self.note(Decided::Proposed, self.book.champion, previous, None, text);
        }
    }

    /// The watch ends once it has seen enough.
    pub fn confirm(&mut self) {
        let Some(watch) = &self.book.watch else { return };
        let labels = watch.setback.evidence().labels();
        if labels < WATCH_LABELS && self.now - watch.since < WATCH {
            return;
        }
        let previous = watch.previous;
        self.book.watch = None;
        if let Some(version) = previous.and_then(|previous| self.book.version_mut(previous)) {
            version.standing = Standing::Retired;
        }
        let why = format!("compared with the one before on {labels} labels");
        self.note(Decided::Confirmed, previous, self.book.champion, None, why);
    }

    /// Promotes or proposes a challenger whose evidence suffices.
    fn judge(&mut self, number: u32) {
        let rivals = self.book.challengers().count();
        let needed = threshold(ALPHA, rivals);
        let Some(version) = self.book.version(number) else { return };
        let value = version.evidence.value();
        if value < needed || !version.standing.is_compared() {
            return;
        }
        let barred = self.book.barred.contains(&(self.book.champion, number));
        let is_free = !self.book.pinned && !self.book.by_person;
        if self.rules.mode == Mode::Auto && is_free && !barred {
            return self.promote(number, None);
        }
        if version.standing == Standing::Challenger {
            let why = format!("evidence {value:.1} of {needed:.0} over {} labels", version.evidence.labels());
            if let Some(version) = self.book.version_mut(number) {
                version.standing = Standing::Proposed;
            }
            self.note(Decided::Proposed, self.book.champion, Some(number), None, why);
        }
    }

    /// Has a version take the place of the champion, which goes on as the one before.
    ///
    /// * `by`: who says so; `None` where evidence does.
    pub fn promote(&mut self, number: u32, by: Option<Slug>) {
        let before = self.book.champion;
        let rivals = self.book.challengers().count();
        let Some(version) = self.book.version(number) else { return };
        let proof = Proof::of(&version.evidence, threshold(ALPHA, rivals));
        let artifact = version.trained.artifact.to_string();
        self.leave_watch();
        if let Some(version) = before.and_then(|before| self.book.version_mut(before)) {
            version.standing = Standing::Previous;
        }
        self.book.serve(Some(number), self.now);
        self.book.by_person = by.is_some();
        self.book.watch = Some(Watch {
            previous: before,
            before: self.served,
            since: self.now,
            by_person: by.is_some(),
            setback: Setback::new(RUN_LENGTH),
            through_seq: self.position,
            proposed: None,
        });
        self.begin_anew();
        let why = format!("evidence {:.1} of {:.0} over {} labels", proof.evidence, proof.threshold, proof.labels);
        self.note(Decided::Promoted, before, Some(number), by.clone(), why);
        self.news.push(News::Promoted { version: number, from: before, artifact, by, proof });
    }

    /// Goes back to a version that served, or to what is served elsewhere.
    pub fn go_back(&mut self, to: Option<u32>, by: Option<Slug>, why: Option<Return>) {
        let from = self.book.champion;
        let setback = self.book.watch.as_ref().map(|watch| watch.setback.evidence());
        let proof = setback.map_or_else(Proof::none, |evidence| Proof::of(evidence, RETURN_EVIDENCE));
        self.leave_watch();
        if let Some(version) = from.and_then(|from| self.book.version_mut(from)) {
            version.standing = Standing::RolledBack;
        }
        if let Some(from) = from {
            self.book.bar(to, from);
        }
        self.book.serve(to, self.now);
        self.book.by_person = false;
        self.begin_anew();
        self.book.cool_until = self.now + self.rules.cooldown();
        let artifact = to.and_then(|to| self.book.version(to)).map(|version| version.trained.artifact.to_string());
        let text = match why {
            Some(why @ (Return::Errors | Return::Latency)) => told_of(why).to_owned(),
            Some(why) => format!("{why:?}: evidence {:.1} over {} labels", proof.evidence, proof.labels).to_lowercase(),
            None => "asked for".to_owned(),
        };
        self.note(Decided::RolledBack, from, to, by.clone(), text);
        self.news.push(News::RolledBack { from, to, artifact, by, why, proof });
    }

    /// Keeps the champion, or no longer.
    pub fn pin(&mut self, pinned: bool, by: Slug) {
        self.book.pinned = pinned;
        let what = if pinned { Decided::Pinned } else { Decided::Unpinned };
        self.note(what, None, self.book.champion, Some(by), String::new());
    }

    /// What was proved against another champion proves nothing against this one.
    fn begin_anew(&mut self) {
        let position = self.position;
        for version in self.book.versions.iter_mut().filter(|version| version.standing.is_compared()) {
            (version.evidence, version.against) = (Evidence::new(0.0), Evidence::new(0.0));
            (version.standing, version.through_seq) = (Standing::Challenger, position);
        }
    }

    fn leave_watch(&mut self) {
        let previous = self.book.watch.take().and_then(|watch| watch.previous);
        if let Some(version) = previous.and_then(|previous| self.book.version_mut(previous)) {
            version.standing = Standing::Retired;
        }
    }

    /// Gives up the oldest challengers where there are too many beside `newest`.
    fn make_room(&mut self, newest: u32) {
        let others: Vec<u32> =
            self.book.challengers().map(|version| version.number).filter(|number| *number != newest).collect();
        for oldest in others.iter().take((others.len() + 1).saturating_sub(CHALLENGERS_MAX)) {
            if let Some(version) = self.book.version_mut(*oldest) {
                version.standing = Standing::Superseded;
            }
            let why = format!("{} is newer", shown(newest));
            self.note(Decided::Superseded, Some(*oldest), Some(newest), None, why);
        }
    }

    fn note(&mut self, what: Decided, from: Option<u32>, to: Option<u32>, by: Option<Slug>, why: String) {
        self.book.decide(Decision { at: self.now, what, from, to, by, why });
    }
}

const fn told_of(why: Return) -> &'static str {
    match why {
        Return::Evidence | Return::Alarm => "evidence says that the champion before is better",
        Return::Errors => "it fails more than twice as often as the one before",
        Return::Latency => "one answer in a hundred takes more than twice as long as of the one before",
    }
}

fn worse(version: &Version) -> Objection {
    let detail = format!(
        "it is worse than the champion: mean advantage {:.4} over {} labels",
        version.evidence.mean().unwrap_or_default(),
        version.evidence.labels()
    );
    Objection { code: "worse".into(), detail }
}

impl Version {
    /// Adds advantages to the evidence for and against.
    fn weigh(&mut self, advantages: &[f64]) {
        for advantage in advantages {
            self.evidence.add(*advantage);
            self.against.add(-advantage);
        }
    }
}

impl Proof {
    fn of(evidence: &Evidence, threshold: f64) -> Self {
        Self { evidence: evidence.value(), threshold, labels: evidence.labels(), mean_advantage: evidence.mean() }
    }

    const fn none() -> Self {
        Self { evidence: 1.0, threshold: RETURN_EVIDENCE, labels: 0, mean_advantage: None }
    }
}
