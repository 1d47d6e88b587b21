//! What is said of a model, in the stream: cases that were told by people who used it.

use crate::event::{Command, Event, MetricThreshold, Value};
use crate::monitor::status::Status;
use crate::monitor::tests::{Input, START, World, label, prediction, tick};
use crate::time::{Span, Timestamp};

fn second(second: i64) -> Timestamp {
    START + Span::from_secs(second)
}

/// A stream of predictions of `a` at a steady pace, each labelled at once, with a tick every five seconds.
struct Feed {
    world: World,
    /// Seconds.
    gap: i64,
    next: i64,
    served: u64,
    changes: Vec<String>,
}

impl Feed {
    fn every(gap: i64) -> Self {
        Self { world: World::default(), gap, next: 0, served: 0, changes: Vec::new() }
    }

    /// One prediction and its label; `right` says whether the label is what was predicted.
    fn serve(&mut self, right: impl Fn(u64) -> bool, change: impl Fn(&mut crate::event::Prediction)) {
        let (at, id) = (second(self.next), format!("p{}", self.served));
        let mut input = prediction(&id, "a", at);
        if let Event::PredictionLogged(prediction) = &mut input.event {
            change(prediction);
        }
        self.tell(input);
        self.tell(label(&id, if right(self.served) { "a" } else { "b" }, at));
        self.served += 1;
        self.pass(self.gap);
    }

    fn serve_many(&mut self, n: u64, right: impl Fn(u64) -> bool) {
        (0..n).for_each(|_| self.serve(&right, |_| {}));
    }

    /// Lets time pass.
    fn pass(&mut self, seconds: i64) {
        let until = self.next + seconds;
        for tock in (self.next + 1..=until).filter(|tock| tock % 5 == 0) {
            self.tell(tick(second(tock)));
        }
        self.next = until;
    }

    fn tell(&mut self, input: Input) {
        let told = self.world.when(input);
        self.changes.extend(told.split("; ").filter(|told| told.starts_with("status")).map(str::to_owned));
    }

    fn status(&self) -> Status {
        self.world.model().condition.status
    }

    fn why(&self) -> Vec<String> {
        let log_time = self.world.state.desk.log_time;
        self.world.model().reasons(log_time).into_iter().map(|reason| reason.message).collect()
    }
}

#[test]
fn a_model_that_is_always_wrong_is_critical_within_thirty_predictions_at_any_pace() {
    for gap in [1, 3, 30] {
        let mut feed = Feed::every(gap);
        feed.serve_many(29, |_| false);
        assert_eq!(feed.status(), Status::Unknown, "every {gap} s");
        feed.serve_many(1, |_| false);
        feed.pass(5);
        assert_eq!(feed.status(), Status::Critical, "every {gap} s");
        assert!(feed.why()[0].starts_with("accuracy 0 % (0–"), "{:?}", feed.why());
    }
}

#[test]
fn a_model_that_always_fails_is_critical_within_thirty_predictions_at_any_pace() {
    for gap in [1, 3, 30] {
        let mut feed = Feed::every(gap);
        for _ in 0..30 {
            feed.serve(|_| true, |prediction| (prediction.failed, prediction.value) = (true, None));
        }
        feed.pass(5);
        assert_eq!(feed.status(), Status::Critical, "every {gap} s");
        assert!(feed.why()[0].starts_with("failures 100 % ("), "{:?}", feed.why());
    }
}

#[test]
fn a_model_that_fails_after_a_long_time_in_good_health_is_critical_within_thirty_predictions() {
    let mut feed = Feed::every(3);
    feed.serve_many(5_000, |_| true);
    assert_eq!(feed.status(), Status::Healthy);
    feed.serve_many(30, |_| false);
    feed.pass(5);
    assert_eq!(feed.status(), Status::Critical);
}

#[test]
fn two_predictions_are_too_few_to_call_a_model_healthy() {
    let mut feed = Feed::every(3);
    feed.serve_many(2, |_| true);
    feed.pass(60);
    assert_eq!(feed.status(), Status::Unknown);
    assert_eq!(feed.why(), ["not enough data: 2 of 30 labels in 7 days", "not enough data: 2 of 30 predictions in 7 days"]);
    assert_ne!(feed.world.model().condition.since, Timestamp::default(), "since its first judgement");
}

#[test]
fn a_model_with_few_labels_is_not_called_healthy() {
    let mut feed = Feed::every(3);
    for i in 0..200 {
        let id = format!("p{i}");
        feed.tell(prediction(&id, "a", second(3 * i)));
        if i < 12 {
            feed.tell(label(&id, "a", second(3 * i)));
        }
    }
    feed.next = 600;
    feed.pass(10);
    assert_eq!(feed.status(), Status::Unknown);
    assert_eq!(feed.why(), ["not enough data: 12 of 30 labels in 7 days"]);
}

#[test]
fn a_model_that_nobody_labels_is_judged_by_the_rest_after_a_day() {
    let mut feed = Feed::every(30);
    for i in 0..2_900 {
        feed.tell(prediction(&format!("p{i}"), "a", second(30 * i)));
        feed.next = 30 * i;
        feed.pass(30);
    }
    assert_eq!(feed.changes, ["status unknown -> healthy"]);
    assert!(Span::from_secs(86_400) <= feed.world.model().condition.since - START);
}

#[test]
fn rows_that_ended_an_hour_ago_are_stale_though_they_were_published_now() {
    let mut feed = Feed::every(1);
    let now = second(3_600);
    for i in 0..200 {
        let id = format!("p{i}");
        for mut input in [prediction(&id, "a", second(i)), label(&id, "a", second(i))] {
            input.stored_at = now;
            feed.tell(input);
        }
    }
    feed.tell(tick(now + Span::from_secs(5)));
    assert_eq!(feed.status(), Status::Unknown);
    assert!(feed.why()[0].starts_with("no prediction for 57 min"), "{:?}", feed.why());
}

#[test]
fn a_silent_model_is_unknown_until_it_speaks_again() {
    let mut feed = Feed::every(2);
    feed.serve_many(100, |_| true);
    assert_eq!(feed.status(), Status::Healthy);
    feed.pass(295);
    assert_eq!(feed.status(), Status::Healthy);
    feed.pass(10);
    assert_eq!(feed.status(), Status::Unknown);
    feed.serve_many(1, |_| true);
    feed.pass(5);
    assert_eq!(feed.status(), Status::Healthy);
}

#[test]
fn where_labels_have_stopped_nothing_is_said_of_answers_until_they_come_again() {
    let mut feed = Feed::every(3);
    feed.serve_many(400, |_| true);
    assert_eq!(feed.status(), Status::Healthy);
    for i in 0..1_300 {
        feed.tell(prediction(&format!("without-{i}"), "a", second(feed.next)));
        feed.pass(3);
    }
    assert_eq!(feed.status(), Status::Unknown);
    assert_eq!(feed.why(), ["no label for 65 min, though predictions go on"]);
    feed.serve_many(2, |_| true);
    feed.pass(5);
    assert_eq!(feed.status(), Status::Healthy);
}

#[test]
fn a_slow_model_is_not_stale_between_two_predictions() {
    let mut feed = Feed::every(240);
    feed.serve_many(60, |_| true);
    feed.pass(1_200);
    assert_eq!(feed.status(), Status::Healthy, "{:?}", feed.why());
    feed.pass(4_000);
    assert_eq!(feed.status(), Status::Unknown);
}

#[test]
fn silence_is_no_recovery() {
    let mut feed = Feed::every(2);
    feed.serve_many(100, |_| false);
    feed.pass(3_600);
    assert_eq!(feed.status(), Status::Critical);
    feed.pass(7 * 86_400);
    assert_eq!(feed.status(), Status::Unknown, "what is a week old says nothing of now");
}

#[test]
fn the_reason_tells_figure_interval_threshold_since_when_and_the_segment() {
    let mut feed = Feed::every(1);
    let of = |channel: &'static str| {
        move |prediction: &mut crate::event::Prediction| {
            prediction.segment = vec![("channel".try_into().unwrap(), channel.try_into().unwrap())];
        }
    };
    for i in 0..1_000 {
        feed.serve(|n| n % 10 != 0, of(if i % 2 == 0 { "app" } else { "web" }));
    }
    assert_eq!(feed.status(), Status::Healthy);
    for i in 0..1_000 {
        let app = i % 2 == 0;
        feed.serve(|n| if app { n % 8 == 0 } else { n % 10 != 1 }, of(if app { "app" } else { "web" }));
    }
    assert_eq!(feed.status(), Status::Critical);
    let why = &feed.why()[0];
    assert!(why.starts_with("accuracy "), "{why}");
    assert!(why.contains(", floor 70 %, for ") && why.ends_with("; mostly channel=app"), "{why}");
}

#[test]
fn few_and_late_labels_are_said_beside_the_figure() {
    let mut feed = Feed::every(1);
    for i in 0..6_000 {
        let at = second(feed.next);
        feed.tell(prediction(&format!("p{i}"), "a", at));
        // one in five gets a label, a quarter of an hour later
        if let Some(old) = (i as i64).checked_sub(900).filter(|old| 0 <= *old && old % 5 == 0) {
            feed.tell(label(&format!("p{old}"), "b", at));
        }
        feed.pass(1);
    }
    let why = &feed.why()[0];
    assert!(why.ends_with(" of predictions have labels; labels come 15 min later"), "{why}");
    let log_time = feed.world.state.desk.log_time;
    let reason = feed.world.model().reasons(log_time).swap_remove(0);
    assert!((reason.labelled.unwrap() - 0.2).abs() < 0.02 && reason.label_delay_seconds == Some(900.0), "{reason:?}");
    let mut complete = Feed::every(1);
    complete.serve_many(3_000, |_| false);
    let log_time = complete.world.state.desk.log_time;
    let reason = complete.world.model().reasons(log_time).swap_remove(0);
    assert!(0.97 < reason.labelled.unwrap() && reason.label_delay_seconds == Some(0.0), "{reason:?}");
    assert!(!reason.message.contains("labels"), "{}", reason.message);
}

#[test]
fn every_answer_gives_the_status_that_was_stored_and_told() {
    let mut feed = Feed::every(1);
    feed.serve_many(400, |n| n % 10 < 6);
    feed.serve_many(1_000, |n| n % 10 < 9);
    let told = feed.changes.last().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert_eq!(told, feed.status().as_str());
    assert_eq!(feed.changes.first().map(String::as_str), Some("status unknown -> warning"), "{:?}", feed.changes);
    assert_eq!(feed.status(), Status::Healthy);
}

#[test]
fn new_thresholds_are_in_force_at_once() {
    let mut feed = Feed::every(1);
    feed.serve_many(2_000, |n| n % 10 < 8);
    assert_eq!(feed.status(), Status::Healthy);
    let command = Command::SetThresholds {
        accuracy_threshold: Some(0.9),
        response_time_threshold: None,
        error_rate_threshold: None,
        drift_threshold: None,
    };
    feed.tell(Input { event: Event::CommandGiven(command), stored_at: second(feed.next) });
    assert_eq!(feed.status(), Status::Critical);
}

#[test]
fn a_forecast_is_judged_by_its_own_loss_and_not_by_a_tenth_of_the_truth() {
    let serve = |feed: &mut Feed, n: u64, off: f64| {
        for i in 0..n {
            let id = format!("f{}", feed.served);
            let mut input = prediction(&id, "a", second(feed.next));
            if let Event::PredictionLogged(prediction) = &mut input.event {
                prediction.value = Some(Value::Number(100.5));
            }
            feed.tell(input);
            // half of them off by as much again
            let truth = 100.5 + off * (0.5 + (i % 11) as f64 / 10.0);
            let mut known = label(&id, "a", second(feed.next));
            if let Event::LabelArrived(label) = &mut known.event {
                label.actual = Value::Number(truth);
            }
            feed.tell(known);
            feed.served += 1;
            feed.pass(1);
        }
    };
    let mut feed = Feed::every(1);
    serve(&mut feed, 600, 15.0);
    assert_eq!(feed.status(), Status::Healthy, "most are off by more than a tenth, as they always were: {:?}", feed.why());
    serve(&mut feed, 600, 30.0);
    assert_eq!(feed.status(), Status::Critical);
    assert!(feed.why()[0].starts_with("mean absolute error "), "{:?}", feed.why());
}

fn thresholds(own: &[(&str, f64)]) -> Event {
    let own = own.iter().map(|(metric, value)| MetricThreshold {
        metric: (*metric).into(),
        direction: None,
        value: *value,
        margin: None,
        source: metric.starts_with("sample/").then(|| "cam".try_into().unwrap()),
        unit: None,
        target: None,
    });
    let model = crate::monitor::tests::MODEL.try_into().unwrap();
    Event::CommandGiven(Command::SetModelThresholds { model, thresholds: own.collect(), replace: false })
}

#[test]
fn a_model_may_have_a_floor_of_its_own() {
    let mut feed = Feed::every(1);
    feed.serve_many(2_000, |n| n % 10 < 8);
    assert_eq!(feed.status(), Status::Healthy);
    feed.tell(Input { event: thresholds(&[("accuracy", 0.9)]), stored_at: second(feed.next) });
    assert_eq!(feed.status(), Status::Critical);
    let unset = Command::UnsetModelThresholds { model: crate::monitor::tests::MODEL.try_into().unwrap(), metrics: Vec::new() };
    feed.tell(Input { event: Event::CommandGiven(unset), stored_at: second(feed.next) });
    feed.serve_many(10, |_| true);
    assert_eq!(feed.status(), Status::Healthy);
}

#[test]
fn any_metric_of_the_windows_may_have_a_threshold() {
    for (metric, good, bad) in [("f1_macro", 0.2, 0.99), ("p95", 0.5, 0.05), ("coverage", 0.5, 1.1)] {
        for (value, wanted) in [(good, Status::Healthy), (bad, Status::Critical)] {
            let mut feed = Feed::every(1);
            feed.tell(Input { event: thresholds(&[(metric, value)]), stored_at: second(0) });
            for n in 0..600_u64 {
                let class = if n % 2 == 0 { "a" } else { "b" };
                let at = second(feed.next);
                feed.tell(prediction(&format!("p{n}"), class, at));
                feed.tell(label(&format!("p{n}"), if n % 10 == 0 { "b" } else { class }, at));
                feed.pass(1);
            }
            assert_eq!(feed.status(), wanted, "{metric} {value}: {:?}", feed.why());
        }
    }
}

#[test]
fn a_named_sample_of_a_source_may_have_a_threshold() {
    let mut feed = Feed::every(1);
    feed.tell(Input { event: thresholds(&[("sample/latency", 150.0)]), stored_at: second(0) });
    feed.serve_many(100, |_| true);
    assert_eq!(feed.status(), Status::Unknown, "nothing is known of the sample: {:?}", feed.why());
    for (value, wanted) in
        [(100.0, Status::Healthy), (400.0, Status::Critical), (145.0, Status::Critical), (90.0, Status::Healthy)]
    {
        let at = second(feed.next);
        let metric = crate::event::Metric { name: "latency".try_into().unwrap(), value, unit: None, labels: Vec::new() };
        let sample = crate::event::Sample { source: "cam".try_into().unwrap(), at, event_id: None, metrics: vec![metric] };
        feed.tell(Input { event: Event::SamplesTaken(sample), stored_at: at });
        feed.serve_many(10, |_| true);
        assert_eq!(feed.status(), wanted, "{value}: {:?}", feed.why());
    }
}

#[test]
fn a_threshold_for_a_metric_that_does_not_exist_is_refused() {
    let mut world = World::default();
    assert_eq!(world.when(Input { event: thresholds(&[("acuracy", 0.9)]), stored_at: second(0) }), "rejected");
    assert_eq!(world.state.desk.counts.rejected, 1);
}

#[test]
fn what_the_status_has_been_is_remembered() {
    let mut feed = Feed::every(1);
    feed.serve_many(300, |_| true);
    feed.serve_many(100, |_| false);
    let history: Vec<Status> = feed.world.model().profile.statuses.newest(9).iter().map(|change| change.status).collect();
    assert_eq!(history.first(), Some(&Status::Healthy));
    assert_eq!(history.last(), Some(&Status::Critical));
}
