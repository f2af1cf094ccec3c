//! Towards the kernel: namespaces, mounts, privileges, and parts of it that are no program's business.

use crate::attempt::{Attempt, Control};

/// Opens a socket of a family and kind, by their numbers.
const SOCKET: &str = "reached(socket.socket(*map(int, arguments)))";

const MOUNTS: &str = "--mount";

pub const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "mount",
        tries: "mounts a file system",
        program: r#"reached(call("mount", b"none", b"/mnt", b"tmpfs", 0, 0))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: MOUNTS,
            setup: "true",
            arguments: &[],
        },
    },
    Attempt {
        name: "remount-writable",
        tries: "makes /usr writable",
        program: r#"reached(call("mount", 0, b"/usr", 0, 32 | 4096, 0))  # MS_REMOUNT | MS_BIND"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: MOUNTS,
            setup: "mount --bind /usr /usr && mount -o remount,bind,ro /usr",
            arguments: &[],
        },
    },
    Attempt {
        name: "unmount",
        tries: "uncovers what lies below a mount",
        program: r#"reached(call("umount2", b"/proc", 2))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: MOUNTS,
            setup: "true",
            arguments: &[],
        },
    },
    Attempt {
        name: "mount-by-descriptor",
        tries: "mounts by the newer system calls (fsopen)",
        program: r#"reached(call("fsopen", b"tmpfs", 0))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "mount-copy",
        tries: "copies a mount (open_tree)",
        program: r#"reached(call("open_tree", -100, b"/", 1))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "change-root",
        tries: "changes its root folder, the old way out of one",
        program: r#"reached(call("chroot", b"/"))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "user-namespace",
        tries: "makes a user namespace, in which it is root (unshare)",
        program: r#"reached(call("unshare", 0x10000000))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "user-namespace-by-clone",
        tries: "the same by clone",
        program: r#"
child = call("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0)
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
reached()
"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "user-namespace-by-clone3",
        tries: "the same by clone3, whose flags no filter can read",
        program: r#"
flags = struct.pack("<11Q", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
child = call("clone3", flags, len(flags))
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
reached()
"#,
        inside: &[],
        stopped: &["ENOSYS"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "network-namespace",
        tries: "makes a network namespace, in which it may do all",
        program: r#"reached(call("unshare", 0x40000000))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "join-namespace",
        tries: "joins a namespace (setns)",
        program: r#"reached(call("setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "host-name",
        tries: "changes the host's name",
        program: "socket.sethostname('attempt')\nreached()",
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: "--uts",
            setup: "true",
            arguments: &[],
        },
    },
    Attempt {
        name: "keyring",
        tries: "puts a key into a keyring, which no namespace keeps apart",
        program: r#"reached(call("add_key", b"user", b"attempt", b"x", 1, -2))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::User(&[]),
    },
    Attempt {
        name: "keyring-session",
        tries: "joins a keyring",
        program: r#"reached(call("keyctl", 1, 0))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::User(&[]),
    },
    Attempt {
        name: "io-uring",
        tries: "sets up io_uring, which runs calls that no filter sees",
        program: r#"reached(call("io_uring_setup", 1, ctypes.create_string_buffer(120)))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "bpf",
        tries: "loads into the kernel (bpf)",
        program: r#"
array = ctypes.create_string_buffer(struct.pack("<IIII", 2, 4, 4, 1), 72)
reached(call("bpf", 0, array, 72))
"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "performance-events",
        tries: "measures the machine (perf_event_open)",
        program: r#"
attributes = ctypes.create_string_buffer(struct.pack("<IIQ", 1, 64, 0), 64)
reached(call("perf_event_open", attributes, 0, -1, -1, 0))
"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "page-faults",
        tries: "holds the kernel at a page fault (userfaultfd), as exploits do",
        program: r#"reached(call("userfaultfd", 0))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    #[cfg(target_arch = "x86_64")]
    Attempt {
        name: "32-bit-calls",
        tries: "makes system calls by their 32-bit numbers, past the filter",
        program: r#"
import mmap
# mov eax, 310 (unshare); mov ebx, CLONE_NEWUTS; int 0x80; ret
code = b"\xb8" + struct.pack("<I", 310) + b"\xbb" + struct.pack("<I", 0x04000000) + b"\xcd\x80\xc3"
# It must keep rbx.
code = b"\x53" + code[:-1] + b"\x5b\xc3"
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
child = os.fork()
if child == 0:
    os._exit(1 if function() else 0)
_, status = os.waitpid(child, 0)
if os.WIFSIGNALED(status):
    stopped(signal.Signals(os.WTERMSIG(status)).name)
if os.WEXITSTATUS(status):
    stopped("an error")
reached()
"#,
        inside: &[],
        stopped: &["SIGSYS"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "set-user-id",
        tries: "becomes root by a set-user-id program",
        program: r#"
# It is held at its first output, by a pipe that is full.
output, full = os.pipe()
os.set_blocking(full, False)
try:
    while True:
        os.write(full, bytes(4096))
except BlockingIOError:
    os.set_blocking(full, True)
child = subprocess.Popen(["/usr/bin/su", "--help"], stdout=full, stderr=full)
deadline = time.monotonic() + 30
while True:
    status = dict(line.split(":", 1) for line in open(f"/proc/{child.pid}/status"))
    if status["Name"].strip() == "su" and status["State"].split()[0] == "S":
        break
    if time.monotonic() > deadline:
        finish("broken", status)
    time.sleep(0.01)
user, effective = status["Uid"].split()[:2]
child.kill()
if effective != user:
    reached(effective)
stopped("unchanged")
"#,
        inside: &[],
        stopped: &["unchanged"],
        control: Control::User(&[]),
    },
    Attempt {
        name: "file-capability",
        tries: "gives a program a capability",
        program: r#"
with tempfile.NamedTemporaryFile(dir=arguments[0]) as file:
    os.setxattr(file.name, "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))
    reached()
"#,
        inside: &["/workspace"],
        stopped: &["EPERM"],
        control: Control::Root(&["{scratch}"]),
    },
    Attempt {
        name: "raw-socket",
        tries: "opens a raw socket, to forge packets",
        program: SOCKET,
        inside: &["2", "3", "1"],
        stopped: &["EPERM"],
        control: Control::Root(&["2", "3", "1"]),
    },
    Attempt {
        name: "packet-socket",
        tries: "opens a packet socket, to listen in",
        program: SOCKET,
        inside: &["17", "3"],
        stopped: &["EAFNOSUPPORT"],
        control: Control::Root(&["17", "3"]),
    },
    Attempt {
        name: "machine-socket",
        tries: "opens a socket to the machine that this one runs on (AF_VSOCK), which no network namespace holds",
        program: SOCKET,
        inside: &["40", "1"],
        stopped: &["EAFNOSUPPORT"],
        control: Control::Root(&["40", "1"]),
    },
    Attempt {
        name: "packet-filter",
        tries: "reads and changes the packet filter",
        program: r#"reached(tool("nft", "list", "ruleset"))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: "--net",
            setup: "true",
            arguments: &[],
        },
    },
    Attempt {
        name: "own-address",
        tries: "takes another network address",
        program: r#"reached(tool("ip", "address", "add", "10.213.0.99/32", "dev", "lo"))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: "--net",
            setup: "true",
            arguments: &[],
        },
    },
    Attempt {
        name: "reboot",
        tries: "restarts the machine (with a number that the kernel refuses to root only after it has looked who asks)",
        program: r#"
try:
    call("reboot", 0, 0, 0, 0)
except OSError as error:
    if error.errno != errno.EINVAL:
        raise
    reached("EINVAL")
"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "swap",
        tries: "takes swap away",
        program: r#"
try:
    call("swapoff", b"/nonexistent")
except OSError as error:
    if error.errno != errno.ENOENT:
        raise
    reached("ENOENT")
"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "clock",
        tries: "sets the machine's clock",
        program: r#"reached(call("clock_adjtime", 0, ctypes.create_string_buffer(208)))"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "before-all-others",
        tries: "takes a higher priority than all of the host has",
        program: "mine = os.getpriority(os.PRIO_PROCESS, 0)\nos.setpriority(os.PRIO_PROCESS, 0, mine - 1)\nreached()",
        inside: &[],
        stopped: &["EACCES", "EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "type-into-terminal",
        tries: "types into a terminal as its person would (TIOCSTI)",
        program: r#"
_, terminal = os.openpty()
fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
reached()
"#,
        inside: &[],
        stopped: &["EPERM"],
        control: Control::Root(&[]),
    },
    Attempt {
        name: "encrypt-folder",
        tries: "encrypts a folder, which nobody could save then (FS_IOC_SET_ENCRYPTION_POLICY)",
        program: r#"
private = tempfile.mkdtemp(dir=arguments[0])
policy = struct.pack("4B8s", 0, 1, 4, 0, b"attempts")  # the first version, AES-256
fcntl.ioctl(os.open(private, os.O_RDONLY), 0x800C6613, policy)
reached()
"#,
        inside: &["."],
        stopped: &["EPERM"],
        control: Control::Own {
            namespaces: MOUNTS,
            setup: "mount -t tmpfs own /mnt && mkdir /mnt/disk && truncate -s 8M /mnt/image && mkfs.ext4 -q -O encrypt /mnt/image && mount -o loop /mnt/image /mnt/disk",
            arguments: &["/mnt/disk"],
        },
    },
];
