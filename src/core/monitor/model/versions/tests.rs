use crate::event::{Command, Event, Feature, Features, PolicyChange, VersionChoice};
use crate::ids::Name;
use crate::monitor::drift::life::VersionState;
use crate::monitor::limits::{CELLS_MAX, TRACKS_MAX};
use crate::monitor::tests::{Input, MODEL, START, World, label, prediction, tick};
use crate::time::{Span, Timestamp};

const DAY: i64 = 86_400;

fn after(seconds: i64) -> Timestamp {
    START + Span::from_secs(seconds)
}

fn of_version(id: &str, version: &str, at: Timestamp) -> Input {
    let mut input = prediction(id, "a", at);
    if let Event::PredictionLogged(prediction) = &mut input.event {
        prediction.version = Some(Name::try_from(version).unwrap());
        prediction.features = Features::from_iter([("amount".into(), Feature::Number(at.micros() as f64 / 1e6 % 97.0))]);
    }
    input
}

/// So many predictions of a version, one a second.
fn serves(version: &str, from: i64, count: i64) -> Vec<Input> {
    (from..from + count).map(|second| of_version(&format!("{version}-{second}"), version, after(second))).collect()
}

fn command(command: Command, at: Timestamp) -> Input {
    Input { event: Event::CommandGiven(command), stored_at: at }
}

fn state_of(world: &World, version: &str) -> Option<VersionState> {
    world.model().version_state(Some(&Name::try_from(version).unwrap()))
}

fn short_references() -> Input {
    let policy = PolicyChange { reference_rows: Some(100), segments: Some(false), ..PolicyChange::default() };
    command(Command::SetDriftPolicy(policy), START)
}

fn set(version: &str, state: VersionChoice, at: Timestamp) -> Input {
    let (model, version) = (Name::try_from(MODEL).unwrap(), Some(Name::try_from(version).unwrap()));
    command(Command::SetVersionState { model, version, state }, at)
}

#[test]
fn a_version_gathers_serves_is_retired_after_a_month_of_silence_and_serves_again() {
    let mut world = World::default();
    world.given([short_references()]);
    world.given(serves("1", 0, 50));
    assert_eq!(state_of(&world, "1"), Some(VersionState::Gathering));
    world.given(serves("1", 50, 100));
    assert_eq!(state_of(&world, "1"), Some(VersionState::Serving));
    let (columns, number) = (world.state.desk.drift.columns, world.model().drift.tracks[0].watch.in_use);
    assert!(columns != 0 && number.is_some());

    world.given(serves("2", 29 * DAY, 10));
    world.given([tick(after(30 * DAY))]);
    assert_eq!(state_of(&world, "1"), Some(VersionState::Serving), "a month, to the day");
    world.given([tick(after(31 * DAY))]);
    assert_eq!((state_of(&world, "1"), state_of(&world, "2")), (Some(VersionState::Retired), Some(VersionState::Gathering)));
    assert_eq!(world.state.desk.drift.columns, 0, "it has left the alarm budget");
    assert!(world.model().drift.tracks[0].baseline.is_none());

    world.given(serves("1", 40 * DAY, 1));
    assert_eq!(state_of(&world, "1"), Some(VersionState::Serving), "it goes on from its reference");
    assert_eq!((world.state.desk.drift.columns, world.model().drift.tracks[0].watch.in_use), (columns, number));
    assert_eq!(world.model().drift.tracks[0].watch.standings.len() as u64, columns);
}

#[test]
fn a_version_that_gathers_gives_back_its_room_when_it_is_retired() {
    let mut world = World::default();
    world.given([short_references()]);
    world.given(serves("1", 0, 50));
    assert!(world.state.desk.drift.references.reserved != 0);
    world.given([tick(after(31 * DAY))]);
    assert_eq!((state_of(&world, "1"), world.state.desk.drift.references.reserved), (Some(VersionState::Retired), 0));
    world.given(serves("1", 32 * DAY, 100));
    assert_eq!(state_of(&world, "1"), Some(VersionState::Serving), "it gathers anew");
}

#[test]
fn people_retire_a_version_and_have_one_compared_in_the_shadow() {
    let mut world = World::default();
    world.given([short_references()]);
    world.given([serves("1", 0, 150), serves("2", 200, 300)].concat());
    let busiest =
        |world: &World| world.model().busiest_track().and_then(|track| track.watch.version.clone()).unwrap().to_string();
    assert_eq!(busiest(&world), "2");
    world.given([set("2", VersionChoice::Shadow, after(501))]);
    assert_eq!((state_of(&world, "2"), busiest(&world).as_str()), (Some(VersionState::Shadow), "1"));
    world.given([
        set("1", VersionChoice::Retired, after(502)),
        set("1", VersionChoice::Retired, after(503)),
        set("9", VersionChoice::Retired, after(503)),
    ]);
    assert_eq!(state_of(&world, "1"), Some(VersionState::Retired));
    assert_eq!(world.state.desk.counts.ignored, 2, "what is so already, and a version that is not known");
    world.given([label("1-149", "a", after(504)), tick(after(505))]);
    assert_eq!(world.model().counters.labelled, 1, "its labels count in its windows");
    assert_eq!(world.model().drift.tracks[0].watch.labels, Default::default(), "nobody watches them");
    world.given([set("2", VersionChoice::Serving, after(506)), set("1", VersionChoice::Serving, after(507))]);
    assert_eq!((state_of(&world, "1"), state_of(&world, "2")), (Some(VersionState::Serving), Some(VersionState::Serving)));
}

#[test]
fn a_model_with_a_new_version_every_day_for_two_years_works() {
    let mut world = World::default();
    world.given([short_references()]);
    for day in 0..730 {
        world.given(serves(&format!("v{day}"), day * DAY, 110));
        world.given([tick(after(day * DAY + 200))]);
    }
    let model = world.model();
    assert_eq!(model.counters.cells_refused, 0);
    assert_eq!(model.drift.tracks.len(), 730);
    let serving = model.drift.tracks.iter().filter(|track| !track.is_retired()).count();
    assert!((30..=32).contains(&serving) && serving < TRACKS_MAX, "{serving} serve");
    let columns = model.drift.tracks[729].baseline.as_ref().expect("the newest has a reference").columns.len();
    assert_eq!(world.state.desk.drift.columns, (serving * columns) as u64, "only they share the budget");
    assert!(model.drift.tracks.iter().all(|track| track.is_retired() == track.baseline.is_none()));
}

#[test]
fn retired_versions_free_their_cells() {
    let mut world = World::default();
    for n in 0..CELLS_MAX as i64 + 10 {
        world.given([of_version(&format!("p{n}"), &format!("v{}", n / 40), after(n)).in_segment(n % 40)]);
    }
    assert_eq!(world.model().counters.cells_refused, 11, "the first cell has no version");
    world.given([tick(after(31 * DAY)), of_version("p", "new", after(31 * DAY + 1))]);
    assert_eq!((world.model().counters.cells_refused, state_of(&world, "new")), (11, Some(VersionState::Gathering)));
}

impl Input {
    fn in_segment(mut self, value: i64) -> Self {
        if let Event::PredictionLogged(prediction) = &mut self.event {
            let name = |text: &str| Name::try_from(text).unwrap();
            prediction.segment = vec![(name("shop"), name(&value.to_string()))];
        }
        self
    }
}
