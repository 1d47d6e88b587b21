//! The core, in its own words: given, when, then.

use proptest::prelude::*;

use crate::event::{Command, Event, Features, Kind, Label, Lane, Message, Note, Prediction, Value};
use crate::ids::{Name, Slug};
use crate::monitor::cold::InMemory;
use crate::monitor::effect::{Effect, Effects, JobOrder};
use crate::monitor::limits::SOURCES_RETIRED_PER_TICK;
use crate::monitor::model::Model;
use crate::monitor::pane::{Cell, Pane, PaneId};
use crate::monitor::{State, apply};
use crate::time::{Span, Timestamp};

/// 2026-01-01T00:00:00Z.
pub(super) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

pub(super) const MODEL: &str = "fraud";

/// A state, what lies cold, and the log that led there.
#[derive(Default)]
pub(super) struct World {
    pub(super) state: State,
    pub(super) cold: InMemory,
    seq: u64,
    pub(super) effects: Vec<Effect>,
}

/// One record and when the server stored it.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) event: Event,
    pub(super) stored_at: Timestamp,
}

impl World {
    pub(super) fn given(&mut self, inputs: impl IntoIterator<Item = Input>) {
        for input in inputs {
            self.when(input);
        }
    }

    /// Applies one record and tells its effects.
    pub(super) fn when(&mut self, input: Input) -> String {
        self.seq += 1;
        let kind = match input.event {
            Event::PredictionLogged(_) => Kind::Prediction,
            Event::LabelArrived(_) => Kind::Label,
            Event::ClockTicked => Kind::Tick,
            _ => Kind::Command,
        };
        let source = Slug::try_from("test").unwrap();
        let message = Message { seq: self.seq, stored_at: input.stored_at, kind, source, records: vec![Ok(input.event)] };
        let effects = apply(&mut self.state, &mut self.cold, &message);
        let told: Vec<String> = effects.iter().map(tell).collect();
        self.effects.extend(effects);
        told.join("; ")
    }

    pub(super) fn model(&self) -> &Model {
        self.state.models.by_name(MODEL).expect("the model has been seen")
    }

    /// The pane that starts `minute` minutes after the start, hot or cold.
    fn pane(&mut self, minute: i64) -> Pane {
        let start = START + Span::from_secs(60 * minute);
        let model = self.model();
        match model.hot.get(&start) {
            Some(pane) => Pane::clone(pane),
            None => self.cold.panes.get(&PaneId::minute(0, start)).cloned().unwrap_or_default(),
        }
    }

    fn total(&mut self, minute: i64) -> Cell {
        let mut total = Cell::default();
        self.pane(minute).merge_into(&mut total, |_| true);
        total
    }
}

fn tell(effect: &Effect) -> String {
    let announcement = effect.announced().expect("a fact");
    let body: serde_json::Value = serde_json::from_str(&announcement.body(effect.id)).unwrap();
    let at = body["window"]["start"].as_str().map_or("", |start| &start[11..16]);
    match body["type"].as_str().unwrap() {
        "window_closed" => format!("closed {at} n={}", body["window"]["predictions"]),
        "window_revised" => format!("revised {at} labelled={}", body["window"]["labelled"]),
        "status_changed" => format!("status {} -> {}", body["from"].as_str().unwrap(), body["to"].as_str().unwrap()),
        "drift_detected" => format!("drift detected {}{} {}", told(&body, "subject"), segment(&body), told(&body, "detector")),
        "drift_cleared" => format!("drift cleared {}{} {}", told(&body, "subject"), segment(&body), told(&body, "detector")),
        other => other.to_owned(),
    }
}

/// Where a drift is one of a segment: which.
fn segment(body: &serde_json::Value) -> String {
    let named = body["segment"].as_object().into_iter().flatten().next();
    named.map_or_else(String::new, |(name, value)| format!(" in {name}={}", value.as_str().unwrap()))
}

fn told<'a>(body: &'a serde_json::Value, field: &str) -> &'a str {
    body[field].as_str().unwrap()
}

pub(super) fn at(text: &str) -> Timestamp {
    let (minutes, seconds) = text.split_once(':').unwrap();
    START + Span::from_secs(60 * minutes.parse::<i64>().unwrap() + seconds.parse::<i64>().unwrap())
}

pub(super) fn prediction(id: &str, class: &str, when: Timestamp) -> Input {
    let prediction = Prediction {
        id: Some(id.into()),
        model: Name::try_from(MODEL).unwrap(),
        version: None,
        at: when,
        features: Features::default(),
        value: Some(Value::Class(class.into())),
        confidence: None,
        scores: Vec::new(),
        response_time: Some(0.1),
        failed: false,
        actual: None,
        segment: Vec::new(),
    };
    Input { event: Event::PredictionLogged(prediction), stored_at: when }
}

pub(super) fn label(id: &str, class: &str, when: Timestamp) -> Input {
    let label =
        Label { prediction: id.into(), model: Name::try_from(MODEL).unwrap(), actual: Value::Class(class.into()), at: when };
    Input { event: Event::LabelArrived(label), stored_at: when }
}

pub(super) fn tick(stored_at: Timestamp) -> Input {
    Input { event: Event::ClockTicked, stored_at }
}

#[test]
fn a_window_closes_when_the_watermark_passes_it_and_not_before() {
    let mut world = World::default();
    world.given([prediction("p1", "a", at("00:10")), prediction("p2", "b", at("00:50"))]);
    assert_eq!(world.when(prediction("p3", "a", at("01:29"))), "");
    assert_eq!(world.when(prediction("p4", "a", at("01:30"))), "closed 00:00 n=2");
    assert!(!world.model().is_closed(START + Span::from_secs(60)));
}

#[test]
fn silence_closes_the_newest_window_and_nothing_beyond_it() {
    let mut world = World::default();
    world.given([prediction("p1", "a", at("00:10"))]);
    assert_eq!(world.when(tick(at("00:19"))), "");
    assert_eq!(world.when(tick(at("00:20"))), "closed 00:00 n=1");
    assert_eq!(world.model().watermark, at("01:00"));
    assert_eq!(world.when(tick(at("04:00"))), "");
    assert_eq!(world.model().watermark, at("01:00"));
}

#[test]
fn a_late_prediction_revises_its_window_and_one_beyond_the_horizon_changes_nothing() {
    let mut world = World::default();
    world.given([prediction("p1", "a", at("00:10")), prediction("p2", "a", at("02:00"))]);
    world.given([prediction("late", "a", at("00:20"))]);
    assert_eq!(world.when(tick(at("02:01"))), "revised 00:00 labelled=0");
    assert_eq!((world.state.desk.counts.applied, world.state.desk.counts.late), (3, 1));
    assert_eq!(world.total(0).predictions, 2);

    world.given([prediction("old", "a", at("02:00") - Span::from_secs(31 * 86_400))]);
    assert_eq!((world.state.desk.counts.applied, world.state.desk.counts.too_late), (3, 1));
    assert_eq!(world.model().counters.too_late, 1);
}

#[test]
fn a_label_counts_in_the_window_of_its_prediction_whenever_it_comes() {
    let mut world = World::default();
    world.given([
        label("early", "a", at("00:01")),
        prediction("early", "a", at("00:10")),
        prediction("after", "a", at("00:20")),
        label("after", "b", at("00:40")),
        prediction("next", "a", at("30:00")),
        prediction("cold", "a", at("00:30")),
        label("cold", "a", at("30:10")),
    ]);
    let total = world.total(0);
    assert_eq!((total.predictions, total.labelled), (3, 3));
    assert_eq!((total.confusion.count(), total.confusion.correct()), (3, 2));
    assert_eq!(world.model().counters.pending_labels, 0);
}

#[test]
fn the_same_label_again_is_a_duplicate_and_of_two_that_differ_the_newer_wins() {
    let mut world = World::default();
    world.given([prediction("p", "a", at("00:10")), label("p", "a", at("00:20")), label("p", "a", at("00:30"))]);
    assert_eq!(world.state.desk.counts.duplicates, 1);
    world.given([label("p", "b", at("00:35"))]);
    assert_eq!((world.model().counters.conflicts, world.total(0).confusion.correct()), (1, 0));
    world.given([label("p", "a", at("00:31"))]);
    assert_eq!((world.model().counters.conflicts, world.total(0).confusion.correct()), (2, 0));
    assert_eq!((world.model().counters.labelled, world.total(0).labelled), (1, 1));
}

#[test]
fn a_label_that_came_early_and_the_prediction_s_own_are_two_labels() {
    let with_own = |class: &str, when| {
        let mut input = prediction("p", "a", when);
        if let Event::PredictionLogged(prediction) = &mut input.event {
            prediction.actual = Some(Value::Class(class.into()));
        }
        input
    };
    for (early_at, correct) in [("00:05", 1), ("00:15", 0)] {
        for early_first in [true, false] {
            let mut inputs = [label("p", "b", at(early_at)), with_own("a", at("00:10"))];
            if !early_first {
                inputs.reverse();
            }
            let mut world = World::default();
            world.given(inputs);
            assert_eq!((world.model().counters.conflicts, world.total(0).confusion.correct()), (1, correct), "{early_at}");
            assert_eq!((world.model().counters.labelled, world.model().counters.pending_labels), (1, 0));
        }
    }
}

#[test]
fn effects_that_were_not_yet_asked_for_are_not_settled() {
    let mut world = World::default();
    let facts = Lane::Facts;
    let settled =
        |through| Input { event: Event::EffectsSettled { lane: facts, settled_through: through }, stored_at: at("00:10") };
    world.given([prediction("p", "a", at("00:10")), settled(u64::MAX), settled(3)]);
    assert_eq!((world.state.desk.settled.through(facts), world.state.desk.counts.ignored), (0, 2));
    world.given([settled(3)]);
    let settled = &world.state.desk.settled;
    assert_eq!((settled.through(facts), settled.through(Lane::Jobs)), (3, 0), "each lane for itself");
}

#[test]
fn a_job_is_named_by_its_effect_and_waits_on_a_lane_of_its_own() {
    let name = |name: &str| Name::try_from(name).unwrap();
    let order = JobOrder { kind: name("retrain"), about: name(MODEL), body: "{}".to_owned() };
    let mut effects = Effects::caused_by(7);
    let id = effects.order(order);
    let [effect] = &effects.into_vec()[..] else { panic!("one effect") };
    assert_eq!((effect.id, effect.action.lane(), effect.announced()), (id, Lane::Jobs, None));
}

#[test]
fn of_labels_that_differ_the_newest_wins_in_whatever_order_they_come() {
    let labels = [label("p", "a", at("00:20")), label("p", "a", at("00:50")), label("p", "b", at("00:30"))];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for early in 0..3 {
            let mut world = World::default();
            let mut inputs: Vec<Input> = order.iter().map(|i| labels[*i].clone()).collect();
            inputs.insert(early, prediction("p", "a", at("00:10")));
            world.given(inputs);
            assert_eq!(world.total(0).confusion.correct(), 1, "{order:?} with the prediction at place {early}");
        }
    }
}

#[test]
fn a_label_taken_back_leaves_no_trace() {
    let mut world = World::default();
    let scored = |id: &str| {
        let mut input = prediction(id, "a", at("00:10"));
        if let Event::PredictionLogged(prediction) = &mut input.event {
            prediction.scores = vec![("a".into(), 0.75)];
        }
        input
    };
    world.given([scored("p"), label("p", "a", at("00:20"))]);
    let answer = crate::monitor::join::Answer { class: Some(0), scores: vec![(0, 0.75)], ..Default::default() };
    let truth = crate::monitor::join::Truth { class: Some(0), number: None, at: at("00:20"), apart: None };
    let mut cell = world.total(0);
    cell.take_label(&answer, &truth);
    let mut unlabelled = World::default();
    unlabelled.given([scored("p")]);
    assert_eq!(cell, unlabelled.total(0));
}

#[test]
fn a_label_whose_prediction_never_comes_is_an_orphan_after_an_hour() {
    let mut world = World::default();
    world.given([label("never", "a", at("00:10")), tick(at("60:59"))]);
    assert_eq!((world.model().counters.pending_labels, world.model().counters.orphans), (1, 0));
    world.given([tick(at("61:00"))]);
    assert_eq!((world.model().counters.pending_labels, world.model().counters.orphans), (0, 1));
    world.given([prediction("never", "a", at("61:10"))]);
    assert_eq!(world.model().counters.labelled, 0);
}

#[test]
fn a_prediction_that_no_label_joins_expires_at_the_horizon() {
    let mut world = World::default();
    world.given([
        prediction("old", "a", at("00:10")),
        prediction("labelled", "a", at("00:11")),
        label("labelled", "a", at("00:12")),
    ]);
    let month_later = at("02:00") + Span::from_secs(30 * 86_400);
    world.given([prediction("new", "a", month_later)]);
    assert_eq!((world.model().counters.expired, world.state.desk.counts.expired), (1, 1));
    let mut late = label("old", "a", month_later);
    late.stored_at = month_later;
    world.given([late]);
    assert_eq!(world.state.desk.counts.too_late, 1);
}

#[test]
fn a_repeated_prediction_is_counted_and_changes_nothing() {
    let mut world = World::default();
    world.given([prediction("p", "a", at("00:10")), prediction("p", "b", at("00:20"))]);
    assert_eq!((world.state.desk.counts.duplicates, world.model().counters.duplicates), (1, 1));
    assert_eq!(world.total(0).predictions, 1);
}

#[test]
fn a_failed_prediction_counts_in_the_error_rate_and_not_in_accuracy() {
    let mut world = World::default();
    let mut failed = prediction("p", "a", at("00:10"));
    if let Event::PredictionLogged(prediction) = &mut failed.event {
        prediction.failed = true;
        prediction.value = None;
    }
    world.given([failed, label("p", "a", at("00:20"))]);
    let total = world.total(0);
    assert_eq!((total.predictions, total.errors, total.labelled, total.confusion.count()), (1, 1, 1, 0));
}

#[test]
fn no_model_is_taken_beyond_the_bound_and_the_others_go_on() {
    let mut world = World::default();
    for i in 0..crate::monitor::limits::MODELS_MAX + 1 {
        let mut input = prediction("p", "a", at("00:10"));
        if let Event::PredictionLogged(prediction) = &mut input.event {
            prediction.model = Name::try_from(format!("model {i}").as_str()).unwrap();
        }
        world.given([input]);
    }
    assert_eq!(world.state.desk.counts.rejected, 1);
    assert_eq!(world.state.desk.counts.applied, crate::monitor::limits::MODELS_MAX as u64);
}

/// A prediction of another model.
pub(super) fn prediction_of(model: &str, id: &str, at: Timestamp) -> Input {
    let mut input = prediction(id, "a", at);
    if let Event::PredictionLogged(prediction) = &mut input.event {
        prediction.model = Name::try_from(model).unwrap();
    }
    input
}

fn forget(model: &str, at: Timestamp) -> Input {
    let command = Command::ForgetModel { model: Name::try_from(model).unwrap() };
    Input { event: Event::CommandGiven(command), stored_at: at }
}

#[test]
fn a_model_that_is_forgotten_makes_room_for_another_and_its_name_begins_anew() {
    let mut world = World::default();
    for i in 0..crate::monitor::limits::MODELS_MAX {
        world.given([prediction_of(&format!("model {i}"), "p", at("00:10"))]);
    }
    let told = world.when(tick(at("00:12")));
    assert!(told.contains("anomaly_detected"), "who made the names is told of: {told}");
    world.given([prediction_of("honest", "p", at("00:14"))]);
    assert_eq!(world.state.desk.counts.rejected, 1);
    world.given([forget("model 7", at("00:15")), forget("nobody", at("00:15")), prediction_of("honest", "p", at("00:16"))]);
    assert_eq!(world.state.desk.counts.rejected, 1, "there is room now");
    assert_eq!(world.state.desk.counts.ignored, 1, "a name that is not known");
    assert!(world.state.models.by_name("model 7").is_none());
    world.given((100..5_300).map(|i| forget(&format!("model {i}"), at("00:18"))));
    world.given([prediction_of("model 7", "p", at("00:20"))]);
    let again = world.state.models.by_name("model 7").unwrap();
    assert_eq!((again.counters.predictions, again.counters.duplicates), (1, 0), "what was before is forgotten");
    assert!(crate::monitor::limits::MODELS_MAX as u32 <= again.id, "its number is another");
    assert!(world.when(tick(at("00:22"))).contains("anomaly_cleared"), "there are fewer than three quarters of them");
}

#[test]
fn what_a_forgotten_model_left_behind_goes_at_ticks_and_a_late_label_finds_nothing() {
    let mut world = World::default();
    let minutes = (0..30).map(|minute| {
        let at = START + Span::from_secs(60 * minute + 10);
        prediction(&format!("p{minute}"), "a", at)
    });
    world.given(minutes);
    let left = world.cold.panes.len();
    assert!(20 < left, "most minutes have left memory: {left}");
    world.given([forget(MODEL, at("30:00"))]);
    assert!(world.state.models.by_name(MODEL).is_none());
    assert_eq!(world.state.desk.forgotten.waiting(), 1);
    world.given([tick(at("30:05"))]);
    assert!(world.cold.panes.is_empty(), "{:?}", world.cold.panes.keys());
    assert_eq!(world.state.desk.forgotten.waiting(), 0);
    world.given([label("p3", "a", at("30:10"))]);
    let counters = world.model().counters;
    assert_eq!((counters.labelled, counters.pending_labels), (0, 1), "the prediction is of the one that is forgotten");
    world.given([prediction("p3", "a", at("30:15"))]);
    let counters = world.model().counters;
    assert_eq!((counters.predictions, counters.labelled, counters.duplicates), (1, 1, 0));
}

#[test]
fn a_source_of_which_nothing_has_come_for_a_month_makes_room_for_another() {
    let mut world = World::default();
    let day = |days: i64| START + Span::from_secs(days * 86_400);
    let pod = |number: usize| Name::try_from(format!("pod-{number}").as_str()).unwrap();
    let note = |source: Name, at: Timestamp| {
        let note = Note { kind: Kind::Log, source, at, event_id: None, body: "{}".to_owned() };
        Input { event: Event::RecordNoted(note), stored_at: at }
    };
    let pods = SOURCES_RETIRED_PER_TICK + 10;
    world.given((0..pods).map(|number| note(pod(number), day(0))));
    world.given((1..31).map(|days| note(pod(3), day(days))));
    world.given([tick(day(30))]);
    assert_eq!(world.state.sources.len(), pods, "a month is not over");
    world.given([tick(day(31))]);
    assert_eq!(world.state.sources.len(), 10, "so many at a tick");
    world.given([tick(day(31)), tick(day(31))]);
    assert_eq!((world.state.sources.len(), world.state.desk.forgotten.sources_outlived), (1, pods as u64 - 1));
    assert!(world.state.sources.by_name(&pod(3)).is_some());
    assert_eq!(world.cold.lists.len(), 31, "what they had sent is gone with them");
    world.given([note(pod(0), day(32))]);
    assert_eq!(world.state.sources.by_name(&pod(0)).unwrap().kinds[&Kind::Log].records, 1, "it begins anew");
}

/// A few predictions and labels over ten minutes, some early, some late, some twice.
fn histories() -> impl Strategy<Value = Vec<Input>> {
    let record = (any::<bool>(), 0_u32..40, 0_u32..3, 0_i64..600);
    proptest::collection::vec(record, 1..120).prop_map(|records| {
        let class = |number: u32| ["a", "b", "c"][number as usize];
        let input = |(is_label, id, number, second): (bool, u32, u32, i64)| {
            let when = START + Span::from_secs(second);
            let id = format!("p{id}");
            if is_label { label(&id, class(number), when) } else { prediction(&id, class(number), when) }
        };
        records.into_iter().map(input).collect()
    })
}

proptest! {
    #[test]
    fn every_record_is_counted_once(history in histories()) {
        let records = history.len() as u64;
        let mut world = World::default();
        world.given(history);
        let counts = world.state.desk.counts;
        prop_assert_eq!(records, counts.applied + counts.rejected + counts.duplicates + counts.too_late + counts.ignored);
    }

    #[test]
    fn replaying_the_same_inputs_gives_the_same_state_and_the_same_effects(history in histories()) {
        let (mut one, mut other) = (World::default(), World::default());
        one.given(history.clone());
        other.given(history);
        prop_assert_eq!(one.effects, other.effects);
        prop_assert_eq!(one.state.desk, other.state.desk);
        prop_assert_eq!(one.cold, other.cold);
        prop_assert!(one.state.models.iter().eq(other.state.models.iter()));
    }

    /// Labels in any order, before or after their predictions, give the same panes; so do predictions within the lateness.
    #[test]
    fn the_order_in_which_labels_arrive_does_not_change_a_window(seed in 0_u64..1_000, n in 1_usize..30) {
        let predictions: Vec<Input> = (0..n).map(|i| prediction(&format!("p{i}"), ["a", "b"][i % 2], START + Span::from_secs(7 * i as i64))).collect();
        let labels: Vec<Input> = (0..n).map(|i| label(&format!("p{i}"), ["a", "b"][(i / 2) % 2], START + Span::from_secs(300))).collect();
        let mut in_order = World::default();
        in_order.given(predictions.iter().chain(&labels).cloned());

        let mut shuffled: Vec<Input> = labels;
        let mut random = seed.wrapping_mul(2) + 1;
        for i in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (random >> 33) as usize % (i + 1));
        }
        let mut mixed = World::default();
        let (early, late) = shuffled.split_at(n / 2);
        mixed.given(early.iter().chain(&predictions).chain(late).cloned());

        let figures = |world: &mut World| -> Vec<Vec<(String, String)>> {
            (0..4).map(|minute| {
                let total = world.total(minute);
                let classes = &world.model().profile.classes;
                let metrics = crate::monitor::window::metrics(&total, classes);
                metrics.into_iter().map(|(name, estimate)| (name, format!("{estimate:?}"))).collect()
            }).collect()
        };
        prop_assert_eq!(figures(&mut in_order), figures(&mut mixed));
    }
}

#[test]
fn a_producer_whose_records_are_all_refused_is_a_finding_within_a_minute_and_an_honest_one_costs_nothing() {
    let mut world = World::default();
    world.given([prediction("p", "a", at("00:01"))]);
    assert_eq!(world.state.analysis.iter().count(), 0);
    let refuse = |world: &mut World, when| {
        let fault = crate::event::Fault::new("out_of_range", "must be in 0 to 1, not 93".to_owned(), "/confidence".to_owned());
        let source = Slug::try_from("checkout").unwrap();
        world.seq += 1;
        let message = Message { seq: world.seq, stored_at: when, kind: Kind::Prediction, source, records: vec![Err(fault)] };
        apply(&mut world.state, &mut world.cold, &message).iter().map(tell).collect::<Vec<_>>()
    };
    assert_eq!(refuse(&mut world, at("00:02")), ["rejected"]);
    refuse(&mut world, at("00:20"));
    assert_eq!(world.when(tick(at("00:30"))), "closed 00:00 n=1");
    assert_eq!(world.when(tick(at("00:35"))), "anomaly_detected");
    let (_, subject) = world.state.analysis.iter().next().unwrap();
    let finding = &subject.watched.findings[0];
    assert_eq!((subject.watched.name.as_str(), finding.is_open(), finding.figures.value), ("checkout", true, Some(1.0)));
    let refusals = subject.watched.refusals.as_ref().unwrap();
    assert_eq!((refusals.records, refusals.refused, refusals.pointer.as_str()), (2, 2, "/confidence"));
}
