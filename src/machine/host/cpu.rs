//! Processors: the time that each has spent in each mode, and the share of it that was work.

use std::collections::BTreeMap;

use super::{Metrics, read};
use crate::tree::ticks_per_second;

/// The modes of `/proc/stat` in its order. Time of guests is in `user` and `nice` already, as node_exporter counts it, too.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];

/// Which of them are rest.
const IDLE: usize = 3;
const IOWAIT: usize = 4;

type Ticks = [u64; MODES.len()];

/// The processors at the last look.
#[derive(Debug, Default)]
pub struct Processor {
    before: BTreeMap<String, Ticks>,
}

/// What each has spent since the host started.
pub struct Times(BTreeMap<String, Ticks>);

impl Processor {
    /// Usage since the last look, and context switches. Gives the times, to be told last.
    pub fn look(&mut self, metrics: &mut Metrics) -> Times {
        let text = read("/proc/stat");
        let now = cores(&text);
        for (core, ticks) in &now {
            if let Some(percent) = self.before.get(core).and_then(|before| usage_percent(before, ticks)) {
                metrics.put("tidewatch_cpu_usage_percent", percent, vec![("core", core.clone())]);
            }
        }
        if let Some(switches) =
            text.lines().find_map(|line| line.strip_prefix("ctxt ")).and_then(|text| text.trim().parse().ok())
        {
            metrics.count("tidewatch_cpu_context_switches_total", switches, Vec::new());
        }
        self.before.clone_from(&now);
        Times(now)
    }
}

impl Times {
    pub fn tell(self, metrics: &mut Metrics) {
        let per_second = ticks_per_second() as f64;
        for (core, ticks) in self.0 {
            for (mode, ticks) in MODES.into_iter().zip(ticks) {
                let labels = vec![("core", core.clone()), ("mode", mode.to_owned())];
                metrics.put("tidewatch_cpu_seconds_total", ticks as f64 / per_second, labels);
            }
        }
    }
}

/// By number, as texts.
fn cores(text: &str) -> BTreeMap<String, Ticks> {
    let core = |line: &str| {
        let mut fields = line.strip_prefix("cpu")?.split_ascii_whitespace();
        let number = fields.next().filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
        if line.starts_with("cpu ") {
            return None;
        }
        let mut ticks = Ticks::default();
        ticks.iter_mut().zip(fields).for_each(|(ticks, field)| *ticks = field.parse().unwrap_or(0));
        Some((number.to_owned(), ticks))
    };
    text.lines().filter_map(core).collect()
}

/// Percent of the time between two readings that was not rest; `None` if none has passed. The kernel may take some of `iowait` back.
fn usage_percent(before: &Ticks, now: &Ticks) -> Option<f64> {
    let spent: Vec<u64> = before.iter().zip(now).map(|(before, now)| now.saturating_sub(*before)).collect();
    let all: u64 = spent.iter().sum();
    (0 < all).then(|| 100.0 * (all - spent[IDLE] - spent[IOWAIT]) as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_is_busy_for_what_was_neither_idle_nor_waiting() {
        let text = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 0 50 800 50 0 0 0 0 0\ncpu11 1 2 3 4 5 6 7 8 9 10\nintr 5\nctxt 7\n";
        let cores = cores(text);
        assert_eq!(cores.keys().collect::<Vec<_>>(), ["0", "11"]);
        assert_eq!(cores["11"], [1, 2, 3, 4, 5, 6, 7, 8]);
        let later = [130, 0, 70, 840, 60, 0, 0, 0];
        assert_eq!(usage_percent(&cores["0"], &later), Some(50.0));
        assert_eq!(usage_percent(&later, &later), None);
    }
}
