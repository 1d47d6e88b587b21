//! The simulator: four models and twenty servers that publish over NATS as any client would, and know nothing of us. What it tells
//! is a function of the seed and the time, so the same seed tells the same story and a restart goes on where it stopped.

mod chance;
mod feed;
mod models;
mod servers;

use std::collections::BTreeMap;

use serde_json::Value;

pub use feed::{Error, Feed, run};

use crate::event::Kind;
use crate::time::{Span, Timestamp};

/// The grain of the story: labels and predictions appear in steps of this.
const TICK: Span = Span::from_micros(250_000);
const TICKS_PER_SECOND: i64 = 1_000_000 / TICK.micros();

/// Ticks since the Unix epoch.
pub type Tick = i64;

/// One record as a client would publish it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub kind: Kind,
    /// The subject's last token.
    pub source: &'static str,
    pub at: Timestamp,
    pub body: Value,
}

/// The story from one tick on.
pub struct Simulation {
    seed: u64,
    rate: f64,
    next: Tick,
    /// Labels by the tick they are known in.
    labels: BTreeMap<Tick, Vec<Record>>,
}

impl Simulation {
    /// Begins at `start` with nothing before it. `rate` is in predictions a second.
    pub fn new(seed: u64, rate: f64, start: Tick) -> Self {
        Self { seed, rate, next: start, labels: BTreeMap::new() }
    }

    /// Goes on at `start`: labels of predictions before it still come. Costs as much as simulating 15 minutes.
    pub fn resume(seed: u64, rate: f64, start: Tick) -> Self {
        let before = (models::LABEL_DELAY_MAX as Tick + 1) * TICKS_PER_SECOND;
        let mut simulation = Self::new(seed, rate, start);
        for tick in start - before..start {
            for served in models::served(seed, rate, tick) {
                simulation.plan(served.label);
            }
        }
        simulation.labels = simulation.labels.split_off(&start);
        simulation
    }

    /// The tick that is told next.
    pub fn position(&self) -> Tick {
        self.next
    }

    /// Tells one tick: its predictions, then the labels that become known in it, then the samples taken in it.
    pub fn tell(&mut self) -> Vec<Record> {
        let tick = self.next;
        self.next += 1;
        let mut records = Vec::new();
        for served in models::served(self.seed, self.rate, tick) {
            records.push(served.prediction);
            self.plan(served.label);
        }
        let mut labels = self.labels.remove(&tick).unwrap_or_default();
        labels.sort_by_key(|label| label.at);
        records.extend(labels);
        if tick.rem_euclid(TICKS_PER_SECOND) == 0 {
            records.extend(servers::sampled(self.seed, tick.div_euclid(TICKS_PER_SECOND)));
        }
        records
    }

    fn plan(&mut self, label: Option<(Timestamp, Record)>) {
        let Some((known_at, record)) = label else { return };
        self.labels.entry(tick_of(known_at)).or_default().push(record);
    }
}

/// The tick that holds an instant.
pub fn tick_of(at: Timestamp) -> Tick {
    at.micros().div_euclid(TICK.micros())
}

/// When a tick begins.
pub fn start_of(tick: Tick) -> Timestamp {
    Timestamp::from_micros(tick * TICK.micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01T00:00:00Z.
    const START: Tick = 1_767_225_600 * TICKS_PER_SECOND;

    fn told(simulation: &mut Simulation, ticks: usize) -> Vec<Vec<Record>> {
        (0..ticks).map(|_| simulation.tell()).collect()
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_another_seed_another() {
        let story = |seed| told(&mut Simulation::new(seed, 40.0, START), 200);
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
    }

    #[test]
    fn a_story_that_was_interrupted_goes_on_as_if_it_had_not_been() {
        let ticks = 4_000;
        let mut whole = Simulation::resume(7, 8.0, START);
        let skipped = told(&mut whole, ticks);
        assert_eq!(skipped.len(), ticks);
        let mut resumed = Simulation::resume(7, 8.0, START + ticks as Tick);
        assert_eq!(told(&mut whole, 400), told(&mut resumed, 400));
    }

    #[test]
    fn the_rate_is_kept_and_ids_are_unique() {
        for rate in [0.5, 40.0, 333.0] {
            let records: Vec<_> = told(&mut Simulation::new(1, rate, START), 400).concat();
            let predictions: Vec<_> = records.iter().filter(|record| record.kind == Kind::Prediction).collect();
            assert_eq!(predictions.len() as f64, rate * 100.0, "rate {rate}");
            let mut ids: Vec<_> = predictions.iter().map(|record| record.body["prediction_id"].as_str().unwrap()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), predictions.len());
        }
    }

    #[test]
    fn labels_follow_their_predictions_and_no_record_is_of_the_future() {
        let mut simulation = Simulation::new(1, 40.0, START);
        let mut seen = std::collections::BTreeSet::new();
        let mut labels = 0;
        for tick in START..START + 4_000 {
            for record in simulation.tell() {
                assert!(record.at < start_of(tick + 1), "{record:?}");
                let id = record.body["prediction_id"].as_str().unwrap_or_default().to_owned();
                match record.kind {
                    Kind::Prediction => assert!(seen.insert(id)),
                    Kind::Label => {
                        assert!(seen.contains(&id), "{record:?}");
                        labels += 1;
                    }
                    _ => assert_eq!(record.kind, Kind::Sample),
                }
            }
        }
        assert!(20_000 < labels, "{labels}");
    }
}
