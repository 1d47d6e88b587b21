//! What `sysinfo` leaves out and Linux tells in `/proc`: context switches, disk operations, dropped packets. Elsewhere nothing.

use std::collections::BTreeMap;

/// `/proc/diskstats` counts in sectors of this many bytes, whatever the disk's own sectors are.
const SECTOR_BYTES: u64 = 512;

/// What one whole disk has done since the host started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    pub device: String,
    pub reads: u64,
    pub read_bytes: u64,
    pub writes: u64,
    pub written_bytes: u64,
}

/// Context switches of all processors since the host started.
pub fn context_switches() -> Option<u64> {
    read_context_switches(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// The whole disks; partitions, loops and memory disks are left out, since they would count twice.
pub fn disks() -> Vec<Disk> {
    let text = std::fs::read_to_string("/proc/diskstats").unwrap_or_default();
    // A whole disk has a directory of its own here.
    let whole = |device: &str| std::path::Path::new("/sys/block").join(device).exists();
    read_disks(&text).into_iter().filter(|disk| whole(&disk.device)).collect()
}

/// Packets dropped while receiving and while transmitting, by interface.
pub fn network_drops() -> BTreeMap<String, (u64, u64)> {
    read_network_drops(&std::fs::read_to_string("/proc/net/dev").unwrap_or_default())
}

fn read_context_switches(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("ctxt "))?.trim().parse().ok()
}

fn read_disks(text: &str) -> Vec<Disk> {
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
        })
    };
    text.lines().filter_map(disk).collect()
}

fn read_network_drops(text: &str) -> BTreeMap<String, (u64, u64)> {
    let drops = |line: &str| {
        let (interface, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        Some((interface.trim().to_owned(), (*numbers.get(3)?, *numbers.get(11)?)))
    };
    text.lines().filter_map(drops).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_proc_are_read() {
        assert_eq!(read_context_switches("cpu 1 2 3\nctxt 125678\nbtime 1\n"), Some(125_678));
        let disks = read_disks(" 254 0 vda 10 1 80 5 20 2 160 9 0 7 14\n 7 0 loop0 1 0 8 0 0 0 0 0 0 0 0\n");
        let vda = Disk { device: "vda".into(), reads: 10, read_bytes: 40_960, writes: 20, written_bytes: 81_920 };
        assert_eq!(disks, [vda]);
        let dev = "Inter-| Receive\n face |bytes\n  eth0: 100 2 0 7 0 0 0 0 200 3 0 9 0 0 0 0\n";
        assert_eq!(read_network_drops(dev).get("eth0"), Some(&(7, 9)));
        assert_eq!(read_context_switches(""), None);
        assert!(read_disks("x").is_empty() && read_network_drops("eth0: 1").is_empty());
    }
}
