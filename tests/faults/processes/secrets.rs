//! Who could read the admin token beside its owner: a child, the environment, the memory of the process.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::house::{Plan, TOKEN};

/// How often `text` stands in the memory of a process that may be written to; `None` where that may not be read.
fn times_in_memory(pid: u32, text: &str) -> Option<usize> {
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut times = 0;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, rights) = (fields.next()?, fields.next()?);
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut bytes = vec![0; (end - start) as usize];
        // a page that is gone meanwhile holds nothing
        let Ok(read) = memory.read_at(&mut bytes, start) else { continue };
        times += memchr::memmem::find_iter(&bytes[..read], text.as_bytes()).count();
    }
    Some(times)
}

fn environment(pid: u32) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_admin_token_is_not_inherited_and_not_left_in_memory() {
    let data = tempfile::tempdir().unwrap();
    let house = Plan::alone(data.path()).open();
    let server = std::fs::read_to_string(data.path().join("nats/nats-server.pid")).unwrap();
    let server = environment(server.trim().parse().unwrap());
    assert!(server.contains("PATH=") && !server.contains("TIDEWATCH_"), "the managed server inherited {server}");
    assert!(!environment(house.pid()).contains(TOKEN), "it is wiped from the environment once it is read");
    match times_in_memory(house.pid(), TOKEN) {
        // what a request brings passes through buffers of HTTP, but there was none yet
        Some(times) => assert_eq!(times, 0, "copies of the token in memory"),
        None => eprintln!("not looked at: this user may not read the memory of the process"),
    }
    assert!(house.get("/api/v1/tokens").await.is_some(), "and yet it opens the door");
    assert_eq!(std::fs::read_to_string(data.path().join("admin.token")).unwrap().trim(), TOKEN);
}
