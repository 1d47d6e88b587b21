//! Drift in the core's own words.

use std::sync::Arc;

use proptest::prelude::*;

use crate::event::{Command, DetectorChoice, Event, Feature, PastRange, PolicyChange, TrainingRow, TrainingRows, Value};
use crate::ids::Name;
use crate::monitor::drift::Track;
use crate::monitor::drift::baseline::{Bins, Origin};
use crate::monitor::limits::{CELLS_MAX, GATHERED_VALUES_MAX};
use crate::monitor::tests::{Input, MODEL, START, World, label, prediction, tick};
use crate::time::{Span, Timestamp};

mod compared;
mod fleet;
mod incidents;
mod traffic;

/// Predictions a minute.
const RATE: u64 = 60;

/// Numbers between 0 and 1, one after the other: SplitMix64.
#[derive(Clone, Debug)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of several, each as likely as the others.
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[(self.next() * of.len() as f64) as usize]
    }
}

/// What one minute of predictions is made of.
#[derive(Clone, Copy, Debug, Default)]
struct Mix {
    /// Added to the feature `amount`, which else is uniform in 0 to 1.
    shift: f64,
    /// Share of `amount` that is missing.
    missing: f64,
    /// `country` may be a new one.
    new_country: bool,
}

/// The `minute`th minute of predictions, `RATE` of them.
fn minute(chance: &mut Chance, minute: u64, mix: Mix) -> Vec<Input> {
    let record = |nth: u64| {
        let when = START + Span::from_micros(((minute * RATE + nth) * 60_000_000 / RATE) as i64);
        let mut input = prediction(&format!("p{minute}-{nth}"), chance.pick(&["no", "yes"]), when);
        let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
        let amount = Feature::Number(chance.next() + mix.shift);
        let amount = if chance.next() < mix.missing { Feature::Missing } else { amount };
        let countries: &[&str] = if mix.new_country { &["kr", "us", "atlantis"] } else { &["kr", "us", "de"] };
        let country = Feature::Category(chance.pick(countries).into());
        logged.features = [("amount".into(), amount), ("country".into(), country)].into_iter().collect();
        input
    };
    (0..RATE).map(record).collect()
}

/// Minutes from `from` up to `to`, all of one mix; what the core announced about drift.
fn run(world: &mut World, chance: &mut Chance, minutes: std::ops::Range<u64>, mix: Mix) -> Vec<String> {
    let mut said = Vec::new();
    for number in minutes {
        for input in minute(chance, number, mix) {
            said.extend(drift_in(&world.when(input)));
        }
    }
    said
}

fn drift_in(told: &str) -> Vec<String> {
    told.split("; ").filter(|fact| fact.starts_with("drift")).map(str::to_owned).collect()
}

fn track(world: &World) -> &Track {
    &world.model().drift.tracks[0]
}

fn command(command: Command, stored_at: Timestamp) -> Input {
    Input { event: Event::CommandGiven(command), stored_at }
}

fn name(text: &str) -> Name {
    Name::try_from(text).unwrap()
}

#[test]
fn the_first_thousand_predictions_become_the_baseline_and_later_ones_are_counted_over_it() {
    let (mut world, mut chance) = (World::default(), Chance(1));
    run(&mut world, &mut chance, 0..16, Mix::default());
    assert_eq!((track(&world).gathered(), track(&world).baseline.is_some()), (960, false));
    assert_eq!(world.state.desk.drift.references.reserved, 1_000 * 4, "all of it, from its first row on");
    run(&mut world, &mut chance, 16..18, Mix::default());
    let baseline = track(&world).baseline.as_ref().unwrap();
    assert_eq!((baseline.rows, baseline.origin, baseline.columns.len()), (1_000, Origin::FirstRows, 4));
    assert!(matches!(baseline.columns[0].bins, Bins::Categorical { .. }), "the prediction is a class");
    assert!(matches!(baseline.columns[2].bins, Bins::Numeric { .. }), "the amount is a number");
    assert_eq!(
        (track(&world).gathered(), world.state.desk.drift.references.reserved, world.state.desk.drift.columns),
        (0, 0, 4)
    );
    let tally = world.model().hot.values().last().unwrap().cells().next().unwrap().1.tally.clone().unwrap().read();
    assert_eq!((tally.rows, tally.columns[2].present(), tally.unexpected), (RATE, RATE, 0));
}

#[test]
fn a_feature_that_moves_is_told_once_and_again_when_it_has_come_back() {
    let (mut world, mut chance) = (World::default(), Chance(2));
    assert_eq!(run(&mut world, &mut chance, 0..60, Mix::default()), [""; 0]);
    let moved = Mix { shift: 0.5, ..Mix::default() };
    assert_eq!(run(&mut world, &mut chance, 60..90, moved), ["drift detected feature/amount window"]);
    let score = track(&world).watch.score.unwrap();
    assert_eq!((score.features, score.value()), (0.5, 0.5), "one of two features, in full");
    assert_eq!(run(&mut world, &mut chance, 90..120, Mix::default()), ["drift cleared feature/amount window"]);
    assert_eq!(track(&world).watch.score.unwrap().features, 0.0);
}

#[test]
fn a_category_that_is_new_and_values_that_go_missing_are_drift_too() {
    let (mut world, mut chance) = (World::default(), Chance(3));
    run(&mut world, &mut chance, 0..40, Mix::default());
    let said = run(&mut world, &mut chance, 40..62, Mix { new_country: true, missing: 0.3, ..Mix::default() });
    assert_eq!(said, ["drift detected feature/amount window", "drift detected feature/country window"]);
    let tally = world.model().hot.values().last().unwrap().cells().next().unwrap().1.tally.clone().unwrap().read();
    let newcomers = tally.columns[3].newcomers.as_ref().unwrap();
    assert_eq!((newcomers.distinct(), newcomers.examples()[0].0), (1, "atlantis"));
}

#[test]
fn a_stream_that_stays_as_it_is_raises_no_alarm_in_a_week() {
    let mut world = World::default();
    let mut chance = Chance(4);
    assert_eq!(run(&mut world, &mut chance, 0..7 * 24 * 10, Mix::default()), [""; 0]);
    assert!(track(&world).watch.score.is_some());
}

/// A prediction of three features, each uniform in 0 to 1, of which the first two go together or not.
fn of_three(chance: &mut Chance, second: u64, together: bool) -> Input {
    let mut input = prediction(&format!("p{second}"), "no", START + Span::from_micros(second as i64 * 1_000_000));
    let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
    let [first, second, third] = [chance.next(), chance.next(), chance.next()];
    let second = if together { (first + second / 10.0) % 1.0 } else { second };
    let named = [("first", first), ("second", second), ("third", third)];
    logged.features = named.map(|(name, value)| (name.into(), Feature::Number(value))).into_iter().collect();
    input
}

#[test]
fn features_that_part_company_are_told_though_each_alone_stays_as_it_was() {
    let (mut world, mut chance) = (World::default(), Chance(14));
    let mut said = |world: &mut World, seconds: std::ops::Range<u64>, together| -> Vec<String> {
        seconds.flat_map(|second| drift_in(&world.when(of_three(&mut chance, second, together)))).collect()
    };
    assert_eq!(said(&mut world, 0..30_000, true), [""; 0]);
    let names: Vec<String> = track(&world).baseline.as_ref().unwrap().columns.iter().map(|column| column.subject()).collect();
    assert_eq!(names, ["prediction", "score", "feature/first", "feature/second", "feature/third", "multivariate"]);
    assert_eq!(said(&mut world, 30_000..32_000, false), ["drift detected multivariate window"]);
    let score = track(&world).watch.score.unwrap();
    assert_eq!((score.features, score.value()), (0.0, score.multivariate));
    assert!(0.2 < score.multivariate, "{score:?}");
    assert_eq!(said(&mut world, 32_000..34_000, true), ["drift cleared multivariate window"]);
    // against a range of the past, which knows the errors as its panes counted them
    world.when(past(460, 500));
    assert_eq!(
        (track(&world).baseline.as_ref().unwrap().rows, track(&world).baseline.as_ref().unwrap().columns.len()),
        (2_400, 6)
    );
    assert_eq!(said(&mut world, 34_000..38_000, true), [""; 0]);
    assert_eq!(said(&mut world, 38_000..40_000, false), ["drift detected multivariate window"]);
}

#[test]
fn too_few_predictions_are_no_drift_whatever_they_are() {
    let (mut world, mut chance) = (World::default(), Chance(5));
    run(&mut world, &mut chance, 0..20, Mix::default());
    // ninety in a window of ten minutes
    for window in 2..6_u64 {
        let said: Vec<String> = minute(&mut chance, window * 10, Mix { shift: 9.0, ..Mix::default() })
            .into_iter()
            .flat_map(|input| drift_in(&world.when(input)))
            .collect();
        assert_eq!(said, [""; 0]);
    }
}

#[test]
fn a_training_set_takes_the_place_of_the_reference_and_its_model_need_not_have_served() {
    let mut world = World::default();
    let mut chance = Chance(6);
    let row = |n: u32| TrainingRow {
        features: [("amount".into(), Feature::Number(f64::from(n % 100) / 100.0)), ("country".into(), Feature::text("kr"))]
            .into_iter()
            .collect(),
        prediction: Some(Value::Class("no".into())),
        score: None,
    };
    let rows = |range: std::ops::Range<u32>, first, last| {
        let rows = range.map(row).collect();
        command(Command::UseReference(TrainingRows { model: name(MODEL), version: None, first, last, rows }), START)
    };
    // the end before the beginning
    world.when(rows(0..10, false, true));
    assert_eq!(world.state.desk.counts.rejected, 1);
    world.given([rows(0..500, true, false), rows(500..800, false, true)]);
    let baseline = track(&world).baseline.clone().unwrap();
    assert_eq!((baseline.rows, baseline.origin), (800, Origin::Uploaded));
    let said = run(&mut world, &mut chance, 0..12, Mix::default());
    assert_eq!(said, ["drift detected prediction window", "drift detected feature/country window"]);

    world.when(command(Command::GatherReference { model: name(MODEL), version: None }, START + Span::from_secs(720)));
    assert_eq!((track(&world).watch.in_use, world.state.desk.drift.columns), (None, 0));
    run(&mut world, &mut chance, 12..40, Mix::default());
    let baseline = track(&world).baseline.clone().unwrap();
    assert_eq!((baseline.rows, baseline.origin), (1_000, Origin::Collected));
    assert_ne!(baseline.number, 1, "panes counted over the first baseline are told from those over this one");
}

#[test]
fn a_training_set_whose_rest_does_not_come_leaves_no_version_unwatched() {
    let (mut world, mut chance) = (World::default(), Chance(16));
    let row = |n: u32| TrainingRow {
        features: [("amount".into(), Feature::Number(f64::from(n)))].into_iter().collect(),
        prediction: None,
        score: None,
    };
    let rows = (0..500).map(row).collect();
    world.when(command(
        Command::UseReference(TrainingRows { model: name(MODEL), version: None, first: true, last: false, rows }),
        START,
    ));
    run(&mut world, &mut chance, 0..9, Mix::default());
    assert_eq!((track(&world).gathered(), track(&world).watch.origin), (500, Origin::Uploaded));
    run(&mut world, &mut chance, 9..40, Mix::default());
    let baseline = track(&world).baseline.clone().unwrap();
    assert_eq!((baseline.rows, baseline.origin), (1_000, Origin::Collected));
}

#[test]
fn a_training_set_without_room_leaves_the_reference_as_it_was() {
    let (mut world, mut chance) = (World::default(), Chance(17));
    run(&mut world, &mut chance, 0..20, Mix::default());
    let before = track(&world).watch.in_use;
    assert!(before.is_some());
    world.state.desk.drift.references.reserved = GATHERED_VALUES_MAX;
    let rows = vec![TrainingRow {
        features: [("amount".into(), Feature::Number(1.0))].into_iter().collect(),
        prediction: None,
        score: None,
    }];
    world.when(command(
        Command::UseReference(TrainingRows { model: name(MODEL), version: None, first: true, last: true, rows }),
        START,
    ));
    assert_eq!((world.state.desk.counts.rejected, track(&world).watch.in_use), (1, before));
}

#[test]
fn a_window_stays_as_wide_as_it_was_opened() {
    let (mut world, mut chance) = (World::default(), Chance(18));
    run(&mut world, &mut chance, 0..30, Mix::default());
    let moved = Mix { shift: 9.0, ..Mix::default() };
    run(&mut world, &mut chance, 30..37, moved);
    let narrow = PolicyChange { window_seconds: Some(60), ..PolicyChange::default() };
    world.when(command(Command::SetDriftPolicy(narrow), START));
    run(&mut world, &mut chance, 37..42, moved);
    let minute = |minute: i64| START + Span::from_secs(60 * minute);
    let windows: Vec<_> = world.model().profile.incidents.iter().filter_map(|incident| incident.first.window).collect();
    assert_eq!(windows.first(), Some(&(minute(30), minute(40))), "{windows:?}");
}

#[test]
fn a_version_of_which_nothing_was_gathered_comes_back_as_it_was() {
    assert_eq!(Track::young(Arc::default(), Arc::default()).reference, Track::default().reference);
}

/// A command to compare to the minutes from one on up to another.
fn past(from: i64, until: i64) -> Input {
    let minute = |minute: i64| START + Span::from_secs(60 * minute);
    let range = PastRange { model: name(MODEL), version: None, from: minute(from), until: minute(until) };
    command(Command::ReferenceFromRange(range), minute(until))
}

#[test]
fn a_range_of_the_past_becomes_the_reference_over_the_same_bins() {
    let (mut world, mut chance) = (World::default(), Chance(13));
    run(&mut world, &mut chance, 0..40, Mix::default());
    let moved = Mix { shift: 0.3, ..Mix::default() };
    assert_eq!(run(&mut world, &mut chance, 40..100, moved), ["drift detected feature/amount window"]);
    let first = track(&world).baseline.clone().unwrap();

    // some of these panes are in memory and some are not, and the last has not closed yet
    world.when(past(50, 100));
    let baseline = track(&world).baseline.clone().unwrap();
    let (from, until) = (START + Span::from_secs(3_000), START + Span::from_secs(6_000));
    assert_eq!((baseline.rows, baseline.origin), (49 * RATE, Origin::Range { from, until }));
    assert_eq!((baseline.number, baseline.bins, first.number), (2, 1, 1));
    assert_eq!(world.state.desk.drift.columns, 4);
    let counted = baseline.tally(|_| true).columns.swap_remove(2);
    let tenths = baseline.columns[2].bins.coarse(&counted.counts);
    // beyond what the first reference had its bins are few and wide
    let near = |count: &u64| (49 * RATE * 6 / 100..49 * RATE * 17 / 100).contains(count);
    assert!(tenths.len() == 10 && tenths.iter().all(near), "deciles are those of the range: {tenths:?}");
    assert!(matches!(baseline.columns[2].bins, Bins::Numeric { low, .. } if (0.3..0.31).contains(&low)));

    // what has moved is now what is usual, and what was usual has moved
    assert_eq!(run(&mut world, &mut chance, 100..140, moved), [""; 0]);
    assert_eq!(run(&mut world, &mut chance, 140..170, Mix::default()), ["drift detected feature/amount window"]);
    // the pane that was open when the command came, too, is counted over bins that are still in use
    world.when(past(99, 102));
    assert_eq!(track(&world).baseline.as_ref().unwrap().rows, 3 * RATE);

    // of two sets of bins in a range the newer counts
    world.when(command(Command::GatherReference { model: name(MODEL), version: None }, START));
    run(&mut world, &mut chance, 170..200, moved);
    world.when(past(150, 190));
    let baseline = track(&world).baseline.clone().unwrap();
    // it was whole after 16 minutes and 40 predictions
    assert_eq!((baseline.rows, baseline.bins, baseline.number), (20 + 3 * RATE, 4, 5));
}

#[test]
fn a_range_that_is_too_long_or_too_empty_is_refused_and_changes_nothing() {
    let (mut world, mut chance) = (World::default(), Chance(14));
    run(&mut world, &mut chance, 0..30, Mix::default());
    let before = track(&world).clone();
    for (nth, range) in (1..).zip([past(0, 60 * 24 * 32), past(0, 10), past(28, 29), past(500, 600)]) {
        assert!(world.when(range).contains("rejected"));
        assert_eq!((world.state.desk.counts.rejected, track(&world)), (nth, &before));
    }
    world.when(past(25, 29));
    assert_eq!(track(&world).watch.in_use, Some(2));
}

#[test]
fn every_version_has_a_baseline_of_its_own() {
    let mut world = World::default();
    let mut chance = Chance(7);
    for number in 0..40 {
        for (nth, mut input) in minute(&mut chance, number, Mix::default()).into_iter().enumerate() {
            let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
            logged.version = Some(name(if nth % 2 == 0 { "v1" } else { "v2" }));
            if nth % 2 == 0 {
                logged.features = [("amount".into(), Feature::Number(5.0 + chance.next()))].into_iter().collect();
            }
            world.when(input);
        }
    }
    let tracks = &world.model().drift.tracks;
    let columns = |place: usize| tracks[place].baseline.as_ref().unwrap().columns.len();
    assert_eq!((tracks.len(), columns(0), columns(1)), (2, 3, 4));
    let pane = world.model().hot.values().last().unwrap();
    let numbers: Vec<u32> = pane.cells().map(|(_, cell)| cell.tally.as_ref().unwrap().baseline()).collect();
    assert_eq!(numbers.len(), 2);
    assert_ne!(numbers[0], numbers[1]);
}

#[test]
fn predictions_without_room_for_a_cell_are_in_no_reference() {
    let mut world = World::default();
    for n in 0..CELLS_MAX as u64 + 50 {
        let mut input = prediction(&format!("p{n}"), "no", START + Span::from_micros(n as i64 * 1_000));
        let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
        logged.segment = vec![(name("user"), name(&n.to_string()))];
        world.when(input);
    }
    assert_eq!(track(&world).gathered(), CELLS_MAX - 1);
}

#[test]
fn errors_that_become_frequent_raise_the_alarm_of_a_detector_in_the_order_of_their_labels() {
    let mut world = World::default();
    let mut chance = Chance(8);
    let mut said = Vec::new();
    for n in 0..4_000_u64 {
        let when = START + Span::from_micros(n as i64 * 1_000_000);
        world.when(prediction(&format!("p{n}"), "no", when));
        let wrong = chance.next() < if n < 2_000 { 0.1 } else { 0.4 };
        said.extend(drift_in(&world.when(label(&format!("p{n}"), if wrong { "yes" } else { "no" }, when))));
        if n % 5 == 0 {
            said.extend(drift_in(&world.when(tick(when))));
        }
    }
    assert!(said.iter().any(|fact| fact.starts_with("drift detected error ")), "{said:?}");
    world.when(tick(START + Span::from_secs(4_000)));
    let labels = &track(&world).watch.labels;
    assert_eq!((labels.arrived, labels.first.n), (4_000, 1_000));
    assert!(0.1 < track(&world).watch.score.unwrap().performance);
}

#[test]
fn a_policy_counts_from_when_it_is_given() {
    let mut world = World::default();
    let width = Span::from_secs(600);
    let before = world.state.desk.drift.policy.needed(10, width);
    let change = PolicyChange { window_seconds: Some(3_600), reference_rows: Some(200), ..PolicyChange::default() };
    world.when(command(Command::SetDriftPolicy(change.clone()), START));
    // a sixth of the windows need less evidence each
    let policy = world.state.desk.drift.policy;
    assert_eq!(policy.window, Some(Span::from_secs(3_600)));
    assert!((before - policy.needed(10, Span::from_secs(3_600)) - 6.0_f64.ln()).abs() < 1e-12);
    world.when(command(Command::SetDriftPolicy(change), START));
    assert_eq!((world.state.desk.counts.applied, world.state.desk.counts.ignored), (1, 1));
    run(&mut world, &mut Chance(9), 0..4, Mix::default());
    assert_eq!(track(&world).baseline.as_ref().unwrap().rows, 200);
}

#[test]
fn a_run_length_that_is_changed_counts_for_detectors_that_run_already() {
    let mut world = World::default();
    let mut chance = Chance(15);
    let mut labelled = |world: &mut World, range: std::ops::Range<u64>, rate: f64| {
        let mut said = Vec::new();
        for n in range {
            let when = START + Span::from_secs(n as i64);
            world.when(prediction(&format!("p{n}"), "no", when));
            let wrong = chance.next() < rate;
            said.extend(drift_in(&world.when(label(&format!("p{n}"), if wrong { "yes" } else { "no" }, when))));
        }
        said.retain(|fact| fact.contains("e_detector"));
        said
    };
    // a rise that is not enough for a million labels
    assert_eq!(labelled(&mut world, 0..2_000, 0.1), [""; 0]);
    assert_eq!(labelled(&mut world, 2_000..2_128, 0.25), [""; 0]);
    let shorter = PolicyChange { error_run_length: Some(100.0), ..PolicyChange::default() };
    world.when(command(Command::SetDriftPolicy(shorter), START));
    assert_eq!(labelled(&mut world, 2_128..2_192, 0.25), ["drift detected error e_detector"]);
    // not of all labels since some window, but since the rate rose
    let alarm = &world.model().profile.incidents.iter().next_back().unwrap().first;
    let of = |name: &str| alarm.effect.iter().find(|(known, _)| known == name).unwrap().1;
    assert!((of("rate_before") - 0.1).abs() < 0.03 && (of("rate_now") - 0.25).abs() < 0.08, "{alarm:?}");
    assert!((100.0..260.0).contains(&of("values_since")), "{alarm:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_tally_does_not_depend_on_where_it_was_split(seed: u64, cuts in proptest::collection::vec(0..600_usize, 3)) {
        let (mut world, mut chance) = (World::default(), Chance(seed));
        run(&mut world, &mut chance, 0..17, Mix::default());
        let mut track = track(&world).clone();
        let records: Vec<Input> = (20..30).flat_map(|at| minute(&mut chance, at, Mix { missing: 0.2, new_country: true, shift: 0.1 })).collect();
        let mut count = |records: &[Input]| {
            let mut tally = crate::monitor::drift::tally::Tally::of(track.baseline.as_ref().unwrap());
            for record in records {
                let Event::PredictionLogged(logged) = &record.event else { unreachable!("they are predictions") };
                let sight = track.sight(&logged.features).unwrap();
                sight.count(&mut tally, &Feature::text("yes"), &Feature::Missing, &logged.features);
            }
            tally
        };
        let whole = count(&records);
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut parts = Vec::new();
        let mut from = 0;
        for to in cuts.into_iter().chain([records.len()]) {
            parts.push(count(&records[from..to]));
            from = to;
        }
        let mut merged = parts.pop().unwrap();
        parts.iter().for_each(|part| merged.merge(part));
        prop_assert_eq!(rmp_serde::to_vec(&merged).unwrap(), rmp_serde::to_vec(&whole).unwrap());
    }
}

#[test]
fn performance_is_estimated_from_scores_once_enough_labels_have_come() {
    let mut world = World::default();
    let mut chance = Chance(10);
    // scores are of `yes` and too sure of themselves: the truth is yes with a chance of one half and a half of the score's distance from it
    for n in 0..6_000_u64 {
        let when = START + Span::from_micros(n as i64 * 100_000);
        let score = chance.next();
        let mut input = prediction(&format!("p{n}"), if 0.5 < score { "yes" } else { "no" }, when);
        let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
        logged.scores = vec![("yes".into(), score)];
        world.when(input);
        let truth = if chance.next() < 0.5 + (score - 0.5) / 2.0 { "yes" } else { "no" };
        // of the later ones no label comes
        if n < 1_100 {
            world.when(label(&format!("p{n}"), truth, when));
        }
    }
    let model = world.model();
    let mut total = crate::monitor::pane::Cell::default();
    model.hot.values().for_each(|pane| pane.merge_into(&mut total, |_| true));
    let expected = total.expected.as_ref().unwrap();
    assert!(2_500 < expected.count(), "{}", expected.count());
    let (_, accuracy) = expected.figures()[0];
    // E[½ + |s − ½|/2] over uniform scores is 5/8; what scores say by themselves is 3/4
    assert!((accuracy - 0.625).abs() < 0.04, "{accuracy}");
}

#[test]
fn a_detector_that_was_chosen_watches_its_input_in_the_order_of_arrival() {
    let mut world = World::default();
    let mut chance = Chance(11);
    run(&mut world, &mut chance, 0..1, Mix::default());
    let choice = |input: &str, detector: &str| DetectorChoice {
        input: input.to_owned(),
        detector: detector.to_owned(),
        params: Default::default(),
    };
    let chosen = |choices: Vec<DetectorChoice>| {
        command(Command::SetDetectors { model: name(MODEL), detectors: choices }, START + Span::from_secs(60))
    };
    for bad in [choice("weather", "adwin"), choice("loss", "crystal_ball")] {
        world.when(chosen(vec![bad]));
    }
    assert_eq!(world.state.desk.counts.rejected, 2);
    world.when(chosen(vec![choice("feature/amount", "adwin"), choice("response_time", "kswin")]));
    let said = run(&mut world, &mut chance, 1..40, Mix { shift: 0.0, ..Mix::default() });
    assert_eq!(said, [""; 0]);
    let said = run(&mut world, &mut chance, 40..60, Mix { shift: 0.8, ..Mix::default() });
    assert!(said.contains(&"drift detected feature/amount adwin".to_owned()), "{said:?}");
    let inputs: Vec<String> = track(&world).watch.detectors.iter().map(|watching| watching.input.to_string()).collect();
    assert_eq!(inputs, ["error", "error", "feature/amount", "response_time"]);
}

#[test]
fn what_is_not_watched_is_not_gathered() {
    let mut world = World::default();
    let off = PolicyChange { watch: Some(false), ..PolicyChange::default() };
    world.when(command(Command::SetDriftPolicy(off), START));
    run(&mut world, &mut Chance(12), 0..20, Mix::default());
    assert_eq!((track(&world).gathered(), track(&world).baseline.is_some()), (0, false));
}
