//! A finding of the analysis in a sentence, its numbers in the unit of their series.

use crate::event::Notice;
use crate::monitor::analysis::finding::{Finding, Pattern, Severity};
use crate::monitor::analysis::series::{Series, words_of};
use crate::monitor::analysis::{Watched, gathering};
use crate::view::task;

/// Units by how a series says them, as its unit or as a word of its name.
const UNITS: [(&[&str], Unit); 5] = [
    (&["bytes", "b"], Unit::Bytes),
    (&["seconds", "s"], Unit::Seconds),
    (&["milliseconds", "ms"], Unit::Milliseconds),
    (&["percent", "%"], Unit::Percent),
    (&["ratio"], Unit::Ratio),
];

/// Sizes of bytes and of times, largest first.
const BYTES: [(f64, &str); 6] = [(1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")];
const TIMES: [(f64, &str); 5] = [(3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Bytes,
    Seconds,
    Milliseconds,
    Percent,
    Ratio,
    None,
}

/// What `finding` tells of a series of `watched`; `series` is `None` where it is of all of them.
pub fn sentence(watched: &Watched, series: Option<&Series>, finding: &Finding) -> String {
    let figures = &finding.figures;
    let who = &watched.name;
    let what = series.map_or_else(String::new, |series| title(series, who.as_str()));
    let unit = series.map_or(Unit::None, Unit::of);
    let of = |figure: Option<f64>| figure.map_or_else(|| "unknown".to_owned(), |value| unit.show(value));
    let (verb, over) = if finding.is_open() { ("is", "") } else { ("was", " It is over.") };
    let pace = series.map_or("", |series| if gathering::is_counter(series.name.as_str()) { " a second" } else { "" });
    match finding.pattern {
        Pattern::Anomaly => format!(
            "{what} of {who} {verb} {}{pace} where {} is usual ({} to {}).{over}",
            of(figures.value),
            of(figures.expected),
            of(figures.low),
            of(figures.high)
        ),
        Pattern::Shift => {
            format!("{what} of {who} went from {} to {}{pace} and stayed there.", of(figures.expected), of(figures.value))
        }
        Pattern::Leak | Pattern::Trend => {
            let does = if finding.pattern == Pattern::Leak { "leaks" } else { "fills" };
            let limit = figures
                .limit_at
                .map_or_else(String::new, |limit| format!(" At this pace it is full at {}.", limit.to_minute_text()));
            match (figures.per_hour, finding.is_open()) {
                (Some(per_hour), true) => format!(
                    "{what} of {who} {does}: it rises steadily by {} an hour, to {} now.{limit}",
                    unit.show(per_hour),
                    of(figures.value)
                ),
                (_, true) => format!("{what} of {who} {does}: it rises steadily, to {} now.", of(figures.value)),
                (_, false) => format!("{what} of {who} rose steadily.{over}"),
            }
        }
        Pattern::Refused => {
            let share = Unit::Ratio.show(finding.now.or(figures.value).unwrap_or(1.0));
            let last = watched.refusals.as_ref().map_or_else(String::new, |refusals| {
                let place = if refusals.pointer.is_empty() { "the whole record" } else { &refusals.pointer };
                format!(
                    " Of {} records {} were, the last for {}: {} ({place}).",
                    refusals.records, refusals.refused, refusals.reason, refusals.detail
                )
            });
            format!("producer {who}: {share} refused.{last}{over}")
        }
        Pattern::ModelNames | Pattern::SourceNames => {
            let of_models = finding.pattern == Pattern::ModelNames;
            let (sort, command) = if of_models { ("model", "forget model") } else { ("source", "forget source") };
            let room = match (finding.is_open(), finding.severity) {
                (false, _) => over,
                (true, Severity::Critical) => " There is no room for another name, so records that bring one are rejected.",
                (true, Severity::Warning) => " There is hardly room for another name.",
            };
            format!(
                "producer {who}: made {} of at most {} names of {sort}s.{room} `tidewatch {command}` makes room.",
                of(figures.value),
                of(figures.high)
            )
        }
        Pattern::Unfit => {
            let sides = watched.unfit.as_ref().map_or_else(Vec::new, |values| {
                let sides = [(&values.predictions, "predictions"), (&values.labels, "labels")];
                sides.into_iter().filter_map(|(side, name)| task::unfit_remark(side, name, values.reading)).collect()
            });
            format!("{who}: {}.{over}", sides.join("; "))
        }
        Pattern::Process => {
            let told = |notice: &Notice| format!("{} ({})", notice.detail.trim_end_matches('.'), notice.code);
            format!("{who}: {}.{over}", finding.notice.as_ref().map(told).unwrap_or_default())
        }
        Pattern::Silence if finding.is_open() => format!("{who} has sent no sample since {}.", finding.since.to_minute_text()),
        Pattern::Silence => {
            format!("{who} sent no sample from {} to {}.", finding.since.to_minute_text(), finding.last_at.to_minute_text())
        }
    }
}

/// A series by its name and labels, without the label that only repeats whose it is.
fn title(series: &Series, who: &str) -> String {
    let telling = series.labels.iter().filter(|(_, value)| value != who);
    let labels: Vec<String> = telling.map(|(name, value)| format!("{name}={value}")).collect();
    if labels.is_empty() { series.name.to_string() } else { format!("{} ({})", series.name, labels.join(", ")) }
}

impl Unit {
    /// What the series says it is counted in; if nothing, the last word of its name that is a unit.
    fn of(series: &Series) -> Self {
        let known = |word: &str| UNITS.iter().find(|(words, _)| words.contains(&word)).map(|(_, unit)| *unit);
        match &series.unit {
            Some(unit) => known(&unit.to_lowercase()).unwrap_or(Self::None),
            // one letter of a name is no unit
            None => words_of(&series.name).filter(|word| 1 < word.len()).filter_map(known).last().unwrap_or(Self::None),
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Self::Bytes => sized(value, &BYTES),
            Self::Seconds => sized(value, &TIMES),
            Self::Milliseconds => sized(value / 1e3, &TIMES),
            Self::Percent => format!("{} %", short(value, 3)),
            Self::Ratio => format!("{} %", short(100.0 * value, 3)),
            Self::None => short(value, 4),
        }
    }
}

/// In the largest of `sizes` that it reaches, three significant digits; nothing is nothing of the unit itself.
fn sized(value: f64, sizes: &[(f64, &str)]) -> String {
    let base = sizes.iter().find(|(size, _)| *size == 1.0);
    let reached = sizes.iter().find(|(size, _)| *size <= value.abs());
    match if value == 0.0 { base } else { reached.or(sizes.last()) } {
        Some((size, unit)) => format!("{} {unit}", short(value / size, 3)),
        None => short(value, 3),
    }
}

/// So many significant digits, all of those before the point up to fifteen.
fn short(value: f64, digits: i32) -> String {
    let magnitude = value.abs().log10().floor();
    match magnitude {
        m if m.is_finite() && (-4.0..15.0).contains(&m) => {
            let decimals = (digits - 1 - m as i32).max(0) as usize;
            let text = format!("{value:.decimals$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
        m if m.is_finite() => format!("{value:.3e}"),
        _ => "0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Name;

    fn unit(name: &str, unit: Option<&str>) -> Unit {
        Unit::of(&Series::new(Name::try_from(name).unwrap(), Vec::new(), unit.map(Into::into)))
    }

    #[test]
    fn numbers_are_shown_short() {
        let shown = [0.0, 94.25, 31.0, 0.012_345, 123_456_789.0, 1e20, -0.5].map(|value| short(value, 4));
        assert_eq!(shown, ["0", "94.25", "31", "0.01235", "123456789", "1.000e20", "-0.5"]);
    }

    #[test]
    fn a_series_is_shown_in_its_unit_or_in_that_of_its_name() {
        assert_eq!(unit("memory_used_bytes", None).show(8_271_562_293.0), "8.27 GB");
        assert_eq!(unit("memory_used_bytes", None).show(-12.0), "-12 B");
        assert_eq!(unit("request_duration_seconds", None).show(0.0123), "12.3 ms");
        assert_eq!(unit("queue_wait", Some("ms")).show(90_000.0), "1.5 min");
        assert_eq!(unit("cpu_usage_percent", None).show(96.29), "96.3 %");
        assert_eq!(unit("hit_ratio", None).show(0.5), "50 %");
        assert_eq!(unit("bytes_of_a_sort", Some("pieces")).show(3.0), "3");
        assert_eq!(unit("process_b", None), Unit::None);
        assert_eq!(unit("disk_bytes_percent", None), Unit::Percent);
        assert_eq!(unit("memory_used_bytes", None).show(0.0), "0 B");
        assert_eq!(unit("queue_wait", Some("ms")).show(0.0), "0 s");
        assert_eq!(unit("queue_wait", Some("ms")).show(1e-5), "0.01 µs");
    }

    #[test]
    fn a_label_that_repeats_the_name_is_left_out() {
        let label = |name: &str, value: &str| (Name::try_from(name).unwrap(), value.into());
        let labels = vec![label("mount", "/"), label("server", "db-1")];
        let series = Series::new(Name::try_from("disk_usage").unwrap(), labels, None);
        assert_eq!(title(&series, "db-1"), "disk_usage (mount=/)");
        assert_eq!(title(&series, "db-2"), "disk_usage (mount=/, server=db-1)");
    }
}
