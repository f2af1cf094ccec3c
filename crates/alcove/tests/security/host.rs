//! Towards the host: its files, processes and settings, the server's, and those of other repls.

use crate::attempt::{Attempt, Control};

const READ: &str = "reached(open(arguments[0], 'rb').read(64))";
const LIST: &str = "reached(os.listdir(arguments[0]))";

pub const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "host-file",
        tries: "reads a file of the host that everyone may read",
        program: READ,
        inside: &["{secret}"],
        stopped: &["ENOENT"],
        control: Control::User(&["{secret}"]),
    },
    Attempt {
        name: "host-passwords",
        tries: "reads /etc/shadow",
        program: READ,
        inside: &["/etc/shadow"],
        stopped: &["ENOENT"],
        control: Control::Root(&["/etc/shadow"]),
    },
    Attempt {
        name: "server-database",
        tries: "reads the server's database",
        program: READ,
        inside: &["{data}/alcove.db"],
        stopped: &["ENOENT"],
        control: Control::Root(&["{data}/alcove.db"]),
    },
    Attempt {
        name: "server-store",
        tries: "lists the object store",
        program: LIST,
        inside: &["{data}/store"],
        stopped: &["ENOENT"],
        control: Control::Root(&["{data}/store"]),
    },
    Attempt {
        name: "neighbour-files",
        tries: "reads another repl's workspace by its path on the host",
        program: READ,
        inside: &["{neighbour_file}"],
        stopped: &["ENOENT"],
        control: Control::Root(&["{neighbour_file}"]),
    },
    Attempt {
        name: "link-to-host",
        tries: "follows a symbolic link of its own to a file of the host",
        program: r#"
with tempfile.TemporaryDirectory() as folder:
    os.symlink(arguments[0], folder + "/link")
    reached(open(folder + "/link").read(64))
"#,
        inside: &["{secret}"],
        stopped: &["ENOENT"],
        control: Control::User(&["{secret}"]),
    },
    Attempt {
        name: "root-of-first-process",
        tries: "reads the host by /proc/1/root",
        program: r#"reached(open(f"/proc/{arguments[0]}/root{arguments[1]}").read(64))"#,
        inside: &["1", "{secret}"],
        stopped: &["EACCES"],
        control: Control::Root(&["{server}", "{secret}"]),
    },
    Attempt {
        name: "folder-of-first-process",
        tries: "lists the host by /proc/1/cwd",
        program: r#"reached(os.listdir(f"/proc/{arguments[0]}/cwd/.."))"#,
        inside: &["1"],
        stopped: &["EACCES"],
        control: Control::Root(&["{server}"]),
    },
    Attempt {
        name: "file-by-handle",
        tries: "opens a file by its handle, past all folders (open_by_handle_at)",
        program: r#"
handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136)
mount = ctypes.create_string_buffer(4)
call("name_to_handle_at", -100, arguments[0].encode(), handle, mount, 0)
folder = os.open(arguments[0], os.O_RDONLY)
reached(call("open_by_handle_at", folder, handle, os.O_RDONLY))
"#,
        inside: &["/workspace"],
        stopped: &["EPERM"],
        control: Control::Root(&["{scratch}"]),
    },
    Attempt {
        name: "disk-by-number",
        tries: "makes a device node of the host's disk",
        program: r#"
path = tempfile.mkdtemp() + "/disk"
os.mknod(path, stat.S_IFBLK | 0o600, os.stat("/usr").st_dev)
os.unlink(path)
reached()
"#,
        inside: &[],
        stopped: &["EACCES", "EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "kernel-messages",
        tries: "opens /dev/kmsg",
        program: "reached(os.open('/dev/kmsg', os.O_RDONLY))",
        inside: &[],
        stopped: &["ENOENT"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "kernel-log",
        tries: "reads the kernel's log (syslog)",
        program: r#"reached(call("syslog", 3, ctypes.create_string_buffer(4096), 4096))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "core-pattern",
        tries: "names the program that the host runs for core dumps",
        program: "reached(os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY))",
        inside: &[],
        stopped: &["EACCES", "EROFS"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "kernel-settings",
        tries: "changes how the host's kernel gives out memory",
        program: "reached(os.open('/proc/sys/vm/overcommit_memory', os.O_WRONLY))",
        inside: &[],
        stopped: &["EACCES", "EROFS"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "system-files",
        tries: "writes into /usr",
        program: "reached(os.open('/usr/local/attempt', os.O_CREAT | os.O_WRONLY))",
        inside: &[],
        stopped: &["EROFS", "EACCES"],
        control: Control::Own {
            namespaces: "--mount",
            setup: "mount -t tmpfs own /usr/local",
            arguments: &[],
        },
    },
    Attempt {
        name: "system-users",
        tries: "adds a user to /etc/passwd",
        program: "reached(os.open('/etc/passwd', os.O_WRONLY | os.O_APPEND))",
        inside: &[],
        stopped: &["EROFS", "EACCES"],
        control: Control::Own {
            namespaces: "--mount",
            setup: "mount -t tmpfs own /mnt && cp /etc/passwd /mnt && mount --bind /mnt/passwd /etc/passwd",
            arguments: &[],
        },
    },
    Attempt {
        name: "runner-program",
        tries: "replaces the runner's program, which the host runs as well",
        program: "reached(os.open(arguments[0], os.O_WRONLY))",
        inside: &["/opt/alcove"],
        stopped: &["EROFS", "EACCES", "ETXTBSY"],
        control: Control::Root(&["{secret}"]),
    },
    Attempt {
        name: "devices-of-host",
        tries: "looks at the host's devices in /sys",
        program: LIST,
        inside: &["/sys/class/net"],
        stopped: &["ENOENT"],
        control: Control::Root(&["/sys/class/net"]),
    },
    Attempt {
        name: "cgroup-write",
        tries: "moves itself into a control group without limits",
        program: r#"
for line in open("/proc/self/mounts"):
    _, folder, kind = line.split()[:3]
    if kind.startswith("cgroup"):
        os.close(os.open(folder + "/cgroup.procs", os.O_WRONLY))
        reached(folder)
"#,
        inside: &[],
        stopped: &["nothing"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "token-in-processes",
        tries: "looks for the sign-in token in environments and command lines",
        program: r#"
# Backwards, so that it does not find itself.
token = arguments[0][::-1].encode()
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline"):
        try:
            if token in open(f"/proc/{pid}/{name}", "rb").read():
                reached(pid)
        except OSError:
            pass
"#,
        inside: &["{token_backwards}"],
        stopped: &["nothing"],
        control: Control::Root(&["{token_backwards}"]),
    },
    Attempt {
        name: "inherited-descriptors",
        tries: "leaves by a folder that the server's starter left open",
        program: r#"
for fd in map(int, os.listdir("/proc/self/fd")):
    try:
        if fd > 2:
            reached(os.readlink(f"/proc/self/fd/{fd}"))
    except FileNotFoundError:
        pass  # the listing's own
"#,
        inside: &[],
        stopped: &["nothing"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "host-abstract-socket",
        tries: "connects to a socket of the host's abstract namespace",
        program: r#"
with socket.socket(socket.AF_UNIX) as s:
    s.connect("\0" + arguments[0])
    reached()
"#,
        inside: &["{abstract}"],
        stopped: &["ECONNREFUSED"],
        control: Control::User(&["{abstract}"]),
    },
    Attempt {
        name: "neighbour-abstract-socket",
        tries: "connects to another repl's abstract socket",
        program: r#"
with socket.socket(socket.AF_UNIX) as s:
    s.connect("\0alcove-attempt")
    reached()
"#,
        inside: &[],
        stopped: &["ECONNREFUSED"],
        control: Control::Neighbour(&[]),
    },
    Attempt {
        name: "neighbour-processes",
        tries: "sees what another repl runs",
        program: r#"
mark = arguments[0][::-1]
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if mark in open(f"/proc/{pid}/cmdline").read():
            reached(pid)
    except OSError:
        pass
"#,
        inside: &["{mark_backwards}"],
        stopped: &["nothing"],
        control: Control::Root(&["{mark_backwards}"]),
    },
    Attempt {
        name: "neighbour-sockets",
        tries: "has the kernel list on which ports the server and another repl listen (sock_diag)",
        program: r#"
own = socket.create_server(("127.0.0.1", 0))
ports = set()
with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as s:  # NETLINK_SOCK_DIAG
    for family in socket.AF_INET, socket.AF_INET6:
        # inet_diag_req_v2: TCP sockets in all states; SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP.
        request = struct.pack("BBBxI48x", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
        s.send(struct.pack("IHHII", 16 + len(request), 20, 0x301, 0, 0) + request)
        ended = False
        while not ended:
            piece = s.recv(1 << 16)
            while piece:
                length, kind = struct.unpack_from("IH", piece)
                if kind == 2:  # NLMSG_ERROR
                    raise OSError(-struct.unpack_from("i", piece, 16)[0], "sock_diag")
                if kind == 3:  # NLMSG_DONE
                    ended = True
                if kind == 20:
                    ports.add(struct.unpack_from(">H", piece, 20)[0])
                piece = piece[(length + 3) & ~3:]
if own.getsockname()[1] not in ports:
    finish("broken", ports)
others = ports & {int(port) for port in arguments}
reached(others) if others else stopped("its own alone")
"#,
        inside: &["{server_port}", "8000"],
        stopped: &["its own alone"],
        control: Control::Root(&["{server_port}"]),
    },
    Attempt {
        name: "neighbour-signal",
        tries: "signals a process of another repl",
        program: r#"
pid, mark = int(arguments[0]), arguments[1][::-1]
# Another process may have that number in here.
if mark not in open(f"/proc/{pid}/cmdline").read():
    stopped("nothing")
os.kill(pid, 0)
reached()
"#,
        inside: &["{neighbour_process}", "{mark_backwards}"],
        stopped: &["ENOENT", "nothing"],
        control: Control::Root(&["{neighbour_process}", "{mark_backwards}"]),
    },
    Attempt {
        name: "neighbour-shared-memory",
        tries: "opens shared memory of another repl (System V)",
        program: "reached(checked(libc.shmget(0xA1C0, 4, 0)))",
        inside: &[],
        stopped: &["ENOENT"],
        control: Control::Neighbour(&[]),
    },
    Attempt {
        name: "neighbour-message-queue",
        tries: "opens a message queue of another repl (System V)",
        program: "reached(checked(libc.msgget(0xA1C0, 0)))",
        inside: &[],
        stopped: &["ENOENT"],
        control: Control::Neighbour(&[]),
    },
    Attempt {
        name: "neighbour-temporary-files",
        tries: "reads another repl's /tmp",
        program: READ,
        inside: &["/tmp/neighbour"],
        stopped: &["ENOENT"],
        control: Control::Neighbour(&["/tmp/neighbour"]),
    },
    Attempt {
        name: "neighbour-shared-files",
        tries: "reads another repl's /dev/shm",
        program: READ,
        inside: &["/dev/shm/neighbour"],
        stopped: &["ENOENT"],
        control: Control::Neighbour(&["/dev/shm/neighbour"]),
    },
];
