//! Pressure: how long something has waited for processor, memory or disk since the host started (some), and how long everything has (full).

use super::{Metrics, read};

/// The file, its line, and the metric; node_exporter's words.
const LINES: [(&str, &str, &str); 5] = [
    ("cpu", "some", "tidewatch_pressure_cpu_waiting_seconds_total"),
    ("io", "some", "tidewatch_pressure_io_waiting_seconds_total"),
    ("io", "full", "tidewatch_pressure_io_stalled_seconds_total"),
    ("memory", "some", "tidewatch_pressure_memory_waiting_seconds_total"),
    ("memory", "full", "tidewatch_pressure_memory_stalled_seconds_total"),
];

pub fn look(metrics: &mut Metrics) {
    for (file, line, metric) in LINES {
        if let Some(seconds) = total_seconds(&read(&format!("/proc/pressure/{file}")), line) {
            metrics.put(metric, seconds, Vec::new());
        }
    }
}

fn total_seconds(text: &str, line: &str) -> Option<f64> {
    let of = text.lines().find_map(|text| text.strip_prefix(line))?;
    let micros: u64 = of.split_once("total=")?.1.trim().parse().ok()?;
    Some(micros as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_in_seconds() {
        let text = "some avg10=85.22 avg60=44.64 avg300=18.00 total=2500000\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!((total_seconds(text, "some"), total_seconds(text, "full")), (Some(2.5), Some(0.0)));
        assert_eq!(total_seconds("", "some"), None);
    }
}
