//! Retraining in its own words: jobs, decisions, and the way back.

use std::collections::BTreeMap;

use super::book::{Book, Standing};
use super::job::{Cause, State};
use super::*;
use crate::event::{Command, Event, Measured, Mode, ModelConfig, Stage};
use crate::monitor::rows::Rows as _;
use crate::monitor::rows::memory::InMemory;
use crate::monitor::tests::{Input, MODEL, START, World, label, prediction, tick};
use crate::time::Span;

fn named(text: &str) -> Name {
    Name::try_from(text).unwrap()
}

fn hour(nth: i64) -> Timestamp {
    START + Span::from_secs(3_600 * nth)
}

fn give(world: &mut World, command: Command, when: Timestamp) -> String {
    world.when(Input { event: Event::CommandGiven(command), stored_at: when })
}

fn set(world: &mut World, change: RetrainingChange) {
    give(world, Command::SetRetraining(Box::new(change)), START);
}

fn report(world: &mut World, job: EffectId, attempt: u32, told: Told, when: Timestamp) -> String {
    world.when(Input { event: Event::JobReported(JobReport { job, attempt, told }), stored_at: when })
}

fn started() -> Told {
    Told::Started { from_seq: 1, through_seq: 9, backup: None }
}

/// A model that was trained, with these advantages on the hold-out.
fn trained(advantages: Vec<f64>) -> Trained {
    let accuracy = |value| BTreeMap::from([("accuracy".into(), Measured { value, low: None, high: None, n: 1_000 })]);
    Trained {
        artifact: "ab".repeat(32).into(),
        bytes: 10_000,
        algorithm: "gradient_boosting".into(),
        parameters: Default::default(),
        rows: 4_000,
        holdout: 1_000,
        data_hash: "cd".into(),
        code_version: "0".into(),
        champion: accuracy(0.8),
        challenger: accuracy(0.9),
        advantages,
        segments: Vec::new(),
        p99_seconds: 0.001,
        error_max: None,
        importance: Vec::new(),
        warnings: Vec::new(),
        trials: None,
        seconds: 12.0,
    }
}

/// A model that is known, with a policy.
fn world(change: RetrainingChange) -> World {
    let mut world = World::default();
    world.given([prediction("p", "a", START)]);
    if change != RetrainingChange::default() {
        set(&mut world, change);
    }
    world
}

/// Has the model trained by hand.
fn train(world: &mut World, advantages: Vec<f64>, when: Timestamp) -> String {
    give(world, Command::Retrain { model: named(MODEL) }, when);
    let job = world.state.retraining.open()[0].id;
    report(world, job, 1, started(), when);
    report(world, job, 1, Told::Trained(Box::new(trained(advantages))), when)
}

fn book(world: &World) -> &Book {
    world.state.retraining.book(0).expect("something was trained")
}

fn standings(world: &World) -> Vec<Standing> {
    book(world).versions.iter().map(|version| version.standing).collect()
}

fn auto() -> RetrainingChange {
    RetrainingChange { mode: Some(Mode::Auto), auto_retrain_enabled: Some(true), ..RetrainingChange::default() }
}

fn compare(world: &mut World, version: u32, champion: Option<u32>, advantages: Vec<f64>) -> String {
    let through_seq = 1_000_000 + world.state.desk.position;
    let told = Comparison { model: named(MODEL), version, champion, advantages, through_seq };
    world.when(Input { event: Event::ModelsCompared(told), stored_at: hour(2) })
}

const BETTER: [f64; 2] = [1.0, 0.5];

fn better(labels: usize) -> Vec<f64> {
    BETTER.into_iter().cycle().take(labels).collect()
}

#[test]
fn a_job_has_its_turn_is_reported_and_ends() {
    let mut world = world(RetrainingChange::default());
    assert_eq!(give(&mut world, Command::Retrain { model: named("nobody") }, START), "rejected");
    give(&mut world, Command::Retrain { model: named(MODEL) }, START);
    let job = world.state.retraining.open()[0].clone();
    assert_eq!((job.state, &job.causes[..], job.attempt), (State::Running, &[Cause::Manual][..], 0));
    assert_eq!(report(&mut world, job.id, 1, started(), hour(0)), "retrain_started");
    report(&mut world, job.id, 1, Told::Running { stage: Stage::Train, progress: 40.0 }, hour(1));
    let running = world.state.retraining.job(job.id).unwrap().clone();
    assert_eq!((running.stage, running.progress, running.range), (Stage::Train, 40.0, Some((1, 9))));
    assert_eq!(running.seconds_left(hour(1), None), Some(5_400.0));
    let told = report(&mut world, job.id, 1, Told::Trained(Box::new(trained(vec![0.0; 500]))), hour(1));
    assert_eq!(told, "retrain_finished");
    let ended = world.state.retraining.job(job.id).unwrap();
    assert_eq!((ended.state, ended.version), (State::Completed, Some(1)));
    assert_eq!((standings(&world), book(&world).trained_at), (vec![Standing::Challenger], Some(hour(1))));
}

#[test]
fn of_queued_jobs_those_that_people_asked_for_begin_first_and_only_so_many_run() {
    let mut world = World::default();
    let mut one = RetrainingChange { max_concurrent_tasks: Some(1), ..RetrainingChange::default() };
    for name in ["a", "b", "c"] {
        let mut input = prediction(name, "a", START);
        if let Event::PredictionLogged(prediction) = &mut input.event {
            prediction.model = named(name);
        }
        world.given([input]);
    }
    set(&mut world, one.clone());
    for name in ["a", "b", "c"] {
        give(&mut world, Command::Retrain { model: named(name) }, START);
    }
    let states = |world: &World| -> Vec<(String, State)> {
        world.state.retraining.open().iter().map(|job| (job.model.to_string(), job.state)).collect()
    };
    let told = states(&world);
    assert_eq!(told[0], ("a".to_owned(), State::Running));
    assert!(told[1..].iter().all(|(_, state)| *state == State::Queued));
    give(&mut world, Command::Retrain { model: named("b") }, START);
    assert_eq!(states(&world).len(), 3, "one job a model");
    let first = world.state.retraining.open()[0].id;
    give(&mut world, Command::CancelRetraining { job: first.to_string().into() }, START);
    assert_eq!(states(&world)[0], ("b".to_owned(), State::Running));
    one.max_concurrent_tasks = Some(4);
    assert_eq!(report(&mut world, first, 1, started(), START), "", "a cancelled job takes no report");
    assert_eq!(world.state.retraining.ledger.stale_reports, 1);
}

#[test]
fn an_attempt_that_is_given_up_owns_nothing_and_three_of_them_are_the_end() {
    let mut world = world(RetrainingChange::default());
    give(&mut world, Command::Retrain { model: named(MODEL) }, START);
    let job = world.state.retraining.open()[0].id;
    report(&mut world, job, 1, started(), START);
    report(&mut world, job, 2, Told::Started { from_seq: 5, through_seq: 70, backup: None }, START);
    assert_eq!(world.state.retraining.job(job).unwrap().range, Some((1, 9)), "every attempt reads the same rows");
    report(&mut world, job, 1, Told::Trained(Box::new(trained(better(900)))), START);
    assert_eq!(world.state.retraining.job(job).unwrap().state, State::Running);
    for attempt in 2..=4 {
        report(&mut world, job, attempt, Told::Lost { detail: "it was killed".into() }, START);
    }
    let ended = world.state.retraining.job(job).unwrap();
    assert_eq!((ended.state, ended.error.as_ref().unwrap().0.as_str()), (State::Failed, "worker_lost"));
}

#[test]
fn what_is_better_is_promoted_or_proposed_what_is_worse_is_rejected_and_a_tie_keeps_the_champion() {
    let worse: Vec<f64> = better(300).iter().map(|advantage| -advantage).collect();
    for (change, advantages, standing, told) in [
        (auto(), better(300), Standing::Champion, "model_promoted"),
        (RetrainingChange::default(), better(300), Standing::Proposed, ""),
        (auto(), vec![0.0; 2_000], Standing::Challenger, ""),
        (auto(), worse, Standing::Rejected, "model_rejected"),
    ] {
        let mut world = world(change);
        let facts = train(&mut world, advantages, hour(1));
        assert_eq!(standings(&world), [standing]);
        assert!(facts.contains(told), "{facts}");
        assert_eq!(book(&world).champion, (standing == Standing::Champion).then_some(1));
    }
}

#[test]
fn a_bound_that_is_broken_outweighs_evidence() {
    let mut world = world(auto());
    give(&mut world, Command::Retrain { model: named(MODEL) }, START);
    let job = world.state.retraining.open()[0].id;
    report(&mut world, job, 1, started(), START);
    let slow = Trained { p99_seconds: 0.2, ..trained(better(500)) };
    let facts = report(&mut world, job, 1, Told::Trained(Box::new(slow)), START);
    assert_eq!(facts, "model_rejected; retrain_finished");
    assert_eq!(world.state.retraining.job(job).unwrap().state, State::Rejected);
    assert_eq!(book(&world).versions[0].objections[0].code, "latency");
}

#[test]
fn evidence_goes_on_with_labels_and_belongs_to_one_champion() {
    let mut world = world(auto());
    train(&mut world, vec![0.0; 200], hour(1));
    assert_eq!(standings(&world), [Standing::Challenger]);
    assert_eq!(compare(&mut world, 1, Some(7), better(500)), "", "another champion");
    assert_eq!(standings(&world), [Standing::Challenger]);
    assert_eq!(compare(&mut world, 1, None, better(500)), "model_promoted");
    assert_eq!((standings(&world), book(&world).champion), (vec![Standing::Champion], Some(1)));
}

#[test]
fn a_champion_that_turns_goes_back_and_that_pair_is_not_armed_again() {
    let mut world = world(auto());
    train(&mut world, better(300), hour(1));
    train(&mut world, better(300), hour(2));
    assert_eq!(standings(&world), [Standing::Previous, Standing::Champion]);
    let facts = compare(&mut world, 1, Some(2), better(200));
    assert_eq!(facts, "model_rolled_back");
    assert_eq!((standings(&world), book(&world).champion), (vec![Standing::Champion, Standing::RolledBack], Some(1)));
    assert_eq!(book(&world).barred, [(Some(1), 2)]);
    assert!(hour(2) < book(&world).cool_until);
}

/// So many answers of a version, one of which in every `fails` fails (0: none), each of which takes so many seconds.
fn serve(world: &mut World, version: Option<&str>, answers: u64, fails: u64, seconds: f64) -> String {
    let begin = world.state.desk.position;
    let mut told = String::new();
    for nth in 1..=answers {
        let mut input = prediction(&format!("{begin}/{nth}"), "a", hour(3));
        let Event::PredictionLogged(answer) = &mut input.event else { unreachable!() };
        answer.version = version.map(named);
        answer.response_time = Some(seconds);
        answer.failed = fails != 0 && nth % fails == 0;
        let said = world.when(input);
        if said.contains("model_rolled_back") {
            told = said;
        }
    }
    told
}

/// A model of ours that took the place of one that is served elsewhere, after both have been seen to serve.
fn guarded() -> World {
    let mut world = world(auto());
    train(&mut world, vec![0.0; 500], hour(1));
    serve(&mut world, None, 300, 20, 0.1);
    compare(&mut world, 1, None, better(500));
    assert_eq!(book(&world).champion, Some(1));
    world
}

#[test]
fn a_champion_that_fails_or_is_slow_goes_back_after_two_hundred_answers() {
    let cases = [(10, 0.1, false), (9, 0.1, true), (20, 0.19, false), (20, 0.3, true)];
    for (fails, seconds, goes_back) in cases {
        let mut world = guarded();
        assert_eq!(serve(&mut world, Some("r1"), 199, fails, seconds), "", "too few to say");
        let told = serve(&mut world, Some("r1"), 1, 0, seconds);
        assert_eq!((!told.is_empty(), book(&world).champion.is_none()), (goes_back, goes_back), "{fails} {seconds}: {told}");
        assert_eq!(book(&world).barred.contains(&(None, 1)), goes_back);
    }
}

#[test]
fn answers_of_others_say_nothing_of_the_champion() {
    let mut world = guarded();
    for other in [None, Some("r2"), Some("v7")] {
        assert_eq!(serve(&mut world, other, 400, 1, 9.0), "");
    }
    assert_eq!(book(&world).champion, Some(1));
    serve(&mut world, Some("r1"), 200, 1, 0.1);
    assert_eq!(book(&world).champion, None);
}

#[test]
fn what_a_person_promoted_is_only_proposed_to_go_where_it_fails() {
    let mut world = world(auto());
    train(&mut world, vec![0.0; 500], hour(1));
    serve(&mut world, None, 300, 0, 0.1);
    give(&mut world, Command::PromoteVersion { model: named(MODEL), version: 1 }, hour(2));
    serve(&mut world, Some("r1"), 400, 2, 0.1);
    let watch = book(&world).watch.as_ref().expect("it is watched");
    assert_eq!((book(&world).champion, watch.proposed), (Some(1), Some(crate::stats::promotion::Return::Errors)));
    assert_eq!(book(&world).decisions.iter().filter(|past| past.what == book::Decided::Proposed).count(), 1);
}

#[test]
fn nothing_goes_back_to_what_never_served() {
    let mut world = world(RetrainingChange::default());
    train(&mut world, vec![0.0; 500], hour(0));
    train(&mut world, vec![-1.0; 500], hour(1));
    assert_eq!(standings(&world), [Standing::Challenger, Standing::Rejected]);
    for never in [1, 2] {
        let back = Command::RollBackModel { model: named(MODEL), to: Some(never) };
        assert_eq!(give(&mut world, back, hour(2)), "rejected");
        assert_eq!(book(&world).champion, None);
    }
}

#[test]
fn what_a_person_promoted_is_never_undone_by_itself() {
    let mut world = world(auto());
    train(&mut world, better(300), hour(1));
    train(&mut world, vec![0.0; 300], hour(2));
    give(&mut world, Command::PromoteVersion { model: named(MODEL), version: 2 }, hour(2));
    assert_eq!(standings(&world), [Standing::Previous, Standing::Champion]);
    assert_eq!(compare(&mut world, 1, Some(2), better(300)), "");
    assert_eq!(book(&world).champion, Some(2));
    assert!(book(&world).watch.as_ref().unwrap().proposed.is_some());
    train(&mut world, vec![0.0; 10], hour(2));
    assert_eq!(compare(&mut world, 3, Some(2), better(900)), "");
    assert_eq!((book(&world).champion, book(&world).versions[2].standing), (Some(2), Standing::Proposed));
    assert_eq!(give(&mut world, Command::RollBackModel { model: named(MODEL), to: None }, hour(3)), "model_rolled_back");
    assert_eq!(book(&world).champion, Some(1));
}

#[test]
fn a_pinned_champion_stays_whatever_evidence_says() {
    let mut world = world(auto());
    give(&mut world, Command::PinModel { model: named(MODEL), pinned: true }, START);
    train(&mut world, better(300), hour(1));
    assert_eq!((standings(&world), book(&world).champion), (vec![Standing::Proposed], None));
}

#[test]
fn two_causes_within_the_time_of_cooling_down_make_one_job() {
    let change = RetrainingChange { retrain_interval_hours: Some(2.0), cooldown_hours: Some(6.0), ..auto() };
    let mut world = world(change);
    for n in 0..600 {
        let id = format!("q{n}");
        world.given([prediction(&id, "a", START), label(&id, "a", START)]);
    }
    world.when(tick(hour(1)));
    assert!(world.state.retraining.jobs.is_empty(), "its time has not come");
    world.when(tick(hour(2)));
    let job = world.state.retraining.open()[0].clone();
    assert_eq!((&job.causes[..], job.state), (&[Cause::Scheduled][..], State::Running));
    report(&mut world, job.id, 1, started(), hour(2));
    report(&mut world, job.id, 1, Told::Failed { code: "too_few_rows".into(), detail: String::new() }, hour(2));
    world.when(tick(hour(5)));
    assert!(world.state.retraining.open().is_empty(), "it cools down");
    assert_eq!(book(&world).passed_over, 1);
    world.when(tick(hour(9)));
    assert_eq!(world.state.retraining.open().len(), 1);
}

#[test]
fn a_policy_of_a_model_stands_above_that_of_all_and_what_is_left_out_stays() {
    let own = ModelConfig { algorithm: Some("random_forest".into()), mode: Some(Mode::Off), ..ModelConfig::default() };
    let mut world = world(auto());
    set(
        &mut world,
        RetrainingChange { model_configs: Some(BTreeMap::from([(named(MODEL), own)])), ..RetrainingChange::default() },
    );
    let policy = world.state.retraining.policy();
    assert!(policy.auto_retrain_enabled);
    assert_eq!(policy.rules_of(&named(MODEL)).mode, Mode::Off);
    assert_eq!((policy.rules.mode, policy.learner_of(&named(MODEL)).0.as_str()), (Mode::Auto, "random_forest"));
    assert_eq!(policy.learner_of(&named("other")).0.as_str(), "gradient_boosting");
}

#[test]
fn rows_give_the_room_back_and_a_forgotten_model_leaves_none() {
    let mut world = world(auto());
    let mut rows = InMemory::default();
    train(&mut world, better(300), hour(1));
    assert!(world.state.retraining.save(&mut rows));
    train(&mut world, vec![0.0; 10], hour(2));
    assert!(world.state.retraining.save(&mut rows));
    let back = Retraining::restore(&rows, 0).unwrap();
    let shown = |of: &Retraining| (of.ledger.clone(), of.jobs.clone(), of.books.clone());
    assert_eq!(shown(&back), shown(&world.state.retraining));
    give(&mut world, Command::ForgetModel { model: named(MODEL) }, hour(3));
    world.state.retraining.save(&mut rows);
    assert_eq!(rows.rows.len(), 1, "the policy alone is left");
}
