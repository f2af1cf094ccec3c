//! Where a repl is to reach package registries alone. The one that its server lists is this machine's own
//! `localhost`, on whose port 443 something answers.

use crate::attempt::{Attempt, Control};

/// Makes a request, says a beginning of TLS that asks for a host (or something else), and waits for what the
/// registry says.
const ASK: &str = r#"
import ssl
request, name = arguments
with socket.create_connection(("127.0.0.1", 3128), 15) as way:
    way.sendall(f"{request} HTTP/1.1\r\n\r\n".encode())
    status = way.recv(4096).decode("latin-1").split(" ")[1]
    if status != "200":
        stopped(status)
    if name == "-":
        way.sendall(b"GET / HTTP/1.1\r\n\r\n")
    else:
        out = ssl.MemoryBIO()
        client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            way.sendall(out.read())
    said = way.recv(100)
    if said.startswith(b"registry"):
        reached(said)
    stopped("an alert" if said == bytes([21, 3, 3, 0, 2, 2, 112]) else said)
"#;

const REGISTRY: Control = Control::Registry(&["CONNECT localhost:443", "localhost"]);

const fn asks(
    name: &'static str,
    tries: &'static str,
    inside: &'static [&'static str],
    stopped: &'static [&'static str],
) -> Attempt {
    Attempt {
        name,
        tries,
        program: ASK,
        inside,
        stopped,
        control: REGISTRY,
    }
}

pub const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "registries-no-network",
        tries: "connects anywhere, where package registries alone are to be reached",
        program: r#"
with socket.socket() as s:
    s.settimeout(15)
    s.connect((arguments[0], int(arguments[1])))
    reached()
"#,
        inside: &["198.51.100.7", "443"],
        stopped: &["ENETUNREACH"],
        control: Control::Alone("198.51.100.7", "443"),
    },
    asks(
        "registries-other-host",
        "asks the way to registries for another host",
        &["CONNECT example.com:443", "example.com"],
        &["403"],
    ),
    asks(
        "registries-address",
        "asks it for an address, that of a registry",
        &["CONNECT 127.0.0.1:443", "localhost"],
        &["403"],
    ),
    asks(
        "registries-other-port",
        "asks it for another port of a registry",
        &["CONNECT localhost:{host_port}", "localhost"],
        &["403"],
    ),
    asks(
        "registries-plain-http",
        "asks it for a page, as of any proxy",
        &["GET http://localhost:443/", "-"],
        &["405"],
    ),
    asks(
        "registries-other-name-in-tls",
        "asks it for a registry, and then in TLS for another site that the same machine may serve",
        &["CONNECT localhost:443", "example.com"],
        &["an alert"],
    ),
    asks(
        "registries-no-tls",
        "asks it for a registry, and then says something else than TLS",
        &["CONNECT localhost:443", "-"],
        &["an alert"],
    ),
];

/// Answers everyone who says something on port 443 of this machine's loopback.
pub fn answer() -> std::io::Result<()> {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:443")?;
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                if let Ok(1..) = stream.read(&mut [0; 4096]) {
                    let _ = stream.write_all(b"registry");
                }
            });
        }
    });
    Ok(())
}
