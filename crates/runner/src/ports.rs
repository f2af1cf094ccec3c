//! Which ports programs listen on.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use alcove_protocol::session::PortInfo;

use crate::sockets;

/// The state `TCP_LISTEN` of `/proc/net/tcp`.
const LISTEN: &str = "0A";
/// Ports that are reported.
const MAX_PORTS: usize = 64;

/// All listening ports but the runner's `own`, lowest first, each with the name of a process that holds it.
/// `known` are the names found before: processes are searched only for ports that are new.
pub fn listening(known: &[PortInfo], own: Option<u16>) -> Vec<PortInfo> {
    let mut inodes = BTreeMap::new();
    for (port, inode) in sockets::listening().unwrap_or_else(|_| from_tables()) {
        inodes.entry(port).or_insert(inode);
    }
    inodes.retain(|port, _| Some(*port) != own);
    // Whoever listens on thousands has the runner look at no more than it tells of.
    let inodes: BTreeMap<u16, u64> = inodes.into_iter().take(MAX_PORTS).collect();
    let mut names = HashMap::new();
    if inodes.keys().any(|p| !known.iter().any(|k| k.port == *p)) {
        names = processes(&inodes.values().copied().collect::<Vec<_>>());
    }
    inodes
        .into_iter()
        .map(
            |(port, inode)| match known.iter().find(|k| k.port == port) {
                Some(info) => info.clone(),
                None => PortInfo {
                    port,
                    process: names.remove(&inode).unwrap_or_default(),
                },
            },
        )
        .collect()
}

/// The same as [`sockets::listening`], where the kernel does not answer that: from its tables (proc(5)).
fn from_tables() -> Vec<(u16, u64)> {
    // Without IPv6 the second is missing.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter();
    tables
        .flat_map(|table| parse(&fs::read_to_string(table).unwrap_or_default()))
        .collect()
}

/// Port and inode of each listening socket of a table.
fn parse(table: &str) -> Vec<(u16, u64)> {
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            if fields.get(3) != Some(&LISTEN) {
                return None;
            }
            let port = u16::from_str_radix(fields.get(1)?.rsplit(':').next()?, 16).ok()?;
            Some((port, fields.get(9)?.parse().ok()?))
        })
        .collect()
}

/// Names of the processes that hold these sockets, by inode.
fn processes(inodes: &[u64]) -> HashMap<u64, String> {
    let wanted: HashMap<String, u64> = inodes
        .iter()
        .map(|i| (format!("socket:[{i}]"), *i))
        .collect();
    let mut found = HashMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        // Ends with those of other users, and what is not a process.
        let Ok(fds) = fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        for fd in fds.flatten() {
            let Ok(target) = fs::read_link(fd.path()) else {
                continue;
            };
            if let Some(inode) = target.to_str().and_then(|t| wanted.get(t)) {
                let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                found
                    .entry(*inode)
                    .or_insert_with(|| name.trim().to_owned());
            }
        }
        if found.len() == wanted.len() {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n\
             1: 0100007F:0BB8 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1\n";
        assert_eq!(parse(table), [(3000, 4711)]);
        assert_eq!(parse("nonsense\nmore nonsense"), []);
    }

    #[test]
    fn a_real_listener_is_found_on_either_loopback() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = std::net::TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            let found = listening(&[], None);
            let info = found.iter().find(|p| p.port == port);
            assert!(
                info.is_some_and(|p| !p.process.is_empty()) || found.len() == MAX_PORTS,
                "{address}: {found:?}"
            );
            let others = listening(&[], Some(port));
            assert!(others.iter().all(|p| p.port != port), "{others:?}");
        }
    }
}
