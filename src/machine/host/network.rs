//! Interfaces: what `sysinfo` tells of each, and dropped packets, which it leaves out.

use std::collections::BTreeMap;

use sysinfo::Networks;

use super::{Metrics, read};

pub struct Network(Option<Networks>);

impl Network {
    pub fn new() -> Self {
        Self(Networks::new_with_refreshed_list().ok())
    }

    pub fn look(&mut self, metrics: &mut Metrics) {
        let Some(networks) = &mut self.0 else { return };
        networks.refresh(true);
        let drops = drops(&read("/proc/net/dev"));
        for (name, network) in networks.iter() {
            let name = name.to_string_lossy().into_owned();
            let mut put = |metric, count| metrics.count(metric, count, vec![("interface", name.clone())]);
            put("tidewatch_network_receive_bytes_total", network.total_received());
            put("tidewatch_network_transmit_bytes_total", network.total_transmitted());
            put("tidewatch_network_receive_packets_total", network.total_packets_received());
            put("tidewatch_network_transmit_packets_total", network.total_packets_transmitted());
            put("tidewatch_network_receive_errors_total", network.total_errors_on_received());
            put("tidewatch_network_transmit_errors_total", network.total_errors_on_transmitted());
            if let Some((received, transmitted)) = drops.get(&name) {
                put("tidewatch_network_receive_drops_total", *received);
                put("tidewatch_network_transmit_drops_total", *transmitted);
            }
        }
    }
}

/// Packets dropped while receiving and while transmitting, by interface.
fn drops(text: &str) -> BTreeMap<String, (u64, u64)> {
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
    fn drops_are_the_fourth_number_of_each_direction() {
        let dev = "Inter-| Receive\n face |bytes\n  eth0: 100 2 0 7 0 0 0 0 200 3 0 9 0 0 0 0\n";
        assert_eq!(drops(dev).get("eth0"), Some(&(7, 9)));
        assert!(drops("eth0: 1").is_empty());
    }
}
