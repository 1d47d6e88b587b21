//! Jobs by what is reported of them.

use super::*;
use crate::event::Kind;
use crate::monitor::Desk;
use crate::monitor::cold::InMemory;
use crate::monitor::effect::Effects;
use crate::monitor::rows::memory::InMemory as RowsInMemory;
use crate::time::Timestamp;

/// The room and what it is handed.
#[derive(Default)]
struct World {
    jobs: Jobs,
    desk: Desk,
}

impl World {
    /// Reports, each taken or refused; gives the reasons of those refused.
    fn given(&mut self, reports: &[&str]) -> Vec<String> {
        let mut refused = Vec::new();
        for report in reports {
            let at = self.desk.log_time.micros() + 1_000_000;
            self.desk.log_time = Timestamp::from_micros(at);
            let note = Note {
                kind: Kind::Job,
                source: Name::try_from("host").unwrap(),
                at: self.desk.log_time,
                event_id: None,
                body: (*report).to_owned(),
            };
            match self.jobs.refuses(&note) {
                Some(fault) => refused.push(fault.reason.to_string()),
                None => {
                    let (mut cold, mut effects) = (InMemory::default(), Effects::caused_by(1));
                    let turn = &mut Turn { cold: &mut cold, desk: &mut self.desk, effects: &mut effects };
                    self.jobs.on_report(turn, &note);
                }
            }
        }
        refused
    }

    fn job(&self, id: &str) -> &Job {
        self.jobs.jobs.find(&Name::try_from(id).unwrap()).unwrap()
    }

    fn batch(&self, id: &str) -> &Batch {
        self.jobs.batches.find(&Name::try_from(id).unwrap()).unwrap()
    }
}

#[test]
fn a_job_begins_goes_on_and_ends_with_what_it_has_cost() {
    let mut world = World::default();
    world.given(&[r#"{"job_id":"a","batch_id":"b","run_id":"1","state":"START","command":"score a.wav"}"#]);
    assert_eq!((world.job("a").state, world.job("a").figures), (JobState::Started, None));
    world.given(&[r#"{"job_id":"a","run_id":"1","state":"RUNNING","cpu_percent_avg":50,"progress":0.25}"#]);
    assert_eq!(world.job("a").figures.unwrap().cpu_percent_avg, 50.0);
    world.given(&[
        r#"{"job_id":"a","run_id":"1","state":"COMPLETE","cpu_percent_avg":45.3,"processing_time_sec":15.8,"result":{"words":3},"exit_code":0}"#,
    ]);
    let job = world.job("a");
    assert_eq!((job.state, job.attempt, job.exit_code), (JobState::Complete, 1, Some(0)));
    assert_eq!((job.result.as_deref(), job.command.as_deref()), (Some(r#"{"words":3}"#), Some("score a.wav")));
    assert_eq!(job.figures.unwrap().processing_time_sec, 15.8);
    assert_eq!(job.ended_at.unwrap() - job.began_at.unwrap(), crate::time::Span::from_secs(2));
    assert_eq!(world.batch("b").jobs, 1);
    world.given(&[r#"{"job_id":"a","run_id":"1","state":"RUNNING","cpu_percent_avg":99}"#]);
    assert_eq!((world.job("a").state, world.job("a").figures.unwrap().cpu_percent_avg), (JobState::Complete, 45.3), "late");
}

#[test]
fn who_reports_once_does_so_at_the_end() {
    let mut world = World::default();
    world.given(&[
        r#"{"job_id":"a","processing_time_sec":2.0}"#,
        r#"{"job_id":"b","error":"no such file","processing_time_sec":1}"#,
        r#"{"job_id":7,"batch_id":1}"#,
    ]);
    assert_eq!([world.job("a").state, world.job("b").state], [JobState::Complete, JobState::Failed]);
    assert_eq!(world.job("b").error.as_deref(), Some("no such file"));
    assert_eq!(world.job("a").ended_at.unwrap() - world.job("a").began_at.unwrap(), crate::time::Span::from_secs(2));
    assert_eq!((world.job("7").state, world.batch("1").jobs), (JobState::Running, 1));
}

#[test]
fn a_second_start_is_another_attempt_and_a_report_of_the_run_before_is_refused() {
    let mut world = World::default();
    let first = [
        r#"{"job_id":"a","batch_id":"b","run_id":"1","state":"START"}"#,
        r#"{"job_id":"a","run_id":"1","state":"FAIL","error":"exit code 1"}"#,
        r#"{"job_id":"a","batch_id":"b","run_id":"2","state":"START"}"#,
    ];
    assert!(world.given(&first).is_empty());
    let job = world.job("a");
    assert_eq!((job.attempt, job.state, job.error.as_deref()), (2, JobState::Started, None));
    assert_eq!(world.given(&[r#"{"job_id":"a","run_id":"1","state":"COMPLETE"}"#]), ["job_id_taken"]);
    world.given(&[r#"{"job_id":"a","run_id":"2","state":"COMPLETE"}"#]);
    assert_eq!((world.job("a").state, world.batch("b").jobs), (JobState::Complete, 1), "one job of the batch");
}

#[test]
fn a_state_that_nobody_knows_is_counted() {
    let mut world = World::default();
    world.given(&[r#"{"job_id":"a","state":"PONDERING"}"#]);
    assert_eq!(world.desk.jobs.states_unknown, 1);
    assert!(world.jobs.jobs.numbers().is_empty());
}

#[test]
fn the_oldest_that_has_ended_makes_room_and_its_batch_keeps_what_it_has_cost() {
    let mut world = World { jobs: Jobs { jobs: Roll::new(Tag::Job, 2), ..Jobs::default() }, ..World::default() };
    world.given(&[
        r#"{"job_id":"going on","batch_id":"b","state":"START"}"#,
        r#"{"job_id":"a","batch_id":"b","state":"COMPLETE","processing_time_sec":3,"cpu_seconds":2,"ram_mb_peak":9}"#,
        r#"{"job_id":"c","batch_id":"b","state":"COMPLETE","processing_time_sec":1}"#,
    ]);
    assert_eq!(world.jobs.jobs.numbers(), [0, 2]);
    let Batch { jobs, dropped, .. } = world.batch("b");
    assert_eq!((*jobs, dropped.jobs, dropped.complete, world.desk.jobs.jobs_dropped), (3, 1, 1, 1));
    assert_eq!((dropped.processing_time_sec, dropped.cpu_seconds, dropped.ram_mb_peak), (3.0, 2.0, 9.0));
}

#[test]
fn rows_give_the_room_back() {
    let mut world = World { jobs: Jobs { jobs: Roll::new(Tag::Job, 3), ..Jobs::default() }, ..World::default() };
    let mut rows = RowsInMemory::default();
    for number in 0..7 {
        let report =
            format!(r#"{{"job_id":"{number}","batch_id":"{}","state":"COMPLETE","cpu_percent_max":{number}}}"#, number % 2);
        world.given(&[&report]);
        if number % 3 == 0 {
            world.jobs.save(&mut rows);
        }
    }
    let restored = Jobs::restore(&rows, world.desk.jobs.jobs_given).unwrap();
    assert_eq!(restored.jobs.numbers(), world.jobs.jobs.numbers());
    for number in restored.jobs.numbers() {
        assert_eq!(**restored.job(number).unwrap(), **world.jobs.job(number).unwrap());
    }
    assert_eq!(restored.batches.numbers(), [0, 1]);
    assert_eq!(**restored.batch(1).unwrap(), **world.jobs.batch(1).unwrap());
}
