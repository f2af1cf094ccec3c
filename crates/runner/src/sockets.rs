//! Asks the kernel for listening TCP sockets alone (sock_diag(7)). Its table of all connections, `/proc/net/tcp`,
//! is that of the whole machine, and takes many times as long to read.

use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
};

/// `SOCK_DIAG_BY_FAMILY`, linux/sock_diag.h.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP`, netlink(7).
const DUMP: u16 = 0x301;
/// `NLMSG_ERROR` and `NLMSG_DONE`.
const ERROR: u16 = 2;
const DONE: u16 = 3;
const TCP: u8 = 6;
/// The bit of `TCP_LISTEN`.
const LISTENING: u32 = 1 << 10;
/// Bytes of `struct nlmsghdr`,
const HEAD: usize = 16;
/// and of `struct inet_diag_req_v2` after it.
const REQUEST: usize = 56;
/// Where `struct inet_diag_msg` says the port (in network order) and the inode.
const PORT: usize = 4;
const INODE: usize = 68;
/// The kernel answers in pieces no larger.
const PIECE: usize = 32 * 1024;

/// Port and inode of each listening socket of this network, over IPv4 first.
pub fn listening() -> io::Result<Vec<(u16, u64)>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let kind = SocketType::DGRAM;
    let diag = Some(netlink::SOCK_DIAG);
    let socket = socket_with(AddressFamily::NETLINK, kind, flags, diag)?;
    let mut found = Vec::new();
    let mut piece = vec![0; PIECE];
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        send(&socket, &request(family), SendFlags::empty())?;
        loop {
            let (read, _) = recv(&socket, &mut piece[..], RecvFlags::empty())?;
            if take_in(&piece[..read], &mut found)? {
                break;
            }
        }
    }
    Ok(found)
}

fn request(family: AddressFamily) -> [u8; HEAD + REQUEST] {
    let mut bytes = [0; HEAD + REQUEST];
    bytes[0..4].copy_from_slice(&((HEAD + REQUEST) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    bytes[HEAD] = family.as_raw() as u8;
    bytes[HEAD + 1] = TCP;
    bytes[HEAD + 4..HEAD + 8].copy_from_slice(&LISTENING.to_ne_bytes());
    bytes
}

/// Takes in one piece of an answer; whether it was the last.
fn take_in(mut piece: &[u8], found: &mut Vec<(u16, u64)>) -> io::Result<bool> {
    let cut = || io::Error::from(io::ErrorKind::InvalidData);
    while !piece.is_empty() {
        let length = u32::from_ne_bytes(at(piece, 0).ok_or_else(cut)?) as usize;
        let kind = u16::from_ne_bytes(at(piece, 4).ok_or_else(cut)?);
        let message = piece.get(HEAD..length).ok_or_else(cut)?;
        match kind {
            DONE => return Ok(true),
            ERROR => {
                let error = i32::from_ne_bytes(at(message, 0).ok_or_else(cut)?);
                return Err(io::Error::from_raw_os_error(-error));
            }
            BY_FAMILY => {
                let port = u16::from_be_bytes(at(message, PORT).ok_or_else(cut)?);
                let inode = u32::from_ne_bytes(at(message, INODE).ok_or_else(cut)?);
                found.push((port, u64::from(inode)));
            }
            _ => {}
        }
        // Each begins at a multiple of four.
        piece = piece.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn at<const N: usize>(bytes: &[u8], from: usize) -> Option<[u8; N]> {
    bytes.get(from..from + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;

    use super::*;

    /// The inode of a socket is that of its descriptor.
    fn inode(socket: &impl std::os::fd::AsRawFd) -> u64 {
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        std::fs::metadata(path).unwrap().ino()
    }

    #[test]
    fn who_listens_is_found_and_who_is_connected_is_not() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let address = listener.local_addr().unwrap();
            let client = TcpStream::connect(address).unwrap();
            let (server, _) = listener.accept().unwrap();
            let found = super::listening().unwrap();
            let own = (address.port(), inode(&listener));
            assert!(found.contains(&own));
            for connected in [&client, &server] {
                assert!(found.iter().all(|(_, other)| *other != inode(connected)));
            }
            drop(listener);
            let found = super::listening().unwrap();
            assert!(!found.contains(&own));
        }
    }

    #[test]
    fn an_answer_in_pieces_goes_on_until_it_is_done() {
        let mut message = vec![0; HEAD + INODE + 4];
        let length = message.len() as u32;
        message[0..4].copy_from_slice(&length.to_ne_bytes());
        message[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        message[HEAD + PORT..HEAD + PORT + 2].copy_from_slice(&3000_u16.to_be_bytes());
        message[HEAD + INODE..].copy_from_slice(&4711_u32.to_ne_bytes());
        let mut found = Vec::new();
        let two = [message.clone(), message.clone()].concat();
        assert!(!take_in(&two, &mut found).unwrap());
        assert_eq!(found, [(3000, 4711); 2]);
        let mut done = message.clone();
        done[4..6].copy_from_slice(&DONE.to_ne_bytes());
        assert!(take_in(&done, &mut found).unwrap());
        let mut error = message.clone();
        error[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        error[HEAD..HEAD + 4].copy_from_slice(&(-2_i32).to_ne_bytes());
        let error = take_in(&error, &mut found).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(take_in(&message[..HEAD + 8], &mut found).is_err());
        assert!(take_in(&[0; HEAD], &mut found).is_err());
        assert_eq!(found.len(), 2);
    }
}
