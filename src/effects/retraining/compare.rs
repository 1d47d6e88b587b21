//! Compares models on labels that come in: those that would like to serve, and the one that served before, with the one that serves.
//!
//! All are asked the same: the log has the features of each prediction, so a model can be asked afterwards, wherever the champion is served. What the
//! champion said is taken from the log where it answered itself. The advantages go into the log, which decides; nothing is decided here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::child::raw_of;
use crate::artifacts::Artifacts;
use crate::event::wire::Decoder;
use crate::event::{Comparison, Kind};
use crate::files::message::Arrow;
use crate::ids::{Name, Slug};
use crate::monitor::retraining::book::{Book, shown};
use crate::nats::{Door, Headers, Nats, Past};
use crate::telemetry::chain;
use crate::train::artifact::{Answer, Artifact, Room};
use crate::train::job::pairs::{Side, advantage_of, answer, losses};
use crate::train::job::rows::{Asked, Join, Logged};
use crate::train::task::Task;
use crate::view::View;

/// How often labels are compared.
const INTERVAL: Duration = Duration::from_secs(5);

/// Predictions of one model that wait for their label.
const WAITING_MAX: usize = 100_000;

/// Labels that are told at once: so many, and those of one more message, which has at most as many records.
const TOLD_AT_ONCE: usize = 10_000;

/// Messages before those with labels to compare that are read again: the predictions of labels that come late are among them.
const LOOKED_BACK: u64 = 100_000;

/// Models that are compared at the same time; further ones wait until one of these has decided.
const MODELS_MAX: usize = 16;

/// What comparisons are made with.
pub struct Comparisons {
    pub view: watch::Receiver<Arc<View>>,
    pub nats: Nats,
    pub door: Door,
    pub source: Slug,
    pub artifacts: Artifacts,
    /// Nothing is compared before this much of the log is applied.
    pub start_at: u64,
}

/// Who is compared: the champion, and the others with the sequence up to which their labels are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Players {
    champion: Option<u32>,
    others: Vec<u32>,
}

/// One model's comparison.
struct Contest {
    players: Players,
    champion: Option<Artifact>,
    others: BTreeMap<u32, Other>,
    /// Every version of ours, as services name it.
    ours: BTreeSet<String>,
    join: Join,
    /// The log is read up to here.
    read: u64,
}

struct Other {
    artifact: Artifact,
    error_max: f64,
    /// Labels up to here are in its evidence.
    through: u64,
    advantages: Vec<f64>,
}

impl Comparisons {
    /// Compares until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let start_at = self.start_at;
        // both are cancel-safe: a token and a watch
        tokio::select! {
            () = stop.cancelled() => return,
            caught_up = self.view.wait_for(|view| start_at <= view.position) => if caught_up.is_err() { return },
        }
        let mut contests: BTreeMap<u32, Contest> = BTreeMap::new();
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // both are cancel-safe: a token and a timer
            tokio::select! {
                () = stop.cancelled() => return,
                _ = interval.tick() => {}
            }
            // what was read and not yet told is read again: dropping a round loses nothing
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.round(&mut contests) => {}
            }
        }
    }

    async fn round(&mut self, contests: &mut BTreeMap<u32, Contest>) {
        let view = Arc::clone(&self.view.borrow_and_update());
        let compared = view.retraining.books.iter().filter_map(|(id, book)| Some((*id, Players::of(book)?, book)));
        let compared: Vec<_> = compared.take(MODELS_MAX).collect();
        contests.retain(|id, contest| compared.iter().any(|(known, players, _)| known == id && *players == contest.players));
        let mut told = 0;
        for (id, players, book) in compared {
            let contest = match contests.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => match self.begin(players, book).await {
                    Ok(contest) => place.insert(contest),
                    Err(error) => {
                        warn!(target: "retraining", model = %book.model, error, "versions of this model cannot be compared");
                        continue;
                    }
                },
            };
            match self.read(contest, view.position).await {
                Ok(()) => told = told.max(self.tell(&book.model, contest).await),
                Err(error) => {
                    warn!(target: "retraining", model = %book.model, error, "a comparison begins anew");
                    contests.remove(&id);
                }
            }
        }
        // who is compared next follows from what was told
        let _ = self.view.wait_for(|view| told <= view.position).await;
    }

    /// Reads the models that are compared.
    async fn begin(&self, players: Players, book: &Book) -> Result<Contest, String> {
        let hash_of = |number: u32| book.version(number).map(|version| version.trained.artifact.to_string());
        let champion = match players.champion {
            None => None,
            Some(number) => Some(self.artifact(hash_of(number)).await?),
        };
        let mut others = BTreeMap::new();
        for number in &players.others {
            let version = book.version(*number);
            let through = match &book.watch {
                Some(watch) if watch.previous == Some(*number) => watch.through_seq,
                _ => version.map_or(0, |version| version.through_seq),
            };
            let error_max = version.and_then(|version| version.trained.error_max).unwrap_or(1.0);
            let artifact = self.artifact(hash_of(*number)).await?;
            others.insert(*number, Other { artifact, error_max, through, advantages: Vec::new() });
        }
        let known = others.values().map(|other| other.through).min().unwrap_or_default();
        let read = known.saturating_sub(LOOKED_BACK);
        let ours = book.versions.iter().map(|version| shown(version.number)).collect();
        let join = Join::with_room(book.model.clone(), WAITING_MAX);
        Ok(Contest { players, champion, others, ours, join, read })
    }

    async fn artifact(&self, hash: Option<String>) -> Result<Artifact, String> {
        let (artifacts, hash) = (self.artifacts.clone(), hash.ok_or_else(|| "its version is not known".to_owned())?);
        let read = tokio::task::spawn_blocking(move || {
            let bytes = artifacts.get(&hash).map_err(|error| chain(&error).to_string())?;
            Artifact::from_bytes(&bytes).map_err(|error| error.to_string())
        });
        read.await.map_err(|error| error.to_string())?
    }

    /// Reads on, up to `through` or until enough labels have come.
    async fn read(&self, contest: &mut Contest, through: u64) -> Result<(), String> {
        if through <= contest.read {
            return Ok(());
        }
        let lost = |error: &dyn std::error::Error| chain(error).to_string();
        let mut past = Past::open(&self.nats, contest.read + 1, through).await.map_err(|error| lost(&error))?;
        let decoder = Decoder::new(Arrow);
        loop {
            let messages = past.next().await.map_err(|error| lost(&error))?;
            if messages.is_empty() {
                contest.read = through;
                return Ok(());
            }
            // asking models takes longer than the runtime should wait
            let is_full = tokio::task::block_in_place(|| {
                messages.iter().any(|raw| {
                    contest.take(decoder.decode(raw_of(raw), self.nats.root()));
                    contest.read = raw.seq;
                    contest.is_full()
                })
            });
            if is_full {
                return Ok(());
            }
        }
    }

    /// Tells the log how they compare; gives the sequence of the last message.
    async fn tell(&self, model: &Name, contest: &mut Contest) -> u64 {
        let mut told = 0;
        for (version, other) in &mut contest.others {
            let count = other.advantages.len();
            if count == 0 {
                continue;
            }
            let comparison = Comparison {
                model: model.clone(),
                version: *version,
                champion: contest.players.champion,
                advantages: other.advantages.clone(),
                through_seq: contest.read,
            };
            let body = serde_json::json!({ "compared": comparison }).to_string();
            match self.door.publish(Kind::Outcome, &self.source, Headers::new(), Bytes::from(body)).await {
                Ok(seq) => {
                    debug!(target: "retraining", %model, version, count, "labels were compared");
                    told = seq;
                    other.advantages.clear();
                    other.through = contest.read;
                }
                Err(error) => warn!(target: "retraining", error = %chain(&error), "the log cannot be told of a comparison"),
            }
        }
        told
    }
}

impl Players {
    /// Who is compared; `None` if nobody is.
    fn of(book: &Book) -> Option<Self> {
        let mut others: Vec<u32> = book.challengers().filter(|version| version.kept).map(|version| version.number).collect();
        others.extend(book.watch.as_ref().and_then(|watch| watch.previous));
        (!others.is_empty()).then_some(Self { champion: book.champion, others })
    }
}

impl Contest {
    /// Whether enough labels have come to tell of.
    fn is_full(&self) -> bool {
        self.others.values().any(|other| TOLD_AT_ONCE <= other.advantages.len())
    }

    fn take(&mut self, message: crate::event::Message) {
        let seq = message.seq;
        let Self { players, champion, others, ours, join, .. } = self;
        let mut joined = Vec::new();
        join.take(message, &mut |asked| joined.push(asked.clone()));
        let mut room = Room::default();
        for asked in &joined {
            let Some(truth) = &asked.truth else { continue };
            // what is served elsewhere cannot be asked what it would have said in place of one of ours
            if players.champion.is_none() && asked.version.as_ref().is_some_and(|version| ours.contains(version.as_str())) {
                continue;
            }
            let serving = said_by_champion(asked, players.champion, champion.as_ref(), &mut room);
            for other in others.values_mut().filter(|other| other.through < seq) {
                let said = answer(&other.artifact, &other.artifact.learner.ready(), &asked.features, &mut room);
                let sides = (Side::Logged(&serving), Side::Answer(&said));
                if let Some(both) = losses(&other.artifact.task, sides.0, sides.1, &truth.value, other.error_max) {
                    other.advantages.push(advantage_of(both));
                }
            }
        }
    }
}

/// What the champion said, or says now: where another answered, as before a service has switched, it is asked afterwards.
fn said_by_champion(asked: &Asked, number: Option<u32>, champion: Option<&Artifact>, room: &mut Room) -> Logged {
    let answered_itself = match (number, &asked.version) {
        (Some(number), Some(version)) => version.as_str() == shown(number),
        (Some(_), None) => false,
        (None, _) => true,
    };
    match champion.filter(|_| !answered_itself) {
        None => asked.logged.clone(),
        Some(artifact) => as_logged(&artifact.task, answer(artifact, &artifact.learner.ready(), &asked.features, room)),
    }
}

/// An answer as the log would have it.
pub fn as_logged(task: &Task, answer: Answer) -> Logged {
    use crate::event::Value;
    match (answer, task.classes()) {
        (Answer::Class(class, shares), Some(classes)) => Logged {
            value: Value::Class(classes[class].as_str().into()),
            confidence: Some(shares[class]),
            scores: classes.iter().map(|class| class.as_str().into()).zip(shares).collect(),
        },
        (Answer::Class(class, shares), None) => {
            Logged { value: Value::Number(class as f64), confidence: shares.get(class).copied(), scores: Vec::new() }
        }
        (Answer::Quantity(quantity), _) => Logged { value: Value::Number(quantity), confidence: None, scores: Vec::new() },
    }
}
