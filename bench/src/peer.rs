//! The peer of the terminal sections: the least that a WebSocket and a PTY can be, on threads. No
//! numbering, no acknowledgement, no screen, no sandbox.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use anyhow::Context;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

/// The peer as a process of its own, which ends with this.
pub struct Peer {
    _process: tokio::process::Child,
    pub port: u16,
}

impl Peer {
    pub async fn start() -> anyhow::Result<Self> {
        let mut process = tokio::process::Command::new(std::env::current_exe()?)
            .arg("--peer")
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().context("stdout")?).lines();
        let port = lines.next_line().await?.context("the peer's port")?;
        Ok(Self {
            _process: process,
            port: port.parse()?,
        })
    }
}

/// Bytes read from the terminal at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// A new terminal: its master, and its other end.
pub fn pty() -> anyhow::Result<(File, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(
        name.as_c_str(),
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?;
    Ok((File::from(master), slave))
}

/// Prints its port, then serves until it is ended.
pub fn serve() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let (mut from_shell, slave) = pty()?;
        let (input, output) = (slave.try_clone()?, slave.try_clone()?);
        // A session of its own, so that the terminal is the shell's.
        let mut shell = Command::new("setsid")
            .args(["--ctty", "bash", "--norc"])
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(slave))
            .spawn()?;
        let mut socket = accept(stream.try_clone()?)?;
        let mut to_shell = from_shell.try_clone()?;
        let mut sender = WebSocket::from_raw_socket(stream, Role::Server, None);
        std::thread::spawn(move || {
            let mut buffer = vec![0; BUFFER_BYTES];
            while let Ok(n) = from_shell.read(&mut buffer) {
                if n == 0 || sender.send(Message::binary(buffer[..n].to_vec())).is_err() {
                    break;
                }
            }
        });
        std::thread::spawn(move || {
            while let Ok(message) = socket.read() {
                if message.is_binary() && to_shell.write_all(&message.into_data()).is_err() {
                    break;
                }
            }
            // It may have ended by itself.
            let _ = shell.kill();
            let _ = shell.wait();
        });
    }
    Ok(())
}
