//! A repl's own network namespace, and its link to the router. What is to be done is built by pure
//! functions, as input for `ip -batch`.

use super::router::{GATEWAY, Router};
use crate::SpawnError;

/// Links are numbered from 1; the last addresses of the range are the router's.
pub const LAST_LINK: u16 = 65_000;

/// Loopback and uplink carry large frames: both ends of every link must carry the same, or
/// transfers hang after the handshake.
pub const MTU: &str = "65520";

/// The repl's address, of 10.213.0.0/16.
pub fn address(link: u16) -> String {
    let [high, low] = link.to_be_bytes();
    format!("10.213.{high}.{low}")
}

/// The router's end of a link. Names count within the router's namespace alone.
pub fn interface(link: u16) -> String {
    format!("r{link}")
}

fn add_outside(namespace: &str, link: u16) -> String {
    let (interface, address) = (interface(link), address(link));
    format!(
        "netns add {namespace}\n\
         link add {interface} mtu {MTU} type veth peer name eth0 mtu {MTU} netns {namespace}\n\
         link set {interface} up\n\
         route replace {address}/32 dev {interface}\n"
    )
}

/// IPv6 is off but for the loopback: no address is made up for the link.
fn add_inside(link: u16, has_ipv6: bool) -> String {
    let address = address(link);
    let no_ipv6 = match has_ipv6 {
        true => "link set eth0 addrgenmode none\n",
        false => "",
    };
    format!(
        "link set lo up\n\
         {no_ipv6}\
         addr add {address}/32 dev eth0\n\
         link set eth0 up\n\
         route add {GATEWAY} dev eth0 scope link\n\
         route add default via {GATEWAY}\n"
    )
}

/// Makes the namespace and its link.
pub async fn add(router: &Router, namespace: &str, link: u16) -> Result<(), SpawnError> {
    router
        .ip(&["-batch", "-"], &add_outside(namespace, link))
        .await?;
    let has_ipv6 = std::path::Path::new("/proc/sys/net/ipv6").exists();
    router.ip_in(namespace, &add_inside(link, has_ipv6)).await
}

/// Removes both; either may be gone already.
pub async fn remove(router: &Router, namespace: &str, link: u16) -> Result<(), SpawnError> {
    // The link first: a namespace lives on for as long as any process of it does.
    let batch = format!("link del {}\nnetns del {namespace}\n", interface(link));
    let options = ["-force", "-batch", "-"];
    let address = address(link);
    let (removed, ()) = tokio::join!(router.ip(&options, &batch), router.forget(&address));
    if router.namespace_path(namespace).exists() {
        removed
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_has_an_address_of_its_own() {
        assert_eq!(address(1), "10.213.0.1");
        assert_eq!(address(LAST_LINK), "10.213.253.232");
        assert_ne!(address(LAST_LINK), GATEWAY);
        assert!(interface(LAST_LINK).len() <= 15);
    }
}
