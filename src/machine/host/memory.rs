//! Memory as `free` tells it: used is what is not available.

use super::{Metrics, read};
use crate::tree::kilobytes;

pub fn look(metrics: &mut Metrics) {
    let text = read("/proc/meminfo");
    let of = |name: &str| kilobytes(&text, name);
    if let (Some(total), Some(available)) = (of("MemTotal:"), of("MemAvailable:")) {
        let used = total.saturating_sub(available);
        metrics.put("tidewatch_memory_usage_percent", 100.0 * used as f64 / total as f64, Vec::new());
        metrics.count("tidewatch_memory_total_bytes", total, Vec::new());
        metrics.count("tidewatch_memory_used_bytes", used, Vec::new());
        metrics.count("tidewatch_memory_available_bytes", available, Vec::new());
    }
    if let (Some(total), Some(free)) = (of("SwapTotal:"), of("SwapFree:")) {
        metrics.count("tidewatch_swap_total_bytes", total, Vec::new());
        metrics.count("tidewatch_swap_used_bytes", total.saturating_sub(free), Vec::new());
    }
    if let Some(limit) = limit(&read("/proc/self/cgroup"), |path| std::fs::read_to_string(path).ok()) {
        metrics.count("tidewatch_memory_limit_bytes", limit, Vec::new());
    }
}

/// The smallest limit of our memory cgroup and those above it; `None` where there is none.
///
/// * `cgroups`: `/proc/self/cgroup`, lines of `<number>:<controllers>:<path>`; version 2 has number 0 and no controllers.
fn limit(cgroups: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let limits = cgroups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            of if of.split(',').any(|controller| controller == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return None,
        };
        let above =
            std::iter::successors(Some(path.trim_end_matches('/')), |path| path.rsplit_once('/').map(|(above, _)| above));
        above.filter_map(|path| read(&format!("{root}{path}/{file}"))?.trim().parse::<u64>().ok()).min()
    });
    // version 1 says "none" by a number near to the largest
    limits.min().filter(|bytes| *bytes < 1 << 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_above_us_counts() {
        let two = |path: &str| match path {
            "/sys/fs/cgroup/a/b/memory.max" => Some("max\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("1000\n".to_owned()),
            _ => None,
        };
        assert_eq!(limit("0::/a/b\n", two), Some(1000));
        assert_eq!(limit("0::/\n", two), None);
        let one = |path: &str| match path {
            "/sys/fs/cgroup/memory/job/memory.limit_in_bytes" => Some("4096\n".to_owned()),
            "/sys/fs/cgroup/memory/memory.limit_in_bytes" => Some("9223372036854771712\n".to_owned()),
            _ => None,
        };
        assert_eq!(limit("9:name=systemd:/\n4:memory:/job\n0::/\n", one), Some(4096));
        assert_eq!(limit("4:memory:/\n", one), None);
    }
}
