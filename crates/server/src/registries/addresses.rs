//! Which addresses are public: not this machine's, not private, not something else than one host's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use alcove_spawner::sandbox::rules::DENIED;

use super::request::PORT;

/// Besides what the router's filter denies: what is reached by machines' own tests alone (RFC 2544).
const TESTS: (Ipv4Addr, u32) = (Ipv4Addr::new(198, 18, 0, 0), 15);

pub fn is_public(address: IpAddr) -> bool {
    let is_public = match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    };
    is_public && !is_of_this_machine(address)
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_in = |(network, bits): &(Ipv4Addr, u32)| {
        (address.to_bits() ^ network.to_bits()).leading_zeros() >= *bits
    };
    !DENIED.iter().chain([&TESTS]).any(is_in)
}

/// Of the addresses that are given out for single hosts (2000::/3) none that has an IPv4 address in it: 6to4
/// (2002::/16) and Teredo (2001::/32) lead to that.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    first & 0xe000 == 0x2000 && first != 0x2002 && (first, second) != (0x2001, 0)
}

/// What this machine sends to itself it sends from the same address. Connecting sends no packet.
fn is_of_this_machine(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, PORT))?;
        socket.local_addr()
    });
    from.is_ok_and(|from| from.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn what_is_this_machines_own_is_known() {
        let own = |text: &str| is_of_this_machine(text.parse().unwrap());
        assert!(own("127.0.0.1"));
        assert!(!own("8.8.8.8") && !own("2606:4700::6810:1122"));
    }

    #[test]
    fn private_networks_end_where_they_end() {
        for (inside, outside) in [
            ("0.255.255.255", "1.0.0.0"),
            ("10.255.255.255", "11.0.0.0"),
            ("100.64.0.0", "100.63.255.255"),
            ("100.127.255.255", "100.128.0.0"),
            ("127.255.255.255", "128.0.0.0"),
            ("169.254.169.254", "169.255.0.0"),
            ("172.16.0.0", "172.15.255.255"),
            ("172.31.255.255", "172.32.0.0"),
            ("192.0.0.255", "192.0.1.0"),
            ("192.168.255.255", "192.169.0.0"),
            ("198.19.255.255", "198.20.0.0"),
            ("224.0.0.0", "223.255.255.255"),
            ("255.255.255.255", "8.8.8.8"),
        ] {
            assert!(!public(inside), "{inside}");
            assert!(public(outside), "{outside}");
        }
    }

    #[test]
    fn of_ipv6_only_what_single_hosts_have() {
        assert!(public("2606:4700::6810:1122"));
        for inside in [
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2002:a00:1::",
            "4000::1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(!public(inside), "{inside}");
        }
    }
}
