use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tidewatch::config::Durability;
use tidewatch::nats::managed::{self, ManagedConfig, ManagedError};
use tidewatch::nats::{Door, Role};

use super::{connected, numbered, until};

fn config(data: &tempfile::TempDir, port: u16) -> ManagedConfig {
    ManagedConfig {
        data: data.path().to_owned(),
        port,
        binary: None,
        durability: Durability::Interval(std::time::Duration::from_millis(100)),
    }
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_server_that_is_killed_comes_back_on_its_port_with_its_data() {
    let data = tempfile::tempdir().unwrap();
    let managed = managed::start(config(&data, 0)).await.unwrap();
    let nats = connected(managed.url()).await;
    tidewatch::nats::provision(&nats).await.unwrap();
    let door = Door::new(&nats);
    door.publish_all((0..1_000).map(numbered)).await.unwrap();
    assert_eq!(managed.sync_interval().is_some(), managed.version().has_sync_interval());

    for round in 0..3_u64 {
        let first = managed.pid().unwrap();
        kill_process(pid(first), Signal::KILL).unwrap();
        until("another process serves", 10, async || managed.pid().filter(|now| *now != first)).await;
        until("the door is open again", 10, async || door.publish_all([numbered(1_000 + round)]).await.ok()).await;
        assert_eq!(nats.status(Role::Input).await.unwrap().last_seq, 1_001 + round);
    }

    let last = managed.pid().unwrap();
    nats.close().await;
    managed.stop().await;
    assert!(test_kill_process(pid(last)).is_err(), "no server is left behind");
    let again = managed::start(config(&data, 0)).await.unwrap();
    let nats = connected(again.url()).await;
    assert_eq!(nats.status(Role::Input).await.unwrap().last_seq, 1_003, "a clean stop keeps everything too");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_managed_server_that_stands_still_is_replaced() {
    let data = tempfile::tempdir().unwrap();
    let managed = managed::start(config(&data, 0)).await.unwrap();
    let nats = connected(managed.url()).await;
    tidewatch::nats::provision(&nats).await.unwrap();
    let door = Door::new(&nats);
    door.publish_all((0..10).map(numbered)).await.unwrap();
    let first = managed.pid().unwrap();
    kill_process(pid(first), Signal::STOP).unwrap();
    until("another process serves", 60, async || managed.pid().filter(|now| *now != first)).await;
    until("the door is open again", 20, async || door.publish_all([numbered(10)]).await.ok()).await;
    assert_eq!(nats.status(Role::Input).await.unwrap().last_seq, 11);
    nats.close().await;
    managed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_left_behind_by_a_killed_process_is_stopped_first() {
    let data = tempfile::tempdir().unwrap();
    let managed = managed::start(config(&data, 0)).await.unwrap();
    let binary = managed.binary().to_owned();
    managed.stop().await;
    let conf = data.path().join("nats/nats-server.conf");
    let mut orphan =
        Command::new(binary).arg("--config").arg(conf).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the orphan wrote its pid", 10, async || std::fs::read(data.path().join("nats/nats-server.pid")).ok()).await;
    let waiting = std::thread::spawn(move || orphan.wait().unwrap());
    let managed = managed::start(config(&data, 0)).await.unwrap();
    assert!(waiting.is_finished() || waiting.join().is_ok());
    assert!(connected(managed.url()).await.is_connected());
    managed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_an_error_that_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = managed::start(config(&data, taken.local_addr().unwrap().port())).await.unwrap_err();
    assert!(matches!(error, ManagedError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("--nats-port"), "{error}");
}
