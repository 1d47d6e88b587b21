//! Where a request comes from: the peer of its connection or, where that is a proxy we were told to trust, the client it speaks for.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client. Each proxy appends the address it saw, so the list is read from its end, as far as those who wrote
/// it are trusted: the first that is not is the client, and what stands before it anybody may have written.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut client = peer.to_canonical();
    let lists = headers.get_all(FORWARDED_FOR).into_iter().rev().filter_map(|value| value.to_str().ok());
    for entry in lists.flat_map(|list| list.rsplit(',')) {
        match address(entry.trim()) {
            Some(before) if is_trusted(client, trusted) => client = before,
            _ => break,
        }
    }
    client
}

pub fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address.to_canonical()))
}

/// What counts as one client: an IPv4 address, or the network of an IPv6 one, since a host has as many of those as it likes.
pub fn share_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

/// An entry of the list: an address, some with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.parse().ok().or_else(|| Some(entry.parse::<std::net::SocketAddr>().ok()?.ip()));
    bare.or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok()).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client_of(peer: &str, lists: &[&'static str]) -> String {
        let trusted: Vec<IpNet> = ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).to_vec();
        let mut headers = HeaderMap::new();
        for list in lists {
            headers.append(FORWARDED_FOR, HeaderValue::from_static(list));
        }
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_client_is_the_last_address_that_no_trusted_proxy_wrote_of_another() {
        assert_eq!(client_of("203.0.113.9", &["198.51.100.1"]), "203.0.113.9", "a stranger may write what it likes");
        assert_eq!(client_of("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client_of("127.0.0.1", &["192.0.2.66, 198.51.100.1, 10.1.2.3"]), "198.51.100.1");
        assert_eq!(client_of("127.0.0.1", &["198.51.100.1", "10.1.2.3"]), "198.51.100.1");
        assert_eq!(client_of("::ffff:127.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client_of("fd00::1", &["[2001:db8::7]:443"]), "2001:db8::7");
        assert_eq!(client_of("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(client_of("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn hosts_of_one_ipv6_network_share() {
        let share = |text: &str| share_of(text.parse().unwrap());
        assert_eq!(share("2001:db8:1:2::1"), share("2001:db8:1:2:ffff::9"));
        assert_ne!(share("2001:db8:1:2::1"), share("2001:db8:1:3::1"));
        assert_eq!(share("::ffff:192.0.2.1"), share("192.0.2.1"));
    }
}
