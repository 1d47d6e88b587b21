//! Mounts as `df` tells them, one a device, and what whole disks have done.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Metrics, read};

/// `/proc/diskstats` counts in sectors of this many bytes, whatever the disk's own sectors are.
const SECTOR_BYTES: u64 = 512;

/// File systems that hold no files of a disk, or only such as cannot change.
const WITHOUT_DISK: [&str; 24] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

/// A line of `/proc/self/mountinfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// `major:minor`.
    device: String,
    /// What of its file system is shown: `/` but for a bind mount.
    root: String,
    point: String,
    kind: String,
}

pub fn look(metrics: &mut Metrics) {
    for mount in one_a_device(mounts(&read("/proc/self/mountinfo"))) {
        tell(&mount.point, metrics);
    }
    for Disk { device, reads, read_bytes, writes, written_bytes, busy_seconds } in disks() {
        let labels = || vec![("device", device.clone())];
        metrics.count("tidewatch_disk_read_bytes_total", read_bytes, labels());
        metrics.count("tidewatch_disk_write_bytes_total", written_bytes, labels());
        metrics.count("tidewatch_disk_read_ops_total", reads, labels());
        metrics.count("tidewatch_disk_write_ops_total", writes, labels());
        metrics.put("tidewatch_disk_busy_seconds_total", busy_seconds, labels());
    }
}

/// What is reserved for root is neither used nor available, and of what is shared by both the used share is the percentage: as `df` has it, which
/// rounds up.
fn tell(point: &str, metrics: &mut Metrics) {
    let Ok(space) = rustix::fs::statvfs(point) else { return };
    let (total, free, available) =
        (space.f_blocks * space.f_frsize, space.f_bfree * space.f_frsize, space.f_bavail * space.f_frsize);
    if total == 0 {
        return;
    }
    let used = total.saturating_sub(free);
    let labels = || vec![("mount", point.to_owned())];
    metrics.put("tidewatch_disk_usage_percent", 100.0 * used as f64 / (used + available) as f64, labels());
    metrics.count("tidewatch_disk_total_bytes", total, labels());
    metrics.count("tidewatch_disk_used_bytes", used, labels());
    metrics.count("tidewatch_disk_available_bytes", available, labels());
    if 0 < space.f_files {
        metrics.count("tidewatch_inodes_total", space.f_files, labels());
        metrics.count("tidewatch_inodes_used", space.f_files.saturating_sub(space.f_ffree), labels());
        metrics.count("tidewatch_inodes_available", space.f_favail, labels());
    }
}

fn mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let fields: Vec<&str> = before.split(' ').collect();
        let [_, _, device, root, point, ..] = fields[..] else { return None };
        let kind = after.split(' ').next()?;
        Some(Mount { device: device.into(), root: unescaped(root), point: unescaped(point), kind: kind.into() })
    };
    text.lines().filter_map(mount).collect()
}

/// Of each device the mount that shows all of it, with the shortest path; of overlays, which show a part of some other disk, the first.
fn one_a_device(mounts: Vec<Mount>) -> Vec<Mount> {
    let mut chosen: BTreeMap<String, Mount> = BTreeMap::new();
    for mount in mounts.into_iter().filter(|mount| !WITHOUT_DISK.contains(&mount.kind.as_str())) {
        // a single file that is mounted is no disk
        if !Path::new(&mount.point).is_dir() && cfg!(not(test)) {
            continue;
        }
        let key = if mount.kind == "overlay" { "overlay".to_owned() } else { mount.device.clone() };
        let rank = |mount: &Mount| (mount.root != "/", mount.point.len());
        match chosen.get(&key) {
            Some(other) if rank(other) <= rank(&mount) => {}
            _ => drop(chosen.insert(key, mount)),
        }
    }
    chosen.into_values().collect()
}

/// Spaces, tabs, line breaks and backslashes are written as three octal digits.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|digits| *first == b'\\' && digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match digits {
            Some(digits) => {
                bytes.push(digits.iter().fold(0_u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What one whole disk has done since the host started.
#[derive(Clone, Debug, PartialEq)]
struct Disk {
    device: String,
    reads: u64,
    read_bytes: u64,
    writes: u64,
    written_bytes: u64,
    busy_seconds: f64,
}

/// The whole disks; partitions, loops and memory disks are left out, since they would count twice.
fn disks() -> Vec<Disk> {
    // a whole disk has a directory of its own here
    let whole = |disk: &Disk| Path::new("/sys/block").join(disk.device.replace('/', "!")).exists();
    of_diskstats(&read("/proc/diskstats")).into_iter().filter(whole).collect()
}

fn of_diskstats(text: &str) -> Vec<Disk> {
    let disk = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, _, device, ..] = fields[..] else { return None };
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let (reads, sectors_read, writes, sectors_written) = (number(3)?, number(5)?, number(7)?, number(9)?);
        let virtual_disk = ["loop", "ram", "zram"].iter().any(|prefix| device.starts_with(prefix));
        (!virtual_disk && 0 < reads + writes).then(|| Disk {
            device: device.into(),
            reads,
            read_bytes: sectors_read.saturating_mul(SECTOR_BYTES),
            writes,
            written_bytes: sectors_written.saturating_mul(SECTOR_BYTES),
            busy_seconds: number(12).unwrap_or(0) as f64 / 1_000.0,
        })
    };
    text.lines().filter_map(disk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_counts_once_however_often_it_is_mounted() {
        let text = "\
22 1 254:0 / / rw,relatime - ext4 /dev/root rw
23 22 0:21 / /proc rw - proc proc rw
30 22 254:0 /srv/data /mnt/bound\\040here rw - ext4 /dev/root rw
31 22 254:16 / /var/lib/long rw - xfs /dev/vdb rw
32 22 254:16 / /data rw - xfs /dev/vdb rw
33 22 0:40 / /var/lib/docker/overlay2/a/merged rw - overlay overlay rw
34 22 0:41 / /over rw - overlay overlay rw
35 22 0:50 / /tmp rw - tmpfs tmpfs rw
";
        let all = mounts(text);
        assert_eq!((all.len(), all[2].point.as_str()), (8, "/mnt/bound here"));
        let points: Vec<String> = one_a_device(all).into_iter().map(|mount| mount.point).collect();
        assert_eq!(points, ["/", "/data", "/over"]);
    }

    #[test]
    fn disks_are_read_in_bytes_and_seconds() {
        let text = " 254 0 vda 10 1 80 5 20 2 160 9 0 7500 14\n 7 0 loop0 1 0 8 0 0 0 0 0 0 0 0\n";
        let vda =
            Disk { device: "vda".into(), reads: 10, read_bytes: 40_960, writes: 20, written_bytes: 81_920, busy_seconds: 7.5 };
        assert_eq!(of_diskstats(text), [vda]);
        assert!(of_diskstats("x").is_empty());
    }
}
