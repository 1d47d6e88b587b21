//! A process and its descendants: which they are, how much processor time they have used, how much memory they hold. Read from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// Processes of one tree that are looked at; of a larger tree the others are counted in [`Reading::unread`].
const PROCESSES_MAX: usize = 4_096;

/// Which processes are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// What the first thread of the process of this id has started, and what was left behind to it, without itself.
    ChildrenOf(u32),
    /// The process of this id and what it has started.
    Process(u32),
}

/// A tree between two looks at it.
#[derive(Debug)]
pub struct Tree {
    root: Root,
    ticks_per_second: u64,
    members: BTreeMap<u32, Member>,
    /// Of processes that are gone and whose parents cannot tell.
    lost: Duration,
}

/// What was last seen of a process.
#[derive(Clone, Copy, Debug)]
struct Member {
    parent: u32,
    started: u64,
    used: Duration,
}

/// What a tree was seen to be at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Those that run; what has ended and waits for its parent is not among them.
    pub pids: Vec<u32>,
    /// User and system time of those that are there and of the children that they have waited for.
    pub used: Duration,
    /// Of all of them, as [`Self::source`] says.
    pub memory_bytes: u64,
    pub source: Option<MemorySource>,
    /// The largest resident set that one of them has had so far (`VmHWM`).
    pub high_water_bytes: u64,
    /// Processes beyond the bound.
    pub unread: usize,
}

/// What the memory of a tree is the sum of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MemorySource {
    /// Resident sets: exact for one process, and too much for several that share pages.
    Rss,
    /// Proportional sets: a page that several processes share counts once.
    Pss,
}

/// The fields of `/proc/<pid>/stat` that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub state: char,
    pub parent: u32,
    /// In ticks: its own, and that of the children it has waited for.
    pub own_ticks: u64,
    pub children_ticks: u64,
    pub threads: u64,
    /// In ticks since the host started: with the id it names a process for good.
    pub started: u64,
}

impl Stat {
    /// `None`: there is no such process.
    pub fn of(pid: u32) -> Option<Self> {
        Self::parse(&read(&format!("/proc/{pid}/stat"))?)
    }

    /// The name of a process stands in brackets and may itself hold brackets and spaces, so fields are counted from the last one.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            own_ticks: number(11)? + number(12)?,
            children_ticks: number(13)? + number(14)?,
            threads: number(17)?,
            started: number(19)?,
        })
    }

    /// It has ended, and only its parent's wait keeps it.
    pub const fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

impl Tree {
    pub fn new(root: Root) -> Self {
        Self { root, ticks_per_second: ticks_per_second(), members: BTreeMap::new(), lost: Duration::ZERO }
    }

    /// Looks at the tree now. Parents are read before their children: a child that ends meanwhile is missed until the next look, and never
    /// counted twice.
    pub fn read(&mut self) -> Reading {
        let mut reading = Reading::default();
        let mut seen = BTreeMap::new();
        let mut waiting = match self.root {
            Root::ChildrenOf(pid) => children(pid, 1),
            Root::Process(pid) => vec![pid],
        };
        let mut ticks = 0;
        while let Some(pid) = waiting.pop() {
            if PROCESSES_MAX <= seen.len() {
                reading.unread += 1 + waiting.len();
                break;
            }
            let Some(stat) = Stat::of(pid) else { continue };
            let all = stat.own_ticks + stat.children_ticks;
            let used = self.time(all);
            if seen.insert(pid, Member { parent: stat.parent, started: stat.started, used }).is_some() {
                continue;
            }
            ticks += all;
            if !stat.has_ended() {
                reading.pids.push(pid);
                waiting.extend(children(pid, stat.threads));
            }
        }
        self.note_lost(seen);
        reading.used = self.time(ticks) + self.lost;
        self.weigh(&mut reading);
        reading
    }

    fn time(&self, ticks: u64) -> Duration {
        Duration::from_secs_f64(ticks as f64 / self.ticks_per_second as f64)
    }

    /// Adds the time of members that are gone and whose parent was not in the tree: nobody here will ever tell it. Those with a parent in the
    /// tree are in its time once it has waited for them.
    fn note_lost(&mut self, seen: BTreeMap<u32, Member>) {
        let is_ours = |parent: u32| match self.root {
            Root::ChildrenOf(pid) => parent == pid || self.members.contains_key(&parent),
            Root::Process(_) => self.members.contains_key(&parent),
        };
        let is_gone = |pid: &u32, member: &Member| seen.get(pid).is_none_or(|now| now.started != member.started);
        let lost: Duration = self
            .members
            .iter()
            .filter(|(pid, member)| is_gone(pid, member) && !is_ours(member.parent))
            .map(|(_, member)| member.used)
            .sum();
        self.lost += lost;
        self.members = seen;
    }

    /// What they hold. Several processes share pages, so theirs are proportional sets, where the kernel tells them.
    fn weigh(&self, reading: &mut Reading) {
        let several = 1 < reading.pids.len();
        let (mut resident, mut proportional) = (0, Some(0));
        for pid in &reading.pids {
            let status = read(&format!("/proc/{pid}/status")).unwrap_or_default();
            let own = kilobytes(&status, "VmRSS:").unwrap_or(0);
            resident += own;
            reading.high_water_bytes = reading.high_water_bytes.max(kilobytes(&status, "VmHWM:").unwrap_or(0));
            if several && 0 < own {
                proportional = proportional.and_then(|sum| Some(sum + proportional_bytes(*pid)?));
            }
        }
        (reading.memory_bytes, reading.source) = match proportional {
            _ if reading.pids.is_empty() => (0, None),
            Some(bytes) if several => (bytes, Some(MemorySource::Pss)),
            _ => (resident, Some(MemorySource::Rss)),
        };
    }
}

/// In which the kernel counts the time of processes; a hundred everywhere, as far as anybody knows.
pub fn ticks_per_second() -> u64 {
    use nix::unistd::{SysconfVar, sysconf};
    sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok()).unwrap_or(100)
}

/// A file of `/proc`; the name of a process in it may be any bytes. `None`: it is not there, or may not be read.
fn read(path: &str) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The proportional set of a process; `None` if it may not be read or there is none any more.
fn proportional_bytes(pid: u32) -> Option<u64> {
    kilobytes(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

/// The value of a line such as `VmRSS:   1234 kB`, in bytes.
pub fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").trim_end().parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}

/// The children of a process. The kernel lists them by thread; `threads` spares the look at a single one.
fn children(pid: u32, threads: u64) -> Vec<u32> {
    let of_thread = |thread: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
        text.split_ascii_whitespace().filter_map(|child| child.parse().ok()).collect::<Vec<u32>>()
    };
    if threads == 1 {
        return of_thread(&pid.to_string());
    }
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.flatten().filter_map(|task| task.file_name().into_string().ok()).flat_map(|thread| of_thread(&thread)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let text = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 5 0 1234 5678 90 18446744073709551615";
        let stat = Stat::parse(text).unwrap();
        let wanted = Stat { state: 'S', parent: 7, own_ticks: 30, children_ticks: 70, threads: 5, started: 1234 };
        assert_eq!(stat, wanted);
        assert_eq!(Stat::parse("42 (x"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn a_line_of_status_is_read_in_bytes() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    12 kB\n", "VmRSS:"), Some(12_288));
        assert_eq!(kilobytes("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn a_tree_holds_the_children_of_its_children() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 30 & sleep 30 & echo; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // both have been started once the shell has said so
        std::io::Read::read(child.stdout.as_mut().unwrap(), &mut [0; 1]).unwrap();
        let mut tree = Tree::new(Root::Process(child.id()));
        let reading = tree.read();
        let (pids, source) = (reading.pids.clone(), reading.source);
        for pid in &pids {
            let _ = rustix::process::kill_process(
                rustix::process::Pid::from_raw(*pid as i32).unwrap(),
                rustix::process::Signal::KILL,
            );
        }
        child.wait().unwrap();
        assert_eq!(pids.len(), 3, "{reading:?}");
        assert_eq!(source, Some(MemorySource::Pss));
        assert!(reading.memory_bytes < (192 << 20) && 0 < reading.high_water_bytes, "{reading:?}");
        let after = tree.read();
        assert!(after.pids.is_empty() && after.source.is_none(), "{after:?}");
    }
}
