//! GPUs as a stand-in for NVML's library tells them: one that answers, one that lacks functions, one whose functions fail, and none.

use super::*;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The stand-in, compiled with these definitions.
fn stand_in(definitions: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let library = directory.path().join("libnvidia-ml.so.1");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/gpu/stand_in.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args(definitions).arg(source).status();
    assert!(compiled.expect("a C compiler, which links Rust too").success());
    (directory, library)
}

#[test]
fn a_driver_that_answers_tells_every_figure() {
    let (_directory, library) = stand_in(&[]);
    let (mut gpus, why_none) = Gpus::open_at(Some(library.as_os_str()));
    assert_eq!(why_none, None);
    let [one, two] = gpus.read().try_into().unwrap();
    let wanted = Gpu {
        index: 0,
        uuid: "GPU-one".into(),
        utilization_percent: Some(40.0),
        memory_used_bytes: Some(300 << 20),
        memory_total_bytes: Some(1000 << 20),
        temperature_celsius: Some(61.0),
        power_watts: Some(250.5),
        throttled: Some(true),
    };
    assert_eq!(one, wanted);
    assert_eq!((two.uuid.as_str(), two.throttled), ("GPU-two", Some(false)), "an idle one is not slowed down");
    assert_eq!(gpus.share(&[7]), Share { memory_bytes: 120 << 20, percent: 30.0 }, "the newest sample, each process once");
    assert_eq!(gpus.share(&[9]), Share::default());
}

#[test]
fn functions_that_are_lacking_or_fail_leave_their_figures_out() {
    let (_directory, library) = stand_in(&["-DLACKS"]);
    let mut lacking = Gpus::open_at(Some(library.as_os_str())).0;
    let gpu = &lacking.read()[0];
    assert_eq!((gpu.utilization_percent, gpu.memory_used_bytes), (Some(40.0), Some(300 << 20)));
    assert_eq!((gpu.temperature_celsius, gpu.power_watts, gpu.throttled), (None, None, None));
    assert_eq!(lacking.share(&[7]), Share { memory_bytes: 120 << 20, percent: 120.0 }, "whoever holds memory is all that runs");
    let (_other, library) = stand_in(&["-DFAILS"]);
    let mut failing = Gpus::open_at(Some(library.as_os_str())).0;
    assert_eq!(failing.read()[1], Gpu { index: 1, uuid: "GPU-two".into(), ..Gpu::default() });
    assert_eq!(failing.share(&[7]), Share::default());
}

#[test]
fn without_a_driver_there_is_nothing_and_one_line_says_why() {
    let began = Instant::now();
    let (mut none, why) = Gpus::open_at(Some("/no/such/library.so".as_ref()));
    assert!(none.is_none() && none.read().is_empty() && none.share(&[7]) == Share::default());
    assert!(why.is_some_and(|why| why.lines().count() == 1));
    let (_directory, library) = stand_in(&["-DDEAD"]);
    let (dead, why) = Gpus::open_at(Some(library.as_os_str()));
    assert!(dead.is_none() && why.is_some());
    assert!(began.elapsed() < Duration::from_secs(10));
}
