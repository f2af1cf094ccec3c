//! Towards what all share: memory, processes, disk, descriptors. Each takes a bounded amount, more than a
//! repl may have, and gives it back.

use crate::attempt::{Attempt, Control};

/// What the attacked server gives a repl.
pub const MEMORY: &str = "192MiB";
pub const PROCESSES: &str = "64";
pub const DISK: &str = "96MiB";

/// Takes room in a folder.
const FILL: &str = r#"
with tempfile.TemporaryFile(dir=arguments[0]) as file:
    os.posix_fallocate(file.fileno(), 0, int(arguments[1]) << 20)
    reached(arguments[1] + " MiB")
"#;

pub const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "fork-bomb",
        tries: "starts more processes than a repl may have",
        program: r#"
children, error = [], None
try:
    for _ in range(int(arguments[0])):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except OSError as refused:
    error = refused
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
if error:
    raise error
reached(len(children))
"#,
        inside: &["200"],
        stopped: &["EAGAIN"],
        control: Control::User(&["200"]),
    },
    Attempt {
        name: "thread-bomb",
        tries: "the same by threads",
        program: r#"
end = threading.Event()
try:
    for _ in range(int(arguments[0])):
        threading.Thread(target=end.wait, daemon=True).start()
except RuntimeError:
    stopped("EAGAIN")
reached()
"#,
        inside: &["200"],
        stopped: &["EAGAIN"],
        control: Control::User(&["200"]),
    },
    Attempt {
        name: "memory-bomb",
        tries: "takes more memory than a repl may have",
        program: r#"
child = os.fork()
if child == 0:
    room = bytearray(int(arguments[0]) << 20)
    os._exit(0)
_, status = os.waitpid(child, 0)
if os.WIFSIGNALED(status):
    stopped(signal.Signals(os.WTERMSIG(status)).name)
reached(arguments[0] + " MiB")
"#,
        inside: &["400"],
        stopped: &["SIGKILL"],
        control: Control::User(&["400"]),
    },
    Attempt {
        name: "temporary-files-bomb",
        tries: "fills /tmp, which is memory",
        program: FILL,
        inside: &["/tmp", "64"],
        stopped: &["ENOSPC"],
        control: Control::User(&["{scratch}", "64"]),
    },
    Attempt {
        name: "disk-bomb",
        tries: "fills the disk that all repls share",
        program: FILL,
        inside: &["/workspace", "128"],
        stopped: &["ENOSPC"],
        control: Control::User(&["{scratch}", "128"]),
    },
    Attempt {
        name: "disk-bomb-at-home",
        tries: "the same in the home folder",
        program: FILL,
        inside: &["/home/user", "128"],
        stopped: &["ENOSPC"],
        control: Control::User(&["{scratch}", "128"]),
    },
    Attempt {
        name: "inode-bomb",
        tries: "makes as many files as the disk that all share has room for",
        program: r#"
with tempfile.TemporaryDirectory(dir=arguments[0]) as folder:
    for n in range(int(arguments[1])):
        open(f"{folder}/{n}", "w").close()
    reached(arguments[1] + " files")
"#,
        inside: &["/workspace", "20000"],
        stopped: &["ENOSPC"],
        control: Control::User(&["{scratch}", "20000"]),
    },
    Attempt {
        name: "shared-files-bomb",
        tries: "fills /dev/shm, which is memory",
        program: FILL,
        inside: &["/dev/shm", "64"],
        stopped: &["ENOSPC"],
        control: Control::User(&["{scratch}", "64"]),
    },
    Attempt {
        name: "run-files-bomb",
        tries: "fills /run, which is memory",
        program: FILL,
        inside: &["/run", "64"],
        stopped: &["ENOSPC"],
        control: Control::User(&["{scratch}", "64"]),
    },
    Attempt {
        name: "root-files-bomb",
        tries: "fills the root folder, which is memory",
        program: FILL,
        inside: &["/", "64"],
        stopped: &["EROFS", "EACCES"],
        control: Control::User(&["{scratch}", "64"]),
    },
    Attempt {
        name: "descriptor-bomb",
        tries: "opens more files than one process may",
        program: r#"
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
for _ in range(17_000):
    os.open("/dev/null", os.O_RDONLY)
reached()
"#,
        inside: &[],
        stopped: &["EMFILE"],
        control: Control::Own {
            namespaces: "--mount",
            setup: "ulimit -n 20000",
            arguments: &[],
        },
    },
    Attempt {
        name: "largest-file",
        tries: "makes a file of more than 16 GiB",
        program: r#"
with tempfile.TemporaryFile(dir=arguments[0]) as file:
    os.truncate(file.fileno(), 16 << 30)
    os.truncate(file.fileno(), (16 << 30) + 1)
    reached()
"#,
        inside: &["/workspace"],
        stopped: &["EFBIG"],
        control: Control::User(&["{scratch}"]),
    },
    Attempt {
        name: "core-dump",
        tries: "leaves a core dump, or has the host's handler read one",
        program: r#"
with tempfile.TemporaryDirectory(dir=arguments[0]) as folder:
    os.chdir(folder)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    except ValueError:
        pass  # so Python calls EPERM
    child = os.fork()
    if child == 0:
        os.abort()
    _, status = os.waitpid(child, 0)
    if os.WCOREDUMP(status):
        reached(os.listdir("."))
stopped("no dump")
"#,
        inside: &["/workspace"],
        stopped: &["no dump"],
        control: Control::Own {
            namespaces: "--mount",
            setup: "ulimit -c unlimited",
            arguments: &["{scratch}"],
        },
    },
];
