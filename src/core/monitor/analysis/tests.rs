use super::finding::Severity;
use super::*;
use crate::event::{Event, Kind, Message, Metric, Notice, Sample};
use crate::ids::Slug;
use crate::monitor::cold::InMemory;
use crate::monitor::limits::PROCESSES_MAX;
use crate::monitor::{State, apply};
use crate::time::Span;

/// 2026-01-01T00:00:00Z, a Thursday.
const START: i64 = 1_767_225_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((START + seconds) * 1_000)
}

/// A machine that sends series, and what is told of them.
#[derive(Default)]
struct Bench {
    state: State,
    cold: InMemory,
    seq: u64,
    /// Fact, metric (empty of a silence) and pattern.
    told: Vec<(&'static str, String, Pattern)>,
}

impl Bench {
    fn apply(&mut self, seconds: i64, kind: Kind, event: Event) {
        self.seq += 1;
        let source = Slug::try_from("s").unwrap();
        let message = Message { seq: self.seq, stored_at: at(seconds), kind, source, records: vec![Ok(event)] };
        for effect in apply(&mut self.state, &mut self.cold, &message) {
            if let Some(announcement @ Announcement::Anomaly { series, finding, .. }) = effect.announced() {
                let name = series.as_ref().map_or_else(String::new, |(name, _)| name.to_string());
                self.told.push((announcement.fact().as_str(), name, finding.pattern));
            }
        }
    }

    fn sample(&mut self, seconds: i64, values: &[(&str, f64)]) {
        let metric = |(name, value): &(&str, f64)| Metric {
            name: Name::try_from(*name).unwrap(),
            value: *value,
            unit: None,
            labels: Vec::new(),
        };
        let metrics = values.iter().map(metric).collect();
        let source = Name::try_from("web-01").unwrap();
        self.apply(seconds, Kind::Sample, Event::SamplesTaken(Sample { source, at: at(seconds), event_id: None, metrics }));
    }

    fn watched(&self) -> &Watched {
        &self.state.analysis.get(0).watched
    }
}

/// Between -1 and 1, the same everywhere.
fn noise(index: i64) -> f64 {
    let mixed = (index as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[test]
fn a_spike_is_an_anomaly_until_the_series_is_back() {
    let mut bench = Bench::default();
    for tick in 0..480 {
        let value = 30.0 + 2.0 * noise(tick) + if (240..260).contains(&tick) { 60.0 } else { 0.0 };
        bench.sample(tick * 15, &[("cpu_usage_percent", value)]);
    }
    let told = |fact| (fact, "cpu_usage_percent".to_owned(), Pattern::Anomaly);
    assert_eq!(bench.told, [told("anomaly_detected"), told("anomaly_cleared")]);
    let finding = &bench.watched().findings[0];
    assert_eq!(finding.severity, Severity::Critical);
    // three rounds of 30 s into the hour at which it began
    assert!((60..=120).contains(&(finding.since - at(3_600)).micros().div_euclid(1_000_000)), "{}", finding.since);
    assert_eq!(bench.watched().series[0].anomaly, None);
}

#[test]
fn what_stays_is_usual_in_the_end() {
    let mut bench = Bench::default();
    for tick in 0..960 {
        let value = if tick < 240 { 30.0 } else { 50.0 } + noise(tick);
        bench.sample(tick * 15, &[("cpu_usage_percent", value)]);
    }
    let told = |fact, pattern| (fact, "cpu_usage_percent".to_owned(), pattern);
    assert_eq!(bench.told, [told("anomaly_detected", Pattern::Anomaly), told("anomaly_cleared", Pattern::Shift)]);
    let (_, figures) = bench.watched().series[0].newest.unwrap();
    assert!((figures.expected.unwrap() - 50.0).abs() < 1.0, "{figures:?}");
}

#[test]
fn memory_that_rises_steadily_leaks_and_a_queue_fills() {
    let mut bench = Bench::default();
    for tick in 0..240 {
        let rise = (tick - 120).max(0) as f64 * 0.3;
        let values =
            [("memory_usage_percent", 40.0 + rise + noise(tick)), ("queue_length", 10.0 + rise), ("requests", 10.0 + rise)];
        bench.sample(tick * 15, &values);
    }
    let found: Vec<(&str, Pattern)> = bench.told.iter().map(|(_, name, pattern)| (name.as_str(), *pattern)).collect();
    assert!(found.contains(&("memory_usage_percent", Pattern::Leak)), "{found:?}");
    assert!(found.contains(&("queue_length", Pattern::Trend)), "{found:?}");
    assert!(!found.iter().any(|(name, pattern)| *name == "requests" && *pattern != Pattern::Anomaly), "{found:?}");
    let leak = bench.watched().findings.iter().find(|finding| finding.pattern == Pattern::Leak).unwrap();
    // 0.3 every 15 s
    assert!((leak.figures.per_hour.unwrap() - 72.0).abs() < 5.0, "{leak:?}");
    assert!(leak.figures.limit_at.is_some());
}

#[test]
fn the_rhythm_of_a_day_is_no_anomaly_once_it_is_known() {
    let mut bench = Bench::default();
    // a job that runs from 2 to 3 in the night and takes all there is
    for tick in 0..6 * 1_440 {
        let hour = tick / 60 % 24;
        let value = if hour == 2 { 90.0 } else { 20.0 } + noise(tick);
        bench.sample(tick * 60, &[("cpu_usage_percent", value)]);
    }
    let days = |finding: &Finding| (finding.since - at(0)).micros() / Span::from_secs(86_400).micros();
    let mut found: Vec<i64> = bench.watched().findings.iter().map(days).collect();
    found.dedup();
    assert!(found.iter().all(|day| *day < 3), "{found:?}");
    assert_eq!(bench.state.analysis.get(0).period_hours(0), 24);
}

#[test]
fn a_rhythm_that_fails_to_come_is_an_anomaly() {
    let mut bench = Bench::default();
    // traffic of the day, from 8 to 20, that stays away on the fourth
    for tick in 0..4 * 1_440 {
        let (day, hour) = (tick / 1_440, tick / 60 % 24);
        let is_busy = (8..20).contains(&hour) && day != 3;
        bench.sample(tick * 60, &[("requests", if is_busy { 500.0 } else { 50.0 } + 5.0 * noise(tick))]);
    }
    let last = bench.watched().findings.last().unwrap();
    let since = (last.since - at(3 * 86_400)).micros() / Span::from_secs(3_600).micros();
    // within the first hour in which it is missed
    assert_eq!((last.pattern, since), (Pattern::Shift, 8), "{last:?}");
}

#[test]
fn errors_that_come_now_and_then_are_told_a_few_times_only() {
    let mut bench = Bench::default();
    // none for a day, then bursts of some minutes twice an hour
    for tick in 0..3 * 2_880_i64 {
        let is_burst = 2_880 < tick && tick % 60 < 8;
        bench.sample(tick * 30, &[("errors", if is_burst { 3.0 + noise(tick) } else { 0.0 })]);
    }
    let begun = bench.told.iter().filter(|(fact, ..)| *fact == "anomaly_detected").count();
    assert!((1..=5).contains(&begun), "{begun}: {:?}", bench.told);
}

#[test]
fn ordinary_series_of_every_kind_are_left_in_peace() {
    let mut bench = Bench::default();
    let mut walk = 50.0;
    for tick in 0..2 * 86_400 / 30 {
        walk = 50.0 + 0.98 * (walk - 50.0) + noise(tick * 7);
        let spike = if tick % 97 == 0 { 40.0 } else { 0.0 };
        let values = [
            ("constant", 5.0),
            ("noisy", 10.0 + noise(tick)),
            ("wandering", walk),
            ("spiky", 1.0 + 0.1 * noise(tick * 3) + spike),
            ("requests_total", (tick * 100) as f64),
            ("switch", f64::from(u8::from(noise(tick * 11) > 0.0))),
            ("memory_used_bytes", 1e9 + 1e7 * walk),
        ];
        bench.sample(tick * 30, &values);
    }
    assert_eq!(bench.told, []);
}

#[test]
fn a_source_that_falls_silent_is_found_until_it_is_heard_again() {
    let mut bench = Bench::default();
    for tick in 0..80 {
        bench.sample(tick * 15, &[("cpu_usage_percent", 30.0 + noise(tick))]);
    }
    let told = |fact| (fact, String::new(), Pattern::Silence);
    bench.apply(80 * 15 + 200, Kind::Tick, Event::ClockTicked);
    assert_eq!(bench.told, []);
    bench.apply(80 * 15 + 400, Kind::Tick, Event::ClockTicked);
    bench.apply(80 * 15 + 405, Kind::Tick, Event::ClockTicked);
    assert_eq!(bench.told, [told("anomaly_detected")]);
    assert_eq!(bench.watched().findings[0].since, at(79 * 15));
    bench.sample(2_000, &[("cpu_usage_percent", 30.0)]);
    assert_eq!(bench.told, [told("anomaly_detected"), told("anomaly_cleared")]);
}

#[test]
fn one_that_does_not_come_back_is_given_up_after_a_day_and_told_once() {
    let mut bench = Bench::default();
    (0..80).for_each(|tick| bench.sample(tick * 15, &[("cpu_usage_percent", 30.0)]));
    (0..200).for_each(|tick| bench.apply(1_200 + tick * 900, Kind::Tick, Event::ClockTicked));
    let facts: Vec<&str> = bench.told.iter().map(|(fact, ..)| *fact).collect();
    assert_eq!(facts, ["anomaly_detected", "anomaly_cleared"]);
}

#[test]
fn what_goes_on_in_a_source_that_does_not_come_back_is_over_with_it() {
    let mut bench = Bench::default();
    for tick in 0..160 {
        let spike = if 140 <= tick { 60.0 } else { 0.0 };
        bench.sample(tick * 15, &[("cpu_usage_percent", 30.0 + noise(tick) + spike)]);
    }
    assert!(bench.watched().series[0].anomaly.is_some());
    (0..200).for_each(|tick| bench.apply(2_400 + tick * 900, Kind::Tick, Event::ClockTicked));
    assert!(bench.watched().findings.iter().all(|finding| !finding.is_open()), "{:?}", bench.watched().findings);
    assert_eq!(bench.watched().series[0].anomaly, None);
    assert_eq!(bench.told.last(), Some(&("anomaly_cleared", "cpu_usage_percent".to_owned(), Pattern::Anomaly)));
}

#[test]
fn a_silence_does_not_end_before_it_began() {
    let mut bench = Bench::default();
    (0..80).for_each(|tick| bench.sample(tick * 15, &[("cpu_usage_percent", 30.0)]));
    bench.apply(80 * 15 + 400, Kind::Tick, Event::ClockTicked);
    // a sample that was kept back for an hour
    let metric = Metric { name: Name::try_from("cpu_usage_percent").unwrap(), value: 30.0, unit: None, labels: Vec::new() };
    let source = Name::try_from("web-01").unwrap();
    let late = Sample { source, at: at(-3_600), event_id: None, metrics: vec![metric] };
    bench.apply(80 * 15 + 500, Kind::Sample, Event::SamplesTaken(late));
    let finding = &bench.watched().findings[0];
    assert_eq!((finding.pattern, finding.since), (Pattern::Silence, at(79 * 15)));
    assert!(finding.until.is_some_and(|until| finding.since <= until), "{finding:?}");
}

#[test]
fn a_rise_that_several_rings_show_is_one_finding() {
    let mut bench = Bench::default();
    for minute in 0..100 * 60 {
        let (slow, steep) = (100.0 + 0.5 * minute as f64 / 60.0, 0.5 * (minute - 1_421).max(0) as f64);
        let value = if 26 * 60 <= minute { 150.0 } else { slow + steep };
        bench.sample(minute * 60, &[("memory_bytes", value)]);
    }
    let leaks = bench.told.iter().filter(|(fact, _, pattern)| *fact == "anomaly_detected" && *pattern == Pattern::Leak);
    assert_ne!(leaks.count(), 0);
    let series = &bench.watched().series[0];
    let open = bench.watched().findings.iter().filter(|finding| finding.is_open() && finding.pattern == Pattern::Leak);
    assert_eq!(open.count(), usize::from(series.rise.is_some()));
}

#[test]
fn values_that_round_where_they_are_kept_do_not_stop_the_log() {
    let mut bench = Bench::default();
    for hour in 0..74 {
        let close = match hour {
            5 => [1.002_106_070_518_493_7, 1.002_106_189_727_783_2],
            29 => [5_438_848_766.997_893; 2],
            _ => [1.0; 2],
        };
        for (minute, value) in [(0, close[0]), (30, close[1])] {
            bench.sample(hour * 3_600 + minute * 60, &[("close", value), ("huge", 1e39), ("largest", 1e30)]);
        }
    }
}

#[test]
fn a_series_that_relapses_for_days_is_counted_to_the_end() {
    let mut bench = Bench::default();
    for round in (0..9 * 2_880).filter(|round| round % 2_880 < 2_760) {
        let value = if round / 64 % 2 == 0 { 1_000.0 } else { -1_000.0 };
        bench.sample(round * 30, &[("valve", value)]);
    }
    assert!(!bench.told.is_empty());
}

#[test]
fn huge_values_and_too_many_series_harm_nobody() {
    let mut bench = Bench::default();
    for tick in 0..100 {
        let huge = if tick % 2 == 0 { f64::MAX } else { f64::MIN };
        bench.sample(tick * 30, &[("cpu_usage_percent", 30.0 + noise(tick)), ("huge", huge), ("large", huge / 1e160)]);
    }
    let names: Vec<String> = (0..200).map(|number| format!("series_{number}")).collect();
    let values: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
    (100..110).for_each(|tick| bench.sample(tick * 30, &values));
    let watched = bench.watched();
    assert_eq!(watched.series.len(), SERIES_WATCHED_PER_SUBJECT_MAX);
    // counted once each, however often they come
    assert_eq!(watched.unwatched, 3 + 200 - SERIES_WATCHED_PER_SUBJECT_MAX as u64);
    let figures = watched.series.iter().filter_map(|series| series.newest).map(|(_, figures)| figures);
    assert!(figures.clone().all(|figures| figures.score.is_some_and(f64::is_finite)));
}

/// Code and whether it is critical.
fn notice((code, is_critical): (&str, bool)) -> Notice {
    Notice { code: code.into(), is_critical, detail: "85 % of the log is used; raise its bound.".into() }
}

#[test]
fn what_is_wrong_with_the_process_is_a_finding_until_it_is_told_no_more() {
    let mut bench = Bench::default();
    let tell = |bench: &mut Bench, seconds: i64, conditions: &[(&str, bool)]| {
        let conditions = conditions.iter().copied().map(notice).collect();
        bench.apply(seconds, Kind::Outcome, Event::ConditionsSeen { conditions });
    };
    tell(&mut bench, 0, &[]);
    assert_eq!(bench.state.analysis.iter().count(), 0, "nothing was wrong");
    tell(&mut bench, 1, &[("log_filling", false), ("panicked", false)]);
    tell(&mut bench, 2, &[("log_filling", true), ("panicked", false)]);
    tell(&mut bench, 3, &[("panicked", false)]);
    let told = |fact| (fact, String::new(), Pattern::Process);
    assert_eq!(bench.told, [told("anomaly_detected"), told("anomaly_detected"), told("anomaly_cleared")]);
    let [over, open] = &bench.watched().findings[..] else { panic!("{:?}", bench.watched().findings) };
    assert_eq!((over.since, over.until, over.severity), (at(1), Some(at(3)), Severity::Critical));
    assert_eq!(
        (open.is_open(), open.severity, open.notice.as_ref()),
        (true, Severity::Warning, Some(&notice(("panicked", false))))
    );
}

#[test]
fn only_so_many_processes_may_tell_of_themselves() {
    let (mut state, mut cold) = (State::default(), InMemory::default());
    for number in 0..20 {
        let source = Slug::try_from(format!("p{number}").as_str()).unwrap();
        let conditions = vec![notice(("log_full", true))];
        let records = vec![Ok(Event::ConditionsSeen { conditions })];
        apply(&mut state, &mut cold, &Message { seq: number + 1, stored_at: at(0), kind: Kind::Outcome, source, records });
    }
    assert_eq!(state.analysis.iter().count(), PROCESSES_MAX);
}
