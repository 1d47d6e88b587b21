//! Many versions that gather at the same time, and references that do not hold every column.

use super::{Chance, command, name, run};
use crate::event::{Command, Event, Feature, TrainingRow, TrainingRows, Value};
use crate::monitor::drift::room::Claim;
use crate::monitor::drift::tests::Mix;
use crate::monitor::drift::{Fleet, Track};
use crate::monitor::limits::{GATHERED_VALUES_MAX, LESSON_VALUES_MAX, RESERVATION_PATIENCE};
use crate::monitor::tests::{Input, MODEL, START, World, label, prediction, tick};
use crate::time::{Span, Timestamp};

/// What a version of one feature reserves.
const ONE: u64 = 3 * 1_000;

/// A house in which only `versions` of one feature can gather at a time.
fn narrow(versions: u64) -> World {
    let mut world = World::default();
    world.state.desk.drift.references.reserved = GATHERED_VALUES_MAX - versions * ONE;
    world
}

fn after(seconds: i64) -> Timestamp {
    START + Span::from_secs(seconds)
}

/// A prediction of one feature by `model`.
fn of(model: &str, nth: i64) -> Input {
    let mut input = prediction(&format!("{model}-{nth}"), "yes", after(nth));
    let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
    logged.model = name(model);
    logged.features = [("amount".into(), Feature::Number(nth as f64))].into_iter().collect();
    input
}

fn track<'a>(world: &'a World, model: &str) -> &'a Track {
    &world.state.models.by_name(model).unwrap().drift.tracks[0]
}

fn fleet(world: &World) -> &Fleet {
    &world.state.desk.drift
}

#[test]
fn whoever_has_begun_finishes_and_who_waits_is_served_in_the_order_in_which_they_came() {
    let mut world = narrow(1);
    let models = ["first", "second", "third"];
    for nth in 0..999 {
        world.given(models.map(|model| of(model, nth)));
    }
    let gathered = |world: &World| models.map(|model| track(world, model).gathered());
    assert_eq!((gathered(&world), fleet(&world).references.waiting), ([999, 0, 0], 2));
    let tickets = models.map(|model| track(&world, model).watch.claim.waits().map(|(ticket, _)| ticket));
    assert_eq!(tickets, [None, Some(0), Some(1)]);
    world.when(of("first", 999));
    assert!(track(&world, "first").baseline.is_some() && track(&world, "first").watch.claim == Claim::None);
    world.when(tick(after(1_000)));
    for nth in 1_001..2_001 {
        world.given(models.map(|model| of(model, nth)));
    }
    assert!(track(&world, "second").baseline.is_some());
    assert_eq!((gathered(&world), fleet(&world).references.waiting), ([0, 0, 0], 1));
    world.when(tick(after(2_001)));
    world.given((2_002..3_002).map(|nth| of("third", nth)));
    assert!(models.iter().all(|model| track(&world, model).baseline.is_some()), "the turn of all has come");
    assert_eq!(fleet(&world).references.reserved, GATHERED_VALUES_MAX - ONE);
}

#[test]
fn a_version_that_has_reserved_and_falls_silent_does_not_block_those_that_wait() {
    let mut world = narrow(1);
    world.given([of("silent", 0), of("alive", 1)]);
    let ticks =
        |world: &mut World, from: i64, to: i64| (from..to).step_by(60).for_each(|second| drop(world.when(tick(after(second)))));
    let patience = RESERVATION_PATIENCE.micros() / 1_000_000;
    ticks(&mut world, 5, patience);
    assert_eq!((fleet(&world).references.lapsed, track(&world, "silent").gathered()), (0, 1));
    ticks(&mut world, patience, patience + 180);
    assert_eq!((fleet(&world).references.lapsed, fleet(&world).references.waiting), (1, 0));
    world.given((0..1_000).map(|nth| of("alive", patience + 200 + nth)));
    assert!(track(&world, "alive").baseline.is_some());
    // back again, it begins anew
    world.given((0..1_000).map(|nth| of("silent", patience + 2_000 + nth)));
    assert!(track(&world, "silent").baseline.is_some());
}

#[test]
fn a_version_that_grows_wider_than_it_reserved_and_finds_no_room_begins_anew_behind_the_others() {
    let mut world = narrow(2);
    world.given([of("wide", 0), of("other", 0), of("waits", 0)]);
    let mut wider = of("wide", 1);
    let Event::PredictionLogged(logged) = &mut wider.event else { unreachable!("it is a prediction") };
    logged.features =
        [("amount", 1.0), ("size", 2.0)].map(|(name, value)| (name.into(), Feature::Number(value))).into_iter().collect();
    world.when(wider);
    assert_eq!(track(&world, "wide").watch.claim.waits(), Some((1, 4_000)));
    world.when(tick(after(5)));
    assert!(track(&world, "waits").watch.claim.is_reserved(), "there is room for one that came before it");
    assert_eq!(fleet(&world).references.waiting, 1);
}

#[test]
fn losses_are_learnt_by_one_after_the_other_where_there_is_room_for_one() {
    let mut world = World::default();
    world.state.desk.drift.policy.reference_rows = 200;
    world.state.desk.drift.lessons.reserved = LESSON_VALUES_MAX - 200 * 2;
    let models = ["first", "second"];
    let serve = |world: &mut World, seconds: std::ops::Range<i64>| {
        for nth in seconds {
            for model in models {
                let mut input = of(model, nth);
                let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
                logged.value = Some(Value::Number(100.5 + nth as f64));
                world.when(input);
                let mut input = label(&format!("{model}-{nth}"), "", after(nth));
                let Event::LabelArrived(arrived) = &mut input.event else { unreachable!("it is a label") };
                (arrived.model, arrived.actual) = (name(model), Value::Number(101.25 + (nth * 7 % 13) as f64 + nth as f64));
                world.when(input);
            }
            world.when(tick(after(nth)));
        }
    };
    serve(&mut world, 0..150);
    let waits = |world: &World| models.map(|model| track(world, model).lessons_claim().waits().is_some());
    assert_eq!((waits(&world), fleet(&world).lessons.waiting), ([false, true], 1));
    serve(&mut world, 150..600);
    assert_eq!((waits(&world), fleet(&world).lessons.waiting, fleet(&world).loss_estimators), ([false, false], 0, 2));
    let learnt =
        |model: &str| matches!(**track(&world, model).estimator, crate::monitor::drift::estimator::Estimator::OfLosses(_));
    assert!(learnt("first") && learnt("second"));
}

#[test]
fn what_a_training_set_does_not_hold_is_not_compared() {
    let (mut world, mut chance) = (World::default(), Chance(6));
    let row = |n: u32| TrainingRow {
        features: [
            ("amount".into(), Feature::Number(f64::from(n % 100) / 100.0)),
            ("country".into(), Feature::text(["kr", "us", "de"][n as usize % 3])),
        ]
        .into_iter()
        .collect(),
        prediction: None,
        score: None,
    };
    let rows = (0..1_000).map(row).collect();
    world.when(command(
        Command::UseReference(TrainingRows { model: name(MODEL), version: None, first: true, last: true, rows }),
        START,
    ));
    assert_eq!(run(&mut world, &mut chance, 0..60, Mix::default()), [""; 0]);
    let standings = &track(&world, MODEL).watch.standings;
    assert!(standings[0].figures.is_none() && standings[2].figures.is_some(), "{standings:?}");
    assert_eq!(
        run(&mut world, &mut chance, 60..72, Mix { shift: 0.5, ..Mix::default() }),
        ["drift detected feature/amount window"]
    );
}
