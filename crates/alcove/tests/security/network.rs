//! Towards the network: this machine, what is private, other repls, and what is not to be sent from here.

use crate::attempt::{Attempt, Control};

/// Connects to an address and port.
const CONNECT: &str = r#"
address, port = arguments
family = socket.AF_INET6 if ":" in address else socket.AF_INET
with socket.socket(family) as s:
    s.settimeout(15)
    s.connect((address, int(port)))
    reached()
"#;

/// As the router's filter refuses: at once. Silence would mean that a packet went somewhere.
const REFUSED: &[&str] = &["ECONNREFUSED"];

/// Of datagrams the kernel refuses one a second in words (`icmp_ratelimit`), the others in silence.
const UNANSWERED: &[&str] = &["ECONNREFUSED", "TimeoutError"];

const fn to_private(
    name: &'static str,
    tries: &'static str,
    address: &'static [&'static str],
) -> Attempt {
    Attempt {
        name,
        tries,
        program: CONNECT,
        inside: address,
        stopped: REFUSED,
        control: Control::Alone(address[0], address[1]),
    }
}

pub const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "host-loopback",
        tries: "connects to a service on the host's loopback",
        program: CONNECT,
        inside: &["127.0.0.1", "{host_port}"],
        stopped: REFUSED,
        control: Control::Root(&["127.0.0.1", "{host_port}"]),
    },
    Attempt {
        name: "host-loopback-in-ipv6",
        tries: "the same, written as an IPv6 address",
        program: CONNECT,
        inside: &["::ffff:127.0.0.1", "{host_port}"],
        stopped: REFUSED,
        control: Control::Root(&["::ffff:127.0.0.1", "{host_port}"]),
    },
    Attempt {
        name: "host-service",
        tries: "connects to a service of the host by the host's own address",
        program: CONNECT,
        inside: &["{host_address}", "{host_port}"],
        stopped: REFUSED,
        control: Control::Allowed(&["{host_address}", "{host_port}"]),
    },
    Attempt {
        name: "host-datagram",
        tries: "sends a datagram to a service of the host",
        program: r#"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(15)
    s.connect((arguments[0], int(arguments[1])))
    s.send(b"attempt")
    reached(s.recv(64))
"#,
        inside: &["{host_address}", "{host_port}"],
        stopped: UNANSWERED,
        control: Control::Allowed(&["{host_address}", "{host_port}"]),
    },
    Attempt {
        name: "server-api",
        tries: "connects to the server's own port",
        program: CONNECT,
        inside: &["127.0.0.1", "{server_port}"],
        stopped: REFUSED,
        control: Control::Root(&["127.0.0.1", "{server_port}"]),
    },
    Attempt {
        name: "server-api-by-gateway",
        tries: "the same by the gateway, which some user-mode networks lead to the host's loopback",
        program: CONNECT,
        inside: &["10.0.2.2", "{server_port}"],
        stopped: REFUSED,
        control: Control::Alone("10.0.2.2", "{server_port}"),
    },
    Attempt {
        name: "router",
        tries: "connects to the router itself",
        program: CONNECT,
        inside: &["10.213.255.254", "53"],
        // It says nothing, to anybody.
        stopped: &["TimeoutError"],
        control: Control::Alone("10.213.255.254", "53"),
    },
    to_private(
        "name-server-other-port",
        "connects to the name service's machine on another port",
        &["10.0.2.3", "80"],
    ),
    to_private(
        "metadata",
        "asks a cloud's metadata service for its credentials",
        &["169.254.169.254", "80"],
    ),
    to_private(
        "private-network-10",
        "connects into 10.0.0.0/8",
        &["10.1.2.3", "80"],
    ),
    to_private(
        "private-network-172",
        "connects into 172.16.0.0/12",
        &["172.31.255.1", "80"],
    ),
    to_private(
        "private-network-192",
        "connects into 192.168.0.0/16",
        &["192.168.0.1", "80"],
    ),
    to_private(
        "shared-network",
        "connects into 100.64.0.0/10, which clouds and mesh networks use",
        &["100.100.100.200", "80"],
    ),
    to_private(
        "name-server-elsewhere",
        "asks another name server than the router's (port 53)",
        &["198.51.100.7", "53"],
    ),
    to_private(
        "name-server-over-tls",
        "the same over TLS (port 853)",
        &["198.51.100.7", "853"],
    ),
    to_private("mail", "sends mail (port 25)", &["198.51.100.7", "25"]),
    to_private(
        "mail-over-tls",
        "sends mail (port 465)",
        &["198.51.100.7", "465"],
    ),
    to_private(
        "mail-submission",
        "sends mail (port 587)",
        &["198.51.100.7", "587"],
    ),
    Attempt {
        name: "ipv6-address",
        tries: "has an IPv6 address beside its loopback's",
        program: r#"
for line in open("/proc/net/if_inet6"):
    if line.split()[5] != "lo":
        reached(line)
"#,
        inside: &[],
        stopped: &["nothing"],
        control: Control::Own {
            namespaces: "--net",
            setup: "ip link add eth0 type veth peer name far && ip link set far up && ip link set eth0 up",
            arguments: &[],
        },
    },
    Attempt {
        name: "ipv6-network",
        tries: "connects to an IPv6 address",
        program: CONNECT,
        inside: &["2001:db8::1", "80"],
        stopped: &["ENETUNREACH", "EADDRNOTAVAIL"],
        control: Control::Alone("2001:db8::1", "80"),
    },
    Attempt {
        name: "ipv6-metadata",
        tries: "asks a cloud's metadata service by IPv6",
        program: CONNECT,
        inside: &["fd00:ec2::254", "80"],
        stopped: &["ENETUNREACH", "EADDRNOTAVAIL"],
        control: Control::Alone("fd00:ec2::254", "80"),
    },
    Attempt {
        name: "neighbour-port",
        tries: "connects to another repl's program by its address",
        program: CONNECT,
        inside: &["{neighbour_address}", "8000"],
        stopped: REFUSED,
        control: Control::Neighbour(&["{neighbour_address}", "8000"]),
    },
    Attempt {
        name: "neighbour-loopback",
        tries: "connects to another repl's program by its loopback",
        program: CONNECT,
        inside: &["127.0.0.1", "8000"],
        stopped: REFUSED,
        control: Control::Neighbour(&["127.0.0.1", "8000"]),
    },
    Attempt {
        name: "neighbour-datagram",
        tries: "sends a datagram to another repl's program",
        program: r#"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(15)
    s.connect((arguments[0], 8000))
    s.send(b"attempt")
    reached(s.recv(64))
"#,
        inside: &["{neighbour_address}"],
        stopped: UNANSWERED,
        control: Control::Neighbour(&["{neighbour_address}"]),
    },
];

/// Attempts where the host's address is allowed: something must be there to be flooded.
pub const FLOODS: &[Attempt] = &[
    Attempt {
        name: "forged-source",
        tries: "sends datagrams in another's name",
        program: r#"
address, port, source = arguments
def arrived():
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(b"count", (address, int(port)))
            try:
                return int(s.recv(64))
            except TimeoutError:
                pass  # a datagram may be lost
before = arrived()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
    s.bind((source, 0))
    for _ in range(5):
        s.sendto(b"attempt", (address, 53))
# What is sent in its own name afterwards arrives afterwards.
sent = 0
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    while arrived() == before:
        s.sendto(b"own", (address, 53))
        sent += 1
        time.sleep(0.05)
if arrived() - before > sent:
    reached()
stopped("not passed on")
"#,
        inside: &["{host_address}", "{host_port}", "10.213.99.99"],
        stopped: &["ENETUNREACH", "EINVAL", "not passed on"],
        control: Control::Root(&["{host_address}", "{host_port}", "127.0.0.77"]),
    },
    Attempt {
        name: "name-flood",
        tries: "sends the name service thousands of packets a second",
        program: r#"
address, port = arguments[0], int(arguments[1])
def arrived():
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.sendto(b"count", (address, port))
            try:
                return int(s.recv(64))
            except TimeoutError:
                pass  # a datagram may be lost
before = arrived()
began = time.monotonic()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for _ in range(20_000):
        try:
            s.sendto(b"attempt", (address, 53))
        except OSError:
            pass  # the queue is full
last, now = before, arrived()
while now != last:
    time.sleep(0.2)
    last, now = now, arrived()
# 400 in one go and 200 a second, and a few for what time does.
allowed = 500 + 220 * (time.monotonic() - began)
if now - before > allowed:
    reached(now - before)
stopped("a limit")
"#,
        inside: &["{host_address}", "{host_port}"],
        stopped: &["a limit"],
        control: Control::Root(&["{host_address}", "{host_port}"]),
    },
    Attempt {
        name: "connection-flood",
        tries: "has 1,100 connections at once, when one uplink holds those of all repls",
        program: r#"
address, port = arguments
held = []
try:
    for _ in range(1100):
        held.append(socket.create_connection((address, int(port)), 30))
except ConnectionRefusedError:
    # Some of the last minutes may count still.
    if len(held) < 900:
        finish("broken", len(held))
    stopped("a limit")
reached(len(held))
"#,
        inside: &["{host_address}", "{host_port}"],
        stopped: &["a limit"],
        control: Control::Root(&["{host_address}", "{host_port}"]),
    },
];

/// As [`FLOODS`], by a repl whose connections are not counted yet.
pub const RATES: &[Attempt] = &[Attempt {
    name: "connection-rate",
    tries: "begins and ends connections as fast as it can, as who looks for open ports does",
    program: r#"
address, port = arguments
begun, began = 0, time.monotonic()
refused, enough, ended = threading.Event(), threading.Event(), threading.Event()
# 2,000 in one go and 200 a second, and a few for what time does.
def begin():
    global begun
    while not ended.is_set():
        took = time.monotonic() - began
        if begun >= 2100 + 220 * took: enough.set()
        if enough.is_set() or took > 40: ended.set()
        try:
            with socket.create_connection((address, int(port)), 30) as s:
                # It is reset: no end of it holds it for longer.
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            begun += 1
        except ConnectionRefusedError:
            refused.set(); ended.set()
        except OSError as error:
            print(error, flush=True)
threads = [threading.Thread(target=begin) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
if refused.is_set():
    stopped("a limit" if begun >= 1500 else begun)
stopped(f"too slow to tell: {begun} in 40 s") if not enough.is_set() else reached(begun)
"#,
    inside: &["{host_address}", "{host_port}"],
    stopped: &["a limit"],
    control: Control::Root(&["{host_address}", "{host_port}"]),
}];

/// Attempts of a repl without network.
pub const WITHOUT: &[Attempt] = &[
    Attempt {
        name: "no-network",
        tries: "connects anywhere, where the operator has shut the network off",
        program: CONNECT,
        inside: &["198.51.100.7", "80"],
        stopped: &["ENETUNREACH"],
        control: Control::Alone("198.51.100.7", "80"),
    },
    Attempt {
        name: "no-network-names",
        tries: "sends out what it knows by looking up names, there",
        program: r#"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.sendto(b"attempt", ("10.0.2.3", 53))
    reached()
"#,
        inside: &[],
        stopped: &["ENETUNREACH"],
        control: Control::Alone("10.0.2.3", "53"),
    },
];
