//! Windows that fit the traffic of a version.

use super::{Chance, drift_in, track};
use crate::event::{Event, Feature};
use crate::monitor::tests::{Input, START, World, prediction};
use crate::time::{Span, Timestamp};

const HOUR: i64 = 3_600;

/// One row of an income that is spread over two orders of magnitude.
fn income(chance: &mut Chance, when: Timestamp, factor: f64) -> Input {
    let mut input = prediction(&format!("p{}", when.micros()), "no", when);
    let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
    let normal = (0..12).map(|_| chance.next()).sum::<f64>() - 6.0;
    let features = [("income", 3_000.0 * factor * (0.5 * normal).exp()), ("age", 20.0 + 50.0 * chance.next())];
    logged.features = features.map(|(name, value)| (name.into(), Feature::Number(value))).into_iter().collect();
    input
}

/// Rows so many seconds apart, from one second on up to another; what was said of drift.
fn run(world: &mut World, chance: &mut Chance, seconds: std::ops::Range<i64>, apart: usize, factor: f64) -> Vec<String> {
    let rows = seconds.step_by(apart).map(|second| income(chance, START + Span::from_secs(second), factor));
    rows.collect::<Vec<_>>().into_iter().flat_map(|row| drift_in(&world.when(row))).collect()
}

#[test]
fn an_income_that_rises_by_two_fifths_at_two_rows_a_minute_is_told_within_a_day() {
    let (mut world, mut chance) = (World::default(), Chance(31));
    assert_eq!(run(&mut world, &mut chance, 0..30 * HOUR, 30, 1.0), [""; 0]);
    let pace = track(&world).watch.pace;
    assert_eq!(pace.width(&world.state.desk.drift.policy), Span::from_secs(6 * HOUR));
    assert!(pace.rate().is_some_and(|rate| (1.9..2.1).contains(&rate)), "{pace:?}");
    let told = run(&mut world, &mut chance, 30 * HOUR..54 * HOUR, 30, 1.4);
    assert!(told.contains(&"drift detected feature/income window".to_owned()), "{told:?}");
    assert!(told.iter().all(|told| !told.contains("age")), "{told:?}");
}

#[test]
fn a_version_that_slows_down_is_judged_over_wider_windows_and_loses_no_row() {
    let (mut world, mut chance) = (World::default(), Chance(32));
    run(&mut world, &mut chance, 0..2 * HOUR, 1, 1.0);
    let width = |world: &World| track(world).watch.pace.width(&world.state.desk.drift.policy);
    assert_eq!(width(&world), Span::from_secs(600));
    run(&mut world, &mut chance, 2 * HOUR..3 * HOUR, 30, 1.0);
    assert_eq!(width(&world), Span::from_secs(6 * HOUR));
    let before = track(&world).watch.score.unwrap().end();
    run(&mut world, &mut chance, 3 * HOUR..13 * HOUR, 30, 1.0);
    let score = track(&world).watch.score.unwrap();
    assert!(before < score.end() && score.width <= Span::from_secs(6 * HOUR) && 600 < score.predictions, "{score:?}");
}

#[test]
fn a_policy_may_pin_the_width_and_free_it_again() {
    use crate::event::{Command, PolicyChange};
    let mut world = World::default();
    let set = |world: &mut World, seconds| {
        let change = PolicyChange { window_seconds: Some(seconds), ..PolicyChange::default() };
        world.when(super::command(Command::SetDriftPolicy(change), START));
        world.state.desk.drift.policy.window
    };
    assert_eq!(set(&mut world, 3_600), Some(Span::from_secs(3_600)));
    assert_eq!(set(&mut world, 0), None);
}
