//! One incident, one alarm: what is told of wrong answers, when, and of which moment.

use super::compared::{policy, regions};
use super::{Chance, Mix, command, drift_in, minute, name, run};
use crate::event::{Command, DetectorChoice, Event, PolicyChange};
use crate::monitor::drift::incident::{Ending, Incident};
use crate::monitor::tests::{MODEL, START, World, label, prediction, tick};
use crate::time::{Span, Timestamp};

fn at(second: i64) -> Timestamp {
    START + Span::from_secs(second)
}

/// Labelled predictions a second apart, wrong with a chance of `wrong`; what was said of drift. `stored` tells when the log has each.
fn serve(
    world: &mut World,
    chance: &mut Chance,
    seconds: std::ops::Range<i64>,
    wrong: f64,
    stored: impl Fn(i64) -> Timestamp,
) -> Vec<String> {
    let mut said = Vec::new();
    for second in seconds {
        let truth = if chance.next() < wrong { "yes" } else { "no" };
        for mut input in [prediction(&format!("p{second}"), "no", at(second)), label(&format!("p{second}"), truth, at(second))]
        {
            input.stored_at = stored(second);
            said.extend(drift_in(&world.when(input)));
        }
        if second % 5 == 0 {
            said.extend(drift_in(&world.when(tick(stored(second)))));
        }
    }
    said
}

fn incidents(world: &World) -> Vec<&Incident> {
    world.model().profile.incidents.iter().collect()
}

/// Why each is over; `None` of those that go on.
fn ended(world: &World) -> Vec<Option<Ending>> {
    incidents(world).iter().map(|incident| incident.end.map(|end| end.by)).collect()
}

#[test]
fn a_fall_of_accuracy_is_one_incident_from_where_it_fell_to_where_it_came_back() {
    let (mut world, mut chance) = (World::default(), Chance(41));
    assert_eq!(serve(&mut world, &mut chance, 0..6_000, 0.29, at), [""; 0]);
    let said = serve(&mut world, &mut chance, 6_000..12_000, 0.6, at);
    assert_eq!(said.len(), 1, "however many detectors say so, and however often: {said:?}");
    assert!(said[0].starts_with("drift detected error"), "{said:?}");
    let [incident] = incidents(&world)[..] else { panic!("there is one") };
    assert!((at(5_700)..at(6_300)).contains(&incident.onset), "it began at 6,000 s: {}", incident.onset);
    assert!(0 < incident.updates && incident.end.is_none());
    assert!(0.2 < world.model().drift.tracks[0].watch.score.unwrap().performance, "the score says what the alarm says");

    let said = serve(&mut world, &mut chance, 12_000..15_000, 0.29, at);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("drift cleared error"), "{said:?}");
    let [incident] = incidents(&world)[..] else { panic!("there is one") };
    assert!((at(11_300)..at(13_300)).contains(&incident.end.unwrap().at), "it ended at 12,000 s: {:?}", incident.end);
}

#[test]
fn an_alarm_after_a_backfill_stands_where_it_happened_and_not_where_it_arrived() {
    let (mut world, mut chance) = (World::default(), Chance(42));
    // all of it is stored within a minute, a day later
    let late = |second: i64| at(86_400 + second / 200);
    serve(&mut world, &mut chance, 0..6_000, 0.1, late);
    serve(&mut world, &mut chance, 6_000..8_000, 0.5, late);
    let [incident] = incidents(&world)[..] else { panic!("there is one") };
    assert!((at(5_700)..at(6_200)).contains(&incident.onset), "{}", incident.onset);
    assert!(at(86_400) <= incident.first.at, "the log has it a day later");
}

#[test]
fn what_is_accepted_as_normal_ends_the_incident_and_raises_no_other() {
    let (mut world, mut chance) = (World::default(), Chance(43));
    serve(&mut world, &mut chance, 0..4_000, 0.1, at);
    serve(&mut world, &mut chance, 4_000..6_000, 0.4, at);
    let accepted = world.when(command(Command::GatherReference { model: name(MODEL), version: None }, at(6_000)));
    assert!(accepted.contains("drift cleared error"), "{accepted}");
    assert_eq!(ended(&world), [Some(Ending::Accepted)]);
    assert_eq!(serve(&mut world, &mut chance, 6_000..12_000, 0.4, at), [""; 0]);
    assert_eq!(world.model().drift.tracks[0].watch.labels.first.n, 1_000, "labels are compared with those that came after it");
}

#[test]
fn what_a_policy_no_longer_wants_judged_is_over_at_once_and_can_begin_again() {
    let (mut world, mut chance) = (World::default(), Chance(21));
    let segments = |on: bool| policy(PolicyChange { segments: Some(on), ..PolicyChange::default() });
    let watch = |on: bool| policy(PolicyChange { watch: Some(on), ..PolicyChange::default() });
    world.when(segments(true));
    regions(&mut world, &mut chance, 0..60, 0.0);
    assert_eq!(regions(&mut world, &mut chance, 60..80, 0.3), ["drift detected feature/amount in region=us window"]);
    // in the middle of a window, which had counted its segments
    regions(&mut world, &mut chance, 80..83, 0.3);
    assert_eq!(world.when(segments(false)), "drift cleared feature/amount in region=us window");
    assert_eq!(ended(&world), [Some(Ending::Unwatched)]);
    regions(&mut world, &mut chance, 83..95, 0.3);
    assert_eq!(incidents(&world).len(), 1);

    let moved = Mix { shift: 0.5, ..Mix::default() };
    assert_eq!(run(&mut world, &mut chance, 95..115, moved)[0], "drift detected feature/amount window");
    assert!(world.when(watch(false)).contains("drift cleared feature/amount window"));
    assert!(ended(&world).iter().all(Option::is_some));
    world.when(watch(true));
    let again = run(&mut world, &mut chance, 115..140, moved);
    assert!(again.contains(&"drift detected feature/amount window".to_owned()), "{again:?}");
}

#[test]
fn a_version_that_serves_no_longer_keeps_no_incident_open() {
    let (mut world, mut chance) = (World::default(), Chance(45));
    let mut serve = |world: &mut World, version: &str, minutes: std::ops::Range<u64>, shift: f64| -> Vec<String> {
        let mix = Mix { shift, ..Mix::default() };
        let inputs = minutes.flat_map(|number| minute(&mut chance, number, mix));
        inputs
            .flat_map(|mut input| {
                let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
                logged.version = Some(name(version));
                drift_in(&world.when(input))
            })
            .collect()
    };
    serve(&mut world, "1", 0..30, 0.0);
    assert_eq!(serve(&mut world, "1", 30..50, 0.5), ["drift detected feature/amount window"]);
    assert_eq!(serve(&mut world, "2", 50..50 + 23 * 60, 0.0), [""; 0], "it may come back within a day");
    assert_eq!(serve(&mut world, "2", 50 + 23 * 60..50 + 26 * 60, 0.0), ["drift cleared feature/amount window"]);
    assert_eq!(ended(&world), [Some(Ending::Unwatched)]);
    let again = serve(&mut world, "1", 50 + 26 * 60..80 + 26 * 60, 0.5);
    assert_eq!(again, ["drift detected feature/amount window"], "come back as it was, it is told of again");
}

#[test]
fn an_input_that_stays_where_it_went_stays_an_incident_until_its_detector_is_removed() {
    let (mut world, mut chance) = (World::default(), Chance(46));
    let choose = |detectors: &[&str]| {
        let choice = |detector: &&str| DetectorChoice {
            detector: (*detector).into(),
            input: "response_time".into(),
            params: Default::default(),
        };
        command(Command::SetDetectors { model: name(MODEL), detectors: detectors.iter().map(choice).collect() }, START)
    };
    let mut serve = |world: &mut World, minutes: std::ops::Range<u64>, seconds: f64| -> Vec<String> {
        let mut said = Vec::new();
        for number in minutes {
            for mut input in minute(&mut chance, number, Mix::default()) {
                let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
                logged.response_time = Some(seconds);
                said.extend(drift_in(&world.when(input)));
            }
        }
        said
    };
    serve(&mut world, 0..1, 0.1);
    world.when(choose(&["adwin"]));
    assert_eq!(serve(&mut world, 1..60, 0.1), [""; 0]);
    assert_eq!(serve(&mut world, 60..180, 0.4), ["drift detected response_time adwin"], "nor is it over while it lasts");
    let onset = incidents(&world)[0].onset;
    assert!((at(58 * 60)..at(61 * 60)).contains(&onset), "it began after an hour: {onset}");
    assert_eq!(world.when(choose(&[])), "drift cleared response_time adwin");
    assert_eq!(ended(&world), [Some(Ending::Unwatched)]);
}
