//! Jobs end to end: run, measured, reported, shown; also where NATS is away, and over the API.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{PATIENCE, Plan};
use crate::http::room::Room;
use crate::nats_server::NatsServer;
use tidewatch::machine::spool::{Entry, Spool};

fn run(nats: &str, spool: &Path, flags: &[&str], run: &[&str]) -> Output {
    command(nats, spool, flags, run).output().unwrap()
}

fn command(nats: &str, spool: &Path, flags: &[&str], run: &[&str]) -> Command {
    let mut tidewatch = Command::new(env!("CARGO_BIN_EXE_tidewatch"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TIDEWATCH_")) {
        tidewatch.env_remove(name);
    }
    tidewatch.args(["run", "--nats-url", nats, "--spool"]).arg(spool).args(flags).arg("--").args(run);
    tidewatch
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_ran_while_nats_was_away_are_shown_once_and_in_order_when_it_is_back() {
    let server = NatsServer::start();
    let (data, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    for (job, command) in [("a", &["true"][..]), ("b", &["sh", "-c", "exit 3"]), ("이름/\"c\"\n", &["true"])] {
        let output = run("nats://127.0.0.1:9", spool.path(), &["--batch", "밤/1", "--job", job], command);
        assert!(String::from_utf8_lossy(&output.stderr).contains("reported later"), "{output:?}");
    }
    let before: Value = house.get("/api/v1/jobs").await.unwrap();
    assert_eq!(before["items"], json!([]));
    let output = run(&server.url(), spool.path(), &["--batch", "밤/1", "--job", "d", "--model", "fraud"], &["sleep", "0.3"]);
    assert!(output.status.success(), "{output:?}");
    let jobs = until(&house, "/api/v1/jobs", |page| page["items"].as_array().unwrap().len() == 4).await;
    let page = until(&house, "/api/v1/jobs?state=RUNNING", |page| page["items"] == json!([])).await;
    drop(page);
    let ids: Vec<&str> = jobs["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["d", "이름/\"c\"\n", "b", "a"]);
    let batch: Value = house.get("/api/v1/batches/%EB%B0%A4%2F1").await.unwrap();
    assert_eq!(
        (&batch["totals"]["jobs"], &batch["totals"]["complete"], &batch["totals"]["failed"]),
        (&json!(4), &json!(3), &json!(1))
    );
    assert_eq!(batch["failed"], json!([{"id": "b", "error": "exit code 3"}]));
    assert_eq!(batch["slowest"][0]["id"], "d");
    let job: Value = house.get("/api/v1/jobs/d").await.unwrap();
    let time = job["performance"]["processing_time_sec"].as_f64().unwrap();
    assert!((0.3..1.0).contains(&time), "{job}");
    assert_eq!(
        (&job["kind"], &job["model"], &job["attempt"], &job["exit_code"]),
        (&json!("run"), &json!("fraud"), &json!(1), &json!(0))
    );
    let state: Value = house.get("/api/v1/state").await.unwrap();
    assert_eq!(state["counts"]["applied"], 8, "each of the eight reports once: {state}");
    assert!(
        std::fs::read_dir(spool.path()).unwrap().flatten().all(|file| file.path().extension().is_none_or(|end| end != "spool"))
    );
}

/// Reports of jobs that wait in a spool: so many that sending them takes longer than it takes to be killed.
const WAITING: usize = 6_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_whose_senders_are_killed_again_and_again_is_sent_once_and_in_order() {
    let server = NatsServer::start();
    let (data, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let mut spool = Spool::open(directory.path()).unwrap();
    for number in 0..WAITING {
        let id = format!("waiting-{number}");
        let body =
            json!({"job_id": number.to_string(), "batch_id": "all", "source": "host", "state": "COMPLETE", "event_id": id});
        let entry = Entry { kind: "job".into(), source: "host".into(), id, body: body.to_string().into_bytes() };
        spool.append(&entry).unwrap();
    }
    let mut kills = 0;
    while Spool::waits_in(directory.path()) {
        let before = applied(&house).await;
        let mut sending = command(&server.url(), directory.path(), &["--batch", "others"], &["sleep", "60"]).spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while applied(&house).await == before && Spool::waits_in(directory.path()) {
            assert!(Instant::now() < deadline, "nothing is sent");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sending.kill().unwrap();
        sending.wait().unwrap();
        kills += 1;
    }
    assert!(1 < kills, "it was killed while it sent");
    let wanted = |batch: &Value| batch["totals"]["jobs"] == json!(WAITING);
    until(&house, "/api/v1/batches/all?limit=1", wanted).await;
    let mut newest_first = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: Value = house.get(&format!("/api/v1/batches/all?limit=1000{cursor}")).await.unwrap();
        for job in page["items"].as_array().unwrap() {
            assert_eq!(job["attempt"], 1, "each once: {job}");
            newest_first.push(job["id"].as_str().unwrap().parse::<usize>().unwrap());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(newest_first, (0..WAITING).rev().collect::<Vec<_>>());
}

async fn applied(house: &crate::house::House) -> u64 {
    let state: Value = house.get("/api/v1/state").await.unwrap();
    state["counts"]["applied"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_jobs_side_by_side_arrives_whole_and_a_job_that_is_run_again_counts_its_attempts() {
    let server = NatsServer::start();
    let (data, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = Plan::on(&server.url(), data.path()).open();
    let url = server.url();
    std::thread::scope(|scope| {
        for part in 0..8 {
            let (url, spool) = (&url, spool.path());
            scope.spawn(move || {
                for number in 0..15 {
                    let output = run(url, spool, &["--batch", "b", "--job", &format!("{part}-{number}")], &["sleep", "0.05"]);
                    assert!(output.status.success(), "{output:?}");
                }
            });
        }
    });
    let batch = until(&house, "/api/v1/batches/b", |batch| batch["totals"]["complete"] == json!(120)).await;
    assert_eq!((&batch["totals"]["jobs"], &batch["totals"]["running"]), (&json!(120), &json!(0)), "{}", batch["totals"]);
    let average = batch["totals"]["processing_time_sec_avg"].as_f64().unwrap();
    assert!((0.05..5.0).contains(&average), "{}", batch["totals"]);
    run(&url, spool.path(), &["--batch", "b", "--job", "0-0"], &["false"]);
    let job = until(&house, "/api/v1/jobs/0-0", |job| job["attempt"] == json!(2) && job["state"] == json!("FAIL")).await;
    assert_eq!(job["exit_code"], json!(1), "{job}");
}

/// Waits until an answer is as it should be.
async fn until(house: &crate::house::House, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer: Value = house.get(path).await.unwrap();
        if holds(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path}: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_job_is_opened_and_closed_over_the_api_and_answers_with_what_it_has_cost() {
    let room = Room::open().await;
    let mut child =
        Command::new("dash").args(["-c", "i=0; while [ $i -lt 400000 ]; do i=$((i + 1)); done; sleep 30"]).spawn().unwrap();
    let begun =
        json!({"job_id": "한글/1", "batch_id": "b", "pid": child.id(), "model": "whisper", "versions": {"code": "1.2"}});
    let (status, job) = room.send(Method::POST, "/api/v1/jobs", begun.clone()).await;
    assert_eq!((status, &job["state"], &job["performance"]), (201, &json!("RUNNING"), &Value::Null), "{job}");
    let (status, problem) = room.send(Method::POST, "/api/v1/jobs", begun).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:tidewatch:problem:job-id-taken")), "{problem}");
    std::thread::sleep(Duration::from_millis(700));
    let finish = json!({"error": "no such file", "result": {"words": 0}});
    let (status, job) = room.send(Method::POST, "/api/v1/jobs/%ED%95%9C%EA%B8%80%2F1/finish", finish.clone()).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((status, &job["state"], &job["error"]), (200, &json!("FAIL"), &json!("no such file")), "{job}");
    assert!(
        0.01 < job["cpu_seconds"].as_f64().unwrap() && 0.7 <= job["performance"]["processing_time_sec"].as_f64().unwrap(),
        "{job}"
    );
    assert_eq!((&job["result"], &job["versions"]), (&json!({"words": 0}), &json!({"code": "1.2"})));
    let (status, problem) = room.send(Method::POST, "/api/v1/jobs/%ED%95%9C%EA%B8%80%2F1/finish", finish).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:tidewatch:problem:job-ended")), "{problem}");
    for (path, body, wanted) in [
        ("/api/v1/jobs", json!({"pid": 4194305}), (422, "no-such-process")),
        ("/api/v1/jobs", json!({"job_id": ""}), (422, "faulty-records")),
        ("/api/v1/jobs/nobody/finish", json!({}), (404, "unknown-job")),
    ] {
        let (status, problem) = room.send(Method::POST, path, body).await;
        assert_eq!(
            (status, problem["type"].as_str().unwrap()),
            (wanted.0, format!("urn:tidewatch:problem:{}", wanted.1).as_str()),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_scope_without_a_process_measures_time_and_takes_the_figures_of_whoever_closes_it() {
    let room = Room::open().await;
    let (status, begun) = room.send(Method::POST, "/api/v1/jobs", json!({"source": "worker-7"})).await;
    assert_eq!((status, &begun["source"]), (201, &json!("worker-7")));
    let path = format!("/api/v1/jobs/{}/finish", begun["id"].as_str().unwrap());
    let (status, job) = room.send(Method::POST, &path, json!({"performance": {"gpu_percent": 89.5}})).await;
    assert_eq!((status, &job["state"], &job["performance"]["gpu_percent"]), (200, &json!("COMPLETE"), &json!(89.5)), "{job}");
    assert!(job["performance"]["processing_time_sec"].as_f64().unwrap() < 60.0);
}

#[tokio::test]
async fn a_batch_of_ten_thousand_files_loses_none_and_is_read_page_by_page() {
    let room = Room::open().await;
    let name = |number: usize| format!("파일 \"{number}\"/\n.wav");
    for part in 0..20 {
        let records: Vec<Value> = (part * 500..(part + 1) * 500)
            .map(|number| {
                json!({"job_id": name(number), "batch_id": "all", "source": "worker", "state": "COMPLETE", "cpu_percent_avg": 50,
                    "ram_mb_peak": number, "processing_time_sec": 1.0})
            })
            .collect();
        let (status, answer) = room.send(Method::POST, "/api/v1/publish/job/worker?wait=applied", json!(records)).await;
        assert_eq!(status, 200, "{answer}");
    }
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = room.json(&format!("/api/v1/batches/all?limit=1000{cursor}")).await;
        assert_eq!(
            (&page["totals"]["jobs"], &page["totals"]["processing_time_sec"]),
            (&json!(10_000), &json!(10_000.0)),
            "{}",
            page["totals"]
        );
        assert_eq!(page["heaviest"][0], json!({"id": name(9_999), "value": 9_999.0}));
        seen.extend(page["items"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (0..10_000).rev().map(name).collect::<Vec<_>>());
    for (path, wanted) in [
        ("/api/v1/batches/none", 404),
        ("/api/v1/jobs?state=x", 400),
        ("/api/v1/jobs?kind=x", 400),
        ("/api/v1/jobs?cursor=x", 400),
    ] {
        assert_eq!(room.get(path).await.status().as_u16(), wanted, "{path}");
    }
}

#[tokio::test]
async fn a_host_shows_its_figures_what_they_were_and_its_jobs() {
    let room = Room::open().await;
    let sample = |cpu: f64| {
        json!({"source": "web-01", "metrics": [
            {"name": "tidewatch_cpu_usage_percent", "value": cpu, "labels": {"core": "0"}},
            {"name": "tidewatch_cpu_usage_percent", "value": 30.0, "labels": {"core": "1"}},
            {"name": "tidewatch_disk_usage_percent", "value": 20.0, "labels": {"mount": "/"}},
            {"name": "tidewatch_disk_usage_percent", "value": 96.0, "labels": {"mount": "/data"}},
            {"name": "tidewatch_gpu_throttled", "value": 1.0, "labels": {"gpu": "0"}}]})
    };
    for cpu in [10.0, 50.0] {
        room.send(Method::POST, "/api/v1/publish/sample/agent?wait=applied", sample(cpu)).await;
    }
    room.send(
        Method::POST,
        "/api/v1/publish/job/x?wait=applied",
        json!({"job_id": "j", "source": "web-01", "model": "fraud", "state": "START"}),
    )
    .await;
    room.send(Method::POST, "/api/v1/publish/log/x?wait=applied", json!({"source": "no-host", "message": "hello"})).await;
    let hosts = room.json("/api/v1/hosts").await;
    assert_eq!(hosts["items"].as_array().unwrap().len(), 1, "{hosts}");
    let host = &hosts["items"][0];
    assert_eq!(
        (&host["id"], &host["cpu"], &host["disk"], &host["status"]),
        (&json!("web-01"), &json!(40.0), &json!(96.0), &json!("critical"))
    );
    assert_eq!((&host["gpu_throttled"], &host["running"], &host["models"]), (&json!(true), &json!(1), &json!(["fraud"])));
    let one = room.json("/api/v1/hosts/web-01").await;
    assert_eq!(one["series"].as_array().unwrap().len(), 5, "{one}");
    let values: Vec<f64> =
        one["series"][0]["trail"].as_array().unwrap().iter().map(|point| point[1].as_f64().unwrap()).collect();
    assert_eq!(values, [10.0, 50.0], "what the core was: {one}");
    assert_eq!(room.get("/api/v1/hosts/no-host").await.status().as_u16(), 404);
    assert_eq!(room.get("/api/v1/hosts/nobody").await.status().as_u16(), 404);
}
