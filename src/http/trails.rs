//! The last values of each series of a host, so that its page can draw them. Kept in memory beside the pipeline, as the log read them; gone with
//! the process, and a process that has just started has what it has read since.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use compact_str::CompactString;

use crate::event::{Event, Message, Metric};
use crate::ids::Name;
use crate::time::Timestamp;

/// Values of one series.
const VALUES_MAX: usize = 60;

/// Series of all hosts, at one kilobyte each. Of a host beyond them there are no trails.
const SERIES_MAX: usize = 16_000;

/// What the metrics of hosts begin with.
const OF_HOSTS: &str = "tidewatch_";

/// A series within its host: the metric and its labels.
type Series = (Name, Vec<(Name, CompactString)>);

/// By host, then by series; oldest value first.
#[derive(Debug, Default)]
pub struct Trails(Mutex<BTreeMap<Name, Host>>);

#[derive(Debug, Default)]
struct Host {
    heard_at: Timestamp,
    series: BTreeMap<Series, VecDeque<(Timestamp, f64)>>,
}

impl Trails {
    /// Takes in the samples of one batch.
    pub fn note(&self, batch: &[Message]) {
        let samples = batch.iter().flat_map(|message| &message.records).filter_map(|record| match record {
            Ok(Event::SamplesTaken(sample)) => Some(sample),
            _ => None,
        });
        for sample in samples.filter(|sample| sample.metrics.iter().any(|metric| metric.name.as_str().starts_with(OF_HOSTS))) {
            self.take(&sample.source, sample.at, &sample.metrics);
        }
    }

    fn take(&self, host: &Name, at: Timestamp, metrics: &[Metric]) {
        let mut hosts = self.lock();
        let held: usize = hosts.values().map(|host| host.series.len()).sum();
        if SERIES_MAX < held + metrics.len() && !hosts.contains_key(host) {
            // the one that has been silent for longest is looked at least
            let silent = hosts.iter().min_by_key(|(_, host)| host.heard_at).map(|(name, _)| name.clone());
            silent.and_then(|name| hosts.remove(&name));
        }
        let room = SERIES_MAX.saturating_sub(held);
        let host = hosts.entry(host.clone()).or_default();
        host.heard_at = host.heard_at.max(at);
        let most = host.series.len() + room;
        for metric in metrics {
            let key = (metric.name.clone(), metric.labels.clone());
            if most <= host.series.len() && !host.series.contains_key(&key) {
                continue;
            }
            let values = host.series.entry(key).or_default();
            // an older one, out of the spool or told again, is no part of what was last
            if values.back().is_none_or(|(last, _)| *last < at) {
                values.push_back((at, metric.value));
                values.drain(..values.len().saturating_sub(VALUES_MAX));
            }
        }
    }

    /// The values of one series of a host, oldest first.
    pub fn of(&self, host: &Name, series: &Series) -> Vec<(Timestamp, f64)> {
        let hosts = self.lock();
        let values = hosts.get(host).and_then(|host| host.series.get(series));
        values.map(|values| values.iter().copied().collect()).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(value: f64) -> Metric {
        Metric { name: Name::try_from("tidewatch_load").unwrap(), value, unit: None, labels: Vec::new() }
    }

    #[test]
    fn the_last_sixty_values_are_kept_in_order() {
        let (trails, host) = (Trails::default(), Name::try_from("web-01").unwrap());
        for second in 0..100 {
            trails.take(&host, Timestamp::from_micros(second * 1_000_000), &[metric(second as f64)]);
        }
        trails.take(&host, Timestamp::from_micros(5), &[metric(-1.0)]);
        let values = trails.of(&host, &(metric(0.0).name, Vec::new()));
        assert_eq!(values.iter().map(|(_, value)| *value).collect::<Vec<_>>(), (40..100).map(f64::from).collect::<Vec<_>>());
    }
}
