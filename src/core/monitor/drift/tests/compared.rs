//! Seasons and segments: what a window is compared with, and whose window it is.

use super::*;
use crate::event::Season;
use crate::monitor::drift::judge::Against;

pub(super) fn policy(change: PolicyChange) -> Input {
    command(Command::SetDriftPolicy(change), START)
}

/// Three days of so many weeks, in each twenty minutes by night and twenty by day. By night most come from `kr`, by day few do; a share of all
/// comes from nowhere else known.
fn weeks(world: &mut World, chance: &mut Chance, weeks: std::ops::Range<u64>, atlantis: f64) -> Vec<String> {
    let days = weeks.flat_map(|week| [0, 2, 4].map(|day| 7 * week + day));
    let stretches = days.flat_map(|day| [(24 * day + 3, 0.9), (24 * day + 15, 0.2)]);
    let mut said = Vec::new();
    for (hour, at_home) in stretches {
        for n in 0..20 * RATE {
            let when = START + Span::from_micros((hour * 3_600_000_000 + n * 60_000_000 / RATE) as i64);
            let mut input = prediction(&format!("p{hour}-{n}"), chance.pick(&["no", "yes"]), when);
            let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
            let country = if chance.next() < at_home { "kr" } else { "us" };
            let country = if chance.next() < atlantis { "atlantis" } else { country };
            logged.features = [("country".into(), Feature::text(country))].into_iter().collect();
            said.extend(drift_in(&world.when(input)));
        }
    }
    said
}

fn detected(said: &[String]) -> usize {
    said.iter().filter(|fact| fact.starts_with("drift detected")).count()
}

#[test]
fn a_stream_that_follows_the_hour_is_held_against_the_same_hours_once_there_are_two_weeks_of_them() {
    let (mut world, mut chance) = (World::default(), Chance(20));
    let season = PolicyChange { season: Some(Season::SameHourOfWeek), ..PolicyChange::default() };
    world.when(policy(season));
    let mut plain = World::default();
    // too little is known at first, and the reference is of one night
    let said = weeks(&mut world, &mut chance.clone(), 0..2, 0.0);
    assert_eq!(said, weeks(&mut plain, &mut chance, 0..2, 0.0));
    assert!(2 <= detected(&said), "{said:?}");
    let against = |world: &World| track(world).watch.standings[2].figures.unwrap().against;
    assert_eq!(against(&world), Against::Reference);

    let said = weeks(&mut world, &mut chance.clone(), 2..4, 0.0);
    assert_eq!((detected(&said), against(&world)), (0, Against::SameHourOfWeek), "{said:?}");
    let said = weeks(&mut plain, &mut chance, 2..4, 0.0);
    assert!(4 <= detected(&said), "every day is unlike the night before: {said:?}");

    let said = weeks(&mut world, &mut chance, 4..5, 0.1);
    assert_eq!(said, ["drift detected feature/country window"]);
    let body = world.effects.iter().rev().find_map(|effect| {
        let body: serde_json::Value = serde_json::from_str(&effect.announced()?.body(effect.id)).unwrap();
        (body["type"] == "drift_detected").then_some(body)
    });
    assert_eq!(body.unwrap()["against"], "same_hour_of_week");
}

/// Minutes of predictions from three regions, of which `us` has three in ten; its amounts are `shift` higher. All are on the same plan.
pub(super) fn regions(world: &mut World, chance: &mut Chance, minutes: std::ops::Range<u64>, shift: f64) -> Vec<String> {
    let mut said = Vec::new();
    for number in minutes {
        for mut input in minute(chance, number, Mix::default()) {
            let Event::PredictionLogged(logged) = &mut input.event else { unreachable!("it is a prediction") };
            let region = match chance.next() {
                low if low < 0.65 => "kr",
                low if low < 0.95 => "us",
                _ => "de",
            };
            let more = if region == "us" { shift } else { 0.0 };
            logged.features = [("amount".into(), Feature::Number(chance.next() + more))].into_iter().collect();
            logged.segment = vec![(name("plan"), name("basic")), (name("region"), name(region))];
            said.extend(drift_in(&world.when(input)));
        }
    }
    said
}

/// Columns that are judged, counted anew.
fn judged(world: &World) -> u64 {
    let of =
        |track: &Track| track.watch.standings.len() + track.watch.segments.iter().map(|s| s.standings.len()).sum::<usize>();
    world.model().drift.tracks.iter().map(|track| of(track) as u64).sum()
}

#[test]
fn a_change_in_one_segment_is_found_there_and_named_and_every_question_is_paid_for() {
    let (mut world, mut chance) = (World::default(), Chance(21));
    let mut plain = World::default();
    let segments = |on: bool| policy(PolicyChange { segments: Some(on), ..PolicyChange::default() });
    world.when(segments(true));
    assert_eq!(regions(&mut plain, &mut chance.clone(), 0..60, 0.0), [""; 0]);
    assert_eq!(regions(&mut world, &mut chance, 0..60, 0.0), [""; 0]);
    let names: Vec<(&str, &str)> =
        track(&world).watch.segments.iter().map(|segment| (segment.name.as_str(), segment.value.as_str())).collect();
    assert_eq!(names, [("region", "kr"), ("region", "us")], "not the one that all are in, nor the one of too few rows");
    assert_eq!((world.state.desk.drift.columns, judged(&world)), (9, 9));
    assert_eq!((plain.state.desk.drift.columns, judged(&plain)), (3, 3));

    assert_eq!(regions(&mut plain, &mut chance.clone(), 60..90, 0.3), [""; 0], "it drowns in the whole");
    assert_eq!(regions(&mut world, &mut chance, 60..90, 0.3), ["drift detected feature/amount in region=us window"]);
    assert_eq!(track(&world).watch.score.unwrap().features, 0.0, "the score is that of the version");
    assert_eq!(regions(&mut world, &mut chance, 90..120, 0.0), ["drift cleared feature/amount in region=us window"]);

    world.when(segments(false));
    regions(&mut world, &mut chance, 120..140, 0.0);
    assert_eq!((world.state.desk.drift.columns, judged(&world)), (3, 3));
    world.when(segments(true));
    regions(&mut world, &mut chance, 140..160, 0.0);
    assert_eq!((world.state.desk.drift.columns, judged(&world)), (9, 9));
    world.when(past(100, 150));
    assert_eq!((world.state.desk.drift.columns, judged(&world)), (3, 3));
    regions(&mut world, &mut chance, 160..180, 0.0);
    assert_eq!((world.state.desk.drift.columns, judged(&world)), (12, 12), "of more rows there are enough of the third region");
    world.when(command(Command::GatherReference { model: name(MODEL), version: None }, START));
    assert_eq!((world.state.desk.drift.columns, judged(&world)), (0, 0));
}
