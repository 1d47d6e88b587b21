use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::event::{Command, Event, Feature, Features, PolicyChange, RetentionChange};
use crate::ids::Name;
use crate::monitor::cold::Next;
use crate::monitor::drift::tally::Tally;
use crate::monitor::model::{Counters, Model};
use crate::monitor::pane::{Cell, Pane, Width};
use crate::monitor::rollup::Stretch;
use crate::monitor::tests::{Input, MODEL, START, World, label, prediction, prediction_of, tick};
use crate::time::{Span, Timestamp};

const DAY: i64 = 86_400;

fn after(seconds: i64) -> Timestamp {
    START + Span::from_secs(seconds)
}

fn command(command: Command, at: Timestamp) -> Input {
    Input { event: Event::CommandGiven(command), stored_at: at }
}

/// Keeps every minute for ten years.
fn keep_all() -> Input {
    let all = Some(3_653);
    let change = RetentionChange { minute_windows_days: all, hour_windows_days: all, day_windows_days: all };
    command(Command::SetWindowRetention(change), START)
}

/// A prediction of a version with a feature, so that it is counted over the bins of a baseline.
fn of_version(id: &str, version: &str, amount: i64, at: Timestamp) -> Input {
    let mut input = prediction(id, if amount % 3 == 0 { "a" } else { "b" }, at);
    if let Event::PredictionLogged(prediction) = &mut input.event {
        prediction.version = Some(Name::try_from(version).unwrap());
        prediction.features = Features::from_iter([("amount".into(), Feature::Number(amount as f64))]);
        prediction.confidence = Some((amount % 100) as f64 / 100.0);
        prediction.response_time = Some(0.001 + (amount % 997) as f64 / 500.0);
    }
    input
}

/// What the panes of a range hold together: by cell, and by cell and baseline.
type Told = (u32, BTreeMap<u16, Cell>, BTreeMap<(u16, u32), Tally>);

fn told(model: &Model, world: &mut World, (from, to): (Timestamp, Timestamp), widest: Width) -> (Told, usize) {
    let (mut told, mut panes): (Told, _) = Default::default();
    for Stretch { width, from, to } in model.rollup.plan(from, to, widest) {
        model.each_pane(&mut world.cold, width, (from, to), &mut |_, pane: &Pane| {
            panes += 1;
            told.0 = told.0.max(pane.revision);
            pane.cells().for_each(|(index, cell)| told.1.entry(index).or_default().merge(cell));
            for (index, tally) in pane.tallies() {
                match told.2.get_mut(&(index, tally.baseline())) {
                    Some(total) => total.merge(&tally.read()),
                    None => drop(told.2.insert((index, tally.baseline()), Tally::clone(&tally.read()))),
                }
            }
            Next::Shown
        });
    }
    (told, panes)
}

fn told_in(world: &mut World, range: (i64, i64), widest: Width) -> (Told, usize) {
    let model = world.model().clone();
    told(&model, world, (after(range.0), after(range.1)), widest)
}

/// Some weeks of a model with two versions, a tick with each record, labels after a while, a reference that is gathered anew; then quiet.
fn history(steps: &[(u32, u16, u8)], anew: usize) -> (Vec<Input>, i64) {
    let policy = PolicyChange { reference_rows: Some(100), ..PolicyChange::default() };
    let mut inputs = vec![command(Command::SetDriftPolicy(policy), START)];
    inputs.extend((0..120).map(|n| of_version(&format!("first{n}"), "1", n * 7 % 100, after(n))));
    let (mut now, mut waiting) = (200, Vec::new());
    for (n, (pause, amount, kind)) in steps.iter().enumerate() {
        now += i64::from(*pause);
        let (id, amount) = (format!("p{n}"), i64::from(*amount));
        inputs.push(of_version(&id, if kind % 5 == 0 { "2" } else { "1" }, amount, after(now)));
        if kind % 3 != 0 {
            waiting.push((now + i64::from(*pause) * i64::from(kind % 7), id, if kind % 2 == 0 { "a" } else { "b" }));
        }
        if n == anew {
            inputs.push(command(Command::GatherReference { model: Name::try_from(MODEL).unwrap(), version: None }, after(now)));
            inputs.extend((0..120).map(|n| of_version(&format!("again{n}"), "1", n * 3 % 50, after(now + n / 4))));
            now += 30;
        }
        let (due, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(at, _, _)| *at <= now);
        waiting = later;
        inputs.extend(due.iter().map(|(_, id, class)| label(id, class, after(now))));
        inputs.push(tick(after(now)));
    }
    inputs.extend((1..=30).map(|n| tick(after(now + n * 3_600))));
    (inputs, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn figures_are_equal_whichever_panes_they_are_read_from(
        steps in proptest::collection::vec((60..20_000_u32, 0..1_000_u16, any::<u8>()), 100..300), anew in 0..200_usize,
        from in 0..10_i64, days in 1..40_i64,
    ) {
        let (inputs, end) = history(&steps, anew);
        let (mut rolled, mut kept) = (World::default(), World::default());
        kept.given([keep_all()]);
        for (n, input) in inputs.iter().enumerate() {
            rolled.when(input.clone());
            kept.when(input.clone());
            if n % 37 == 36 {
                let everything = (-DAY, end + DAY);
                let (wide, minutes) = (told_in(&mut rolled, everything, Width::Day).0, told_in(&mut kept, everything, Width::Minute).0);
                prop_assert_eq!(wide, minutes, "after {} inputs", n);
            }
        }
        let range = (from * DAY, (from + days) * DAY);
        let wide = told_in(&mut rolled, range, Width::Day);
        let minutes = told_in(&mut kept, range, Width::Minute);
        prop_assert_eq!(&wide.0, &minutes.0);
        prop_assert_eq!(&told_in(&mut kept, range, Width::Day).0, &minutes.0);
        prop_assert_eq!(&told_in(&mut kept, range, Width::Hour).0, &minutes.0);
        let [of_rolled, of_kept] = [rolled.model().counters, kept.model().counters];
        prop_assert!(of_kept.expired <= of_rolled.expired, "what is rolled up while the model is silent is sealed");
        prop_assert_eq!(Counters { expired: of_kept.expired, ..of_rolled }, of_kept);
    }
}

/// A prediction a day for so many days, its label on the next day, and a tick for each.
fn daily(days: i64) -> impl Iterator<Item = Input> {
    (0..days).flat_map(|day| {
        let at = after(day * DAY + 3_700);
        let (yesterday, today) = (format!("p{}", day - 1), format!("p{day}"));
        let labelled = (day != 0).then(|| label(&yesterday, "a", at));
        [prediction(&today, "a", at)].into_iter().chain(labelled).chain([tick(at), tick(at + Span::from_secs(7_200))])
    })
}

#[test]
fn minutes_become_hours_and_days_and_these_are_deleted_in_the_end_and_counted() {
    let mut world = World::default();
    world.given(daily(800));
    let mut panes = [0_u64; 3];
    world.cold.panes.keys().for_each(|id| panes[id.width as usize] += 1);
    let rolled = world.state.desk.rolled;
    for (panes, days) in panes.into_iter().zip([30, 90, 730]) {
        assert!((days - 1..=days + 2).contains(&panes), "{panes} panes of {days} days, of one a day");
    }
    assert_eq!(
        rolled.deleted,
        [799 - panes[0], 800 - panes[1], 799 - panes[2]],
        "the newest minute is in memory, its day not over"
    );
    let (all, _) = told_in(&mut world, (-DAY, 801 * DAY), Width::Day);
    assert_eq!(all.1[&0].predictions, panes[2] + 1, "what is older than two years is gone");
    assert_eq!(all.1[&0].labelled, panes[2]);
}

#[test]
fn ninety_days_and_a_year_are_read_from_hundreds_of_panes() {
    let mut world = World::default();
    let minutes = (0..370 * 24).flat_map(|hour| {
        let at = |minute: i64| after(hour * 3_600 + minute * 60);
        let of = move |minute: i64| prediction(&format!("{hour}.{minute}"), "a", at(minute));
        [of(5), of(25), of(45), tick(at(46))]
    });
    world.given(minutes);
    let end = 370 * DAY;
    for (days, most) in [(90, 200), (365, 500)] {
        let (all, panes) = told_in(&mut world, (end - days * DAY, end), Width::Day);
        assert_eq!(all.1[&0].predictions, days as u64 * 72);
        assert!(panes < most, "{panes} panes for {days} days");
    }
}

#[test]
fn a_model_that_has_fallen_silent_ages_with_the_log_and_its_late_labels_change_the_hour() {
    let mut world = World::default();
    world.given([prediction("early", "a", after(0)), prediction("p", "a", after(100)), prediction("q", "a", after(130))]);
    world.given((1..=32).map(|day| tick(after(day * DAY))));
    assert!(world.model().hot.is_empty(), "minutes of a month ago are not in memory");
    assert!(world.cold.panes.keys().all(|id| id.width != Width::Minute), "{:?}", world.cold.panes.keys());
    assert_eq!(world.model().counters.expired, 3);

    world.given([label("p", "b", after(32 * DAY)), label("p", "a", after(32 * DAY + 1))]);
    let (all, panes) = told_in(&mut world, (0, DAY), Width::Day);
    assert_eq!((all.1[&0].labelled, all.1[&0].confusion.correct(), panes), (1, 1, 1), "the day is stale, so its hour is read");
    assert_eq!((world.model().counters.expired, world.state.desk.counts.expired), (2, 2));
    world.given([tick(after(32 * DAY + 7_200))]);
    assert!(!world.model().rollup.is_stale(), "it has been made again");
    assert_eq!(told_in(&mut world, (0, DAY), Width::Day).0, all);

    // it serves again: nothing counts twice
    world.given([prediction("again", "a", after(80 * DAY)), tick(after(80 * DAY + 5))]);
    assert_eq!(world.model().counters.expired, 2);
}

#[test]
fn what_comes_for_a_day_that_was_deleted_is_too_late() {
    let mut world = World::default();
    world.given([prediction("p", "a", after(0)), prediction("q", "a", after(60))]);
    world.given((1..=740).map(|day| tick(after(day * DAY))));
    assert!(world.cold.panes.is_empty(), "{:?}", world.cold.panes.keys());
    assert_eq!(world.state.desk.rolled.deleted, [2, 1, 1]);
    world.given([label("p", "a", after(740 * DAY)), prediction("r", "a", after(30))]);
    assert_eq!((world.model().counters.too_late, world.state.desk.rolled.too_old), (2, 2));
    assert_eq!(world.model().counters.labelled, 0);
    assert!(world.cold.panes.is_empty());
}

#[test]
fn a_tick_does_some_of_the_work_and_the_next_goes_on_from_there() {
    let mut world = World::default();
    for n in 0..90 {
        for minute in 0..60 {
            world.given([prediction_of(&format!("model {n}"), &format!("p{minute}"), after(minute * 60))]);
        }
    }
    let made = |world: &World| world.cold.panes.keys().filter(|id| id.width == Width::Hour).count();
    world.given([tick(after(3 * 3_600))]);
    assert_eq!(made(&world), 68, "4,096 panes a tick");
    world.given([tick(after(3 * 3_600 + 5))]);
    assert_eq!(made(&world), 90);
}
