//! The router's packet filter: what repls may reach. The text is built by a pure function.

use std::net::Ipv4Addr;

use super::tools::output;
use crate::SpawnError;

/// Never reached from a repl: this machine, private networks, and what isn't unicast. Network and its bits.
pub const DENIED: [(Ipv4Addr, u32); 9] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Connections of one repl at once: one uplink holds those of all,
const CONNECTIONS: u32 = 1024;
/// connections that it may begin in a second, on average and in one go: it attacks others in our name,
const BEGUN: (u32, u32) = (200, 2000);
/// and packets a second that it may send to the name service, on average and in one go.
const NAMES: (u32, u32) = (200, 400);

/// An exception that the operator made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// Address, or address/bits.
    pub network: String,
    pub port: Option<u16>,
}

/// `address`, `address/bits` or `name`, each with `:port` where only that is meant.
pub fn parse(text: &str) -> Option<(&str, Option<u16>)> {
    let (place, port) = match text.split_once(':') {
        Some((place, port)) => (place, Some(port.parse().ok()?)),
        None => (text, None),
    };
    let (name, bits) = place
        .split_once('/')
        .map_or((place, None), |(name, bits)| (name, Some(bits)));
    let bits_fit = bits
        .is_none_or(|b| b.parse().is_ok_and(|n: u8| n <= 32) && name.parse::<Ipv4Addr>().is_ok());
    let name_fits = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    (bits_fit && name_fits).then_some((place, port))
}

/// Looks the names up, once.
pub async fn resolve(allow: &[String]) -> Result<Vec<Allowed>, SpawnError> {
    let mut allowed = Vec::new();
    for text in allow {
        let Some((place, port)) = parse(text) else {
            return Err(SpawnError::Unable(format!(
                "{text:?} can't be allowed: write an IPv4 address, a network (10.1.0.0/16) or a name, \
                 and `:port` behind it if you like."
            )));
        };
        if place.contains('/') || place.parse::<Ipv4Addr>().is_ok() {
            allowed.push(Allowed {
                network: place.to_owned(),
                port,
            });
            continue;
        }
        let found = tokio::net::lookup_host((place, 0))
            .await
            .map_err(|source| SpawnError::Io {
                what: format!("the address of {place}, which is to be allowed, can't be found"),
                source,
            })?;
        let found = found.filter(|a| a.is_ipv4()).map(|a| Allowed {
            network: a.ip().to_string(),
            port,
        });
        allowed.extend(found);
    }
    allowed.dedup();
    Ok(allowed)
}

/// Addresses of this machine, and of the gateways it uses.
pub async fn host_addresses() -> Result<Vec<String>, SpawnError> {
    let addresses = output("ip", &["-4", "-oneline", "addr", "show"], "").await?;
    let routes = output("ip", &["-4", "-oneline", "route", "show", "default"], "").await?;
    let after = |text: &str, word: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            words.find(|w| *w == word)?;
            let address: Ipv4Addr = words.next()?.split('/').next()?.parse().ok()?;
            Some(address.to_string())
        });
        lines.collect()
    };
    let mut all = after(&addresses, "inet");
    all.extend(after(&routes, "via"));
    all.sort();
    all.dedup();
    Ok(all)
}

/// The whole table; it replaces the former one in a single step. Names of links are `r*`, so a new
/// repl changes no rule. Its source address is its own because the router's `rp_filter` is strict.
pub fn ruleset(host: &[String], allow: &[Allowed]) -> String {
    let denied = DENIED
        .iter()
        .map(|(network, bits)| format!("{network}/{bits}"))
        .chain(host.iter().cloned())
        .collect::<Vec<_>>()
        .join(", ");
    let allowed: String = allow
        .iter()
        .map(|Allowed { network, port }| match port {
            Some(port) => format!("    ip daddr {network} tcp dport {port} accept\n"),
            None => format!("    ip daddr {network} accept\n"),
        })
        .collect();
    let ((names, burst), (begun, begun_burst)) = (NAMES, BEGUN);
    format!(
        "table inet alcove {{}}
delete table inet alcove
table inet alcove {{
  set denied {{
    type ipv4_addr; flags interval; auto-merge
    elements = {{ {denied} }}
  }}
  set connections {{ type ipv4_addr; size 65535; flags dynamic; }}
  set begun {{ type ipv4_addr; size 65535; flags dynamic,timeout; timeout 10s; }}
  set names {{ type ipv4_addr; size 65535; flags dynamic,timeout; timeout 10s; }}
  chain forward {{
    type filter hook forward priority 0; policy drop
    iifname \"r*\" th dport 53 update @names {{ ip saddr limit rate over {names}/second burst {burst} packets }} drop
    ct state established,related accept
    ct state invalid drop
    iifname \"r*\" oifname \"tap0\" meta nfproto ipv4 goto internet
    iifname \"r*\" reject
  }}
  chain internet {{
    add @connections {{ ip saddr ct count over {CONNECTIONS} }} reject
    ip daddr 10.0.2.3 meta l4proto {{ tcp, udp }} th dport 53 accept
    update @begun {{ ip saddr limit rate over {begun}/second burst {begun_burst} packets }} reject
{allowed}    ip daddr @denied reject
    meta l4proto {{ tcp, udp }} th dport {{ 53, 853 }} reject
    tcp dport {{ 25, 465, 587 }} reject
    accept
  }}
  chain input {{
    type filter hook input priority 0; policy drop
    iifname \"tap0\" ct state established,related accept
  }}
  chain leave {{
    type nat hook postrouting priority 100
    oifname \"tap0\" masquerade
  }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_allows_is_read() {
        assert_eq!(parse("10.1.2.3"), Some(("10.1.2.3", None)));
        assert_eq!(parse("10.1.0.0/16:443"), Some(("10.1.0.0/16", Some(443))));
        assert_eq!(
            parse("npm.internal:4873"),
            Some(("npm.internal", Some(4873)))
        );
        for bad in [
            "",
            ":80",
            "10.0.0.0/33",
            "name/8",
            "a b",
            "x; accept",
            "h:99999",
            "::1",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn exceptions_come_before_what_is_denied() {
        let allow = [Allowed {
            network: "10.1.2.3".into(),
            port: Some(443),
        }];
        let rules = ruleset(&["192.0.2.2".into()], &allow);
        let position = |text: &str| {
            rules
                .find(text)
                .unwrap_or_else(|| panic!("no {text:?} in:\n{rules}"))
        };
        assert!(position("ip daddr 10.1.2.3 tcp dport 443 accept") < position("@denied reject"));
        assert!(position("@denied reject") < position("    accept\n"));
        let names = "dport { 53, 853 } reject";
        assert!(position("ip daddr 10.0.2.3") < position("ip daddr 10.1.2.3"));
        assert!(position("ip daddr 10.1.2.3") < position(names));
        assert!(position(names) < position("    accept\n"));
        assert!(rules.contains("192.0.2.2"));
    }
}
