//! Towards the runner, which is of the same user as the programs: killing, tracing, slowing it.

use crate::attempt::{Attempt, Control};

/// Sends a signal, and looks for some seconds whether it takes effect.
const SIGNAL: &str = r#"
pid = int(arguments[0])
os.kill(pid, getattr(signal, arguments[1]))
for _ in range(300):
    if state(pid) in (None, "Z", "T"):
        reached(state(pid))
    time.sleep(0.01)
stopped("unmoved")
"#;

pub const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "runner-kill",
        tries: "kills the runner",
        program: SIGNAL,
        inside: &["1", "SIGKILL"],
        stopped: &["unmoved"],
        control: Control::User(&["{sleeper}", "SIGKILL"]),
    },
    Attempt {
        name: "runner-stop",
        tries: "stops the runner",
        program: SIGNAL,
        inside: &["1", "SIGSTOP"],
        stopped: &["unmoved"],
        control: Control::User(&["{sleeper}", "SIGSTOP"]),
    },
    Attempt {
        name: "runner-fault",
        tries: "sends the runner a signal of a fault",
        program: SIGNAL,
        inside: &["1", "SIGSEGV"],
        stopped: &["unmoved"],
        control: Control::User(&["{sleeper}", "SIGSEGV"]),
    },
    Attempt {
        name: "runner-trace",
        tries: "traces the runner (ptrace)",
        program: r#"
pid = int(arguments[0])
call("ptrace", 16, pid, 0, 0)
os.waitpid(pid, 0)
call("ptrace", 17, pid, 0, 0)
reached()
"#,
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::Root(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-memory",
        tries: "opens the runner's memory",
        program: r#"reached(os.open(f"/proc/{arguments[0]}/mem", os.O_RDWR))"#,
        inside: &["1"],
        stopped: &["EACCES"],
        control: Control::Root(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-memory-by-call",
        tries: "reads the runner's memory (process_vm_readv)",
        program: r#"
room = ctypes.create_string_buffer(8)
own = struct.pack("<QQ", ctypes.addressof(room), 8)
try:
    call("process_vm_readv", int(arguments[0]), own, 1, struct.pack("<QQ", 4096, 8), 1, 0)
except OSError as error:
    if error.errno != errno.EFAULT:
        raise
    reached("allowed; nothing is at that address")
"#,
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::Root(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-descriptor",
        tries: "takes a descriptor out of the runner (pidfd_getfd)",
        program: r#"reached(call("pidfd_getfd", call("pidfd_open", int(arguments[0]), 0), 0, 0))"#,
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::Root(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-descriptors",
        tries: "opens the runner's descriptors by /proc: its socket, and those of its control groups",
        program: r#"reached(os.listdir(f"/proc/{arguments[0]}/fd"))"#,
        inside: &["1"],
        stopped: &["EACCES"],
        control: Control::Root(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-environment",
        tries: "reads the runner's environment",
        program: r#"reached(open(f"/proc/{arguments[0]}/environ", "rb").read())"#,
        inside: &["1"],
        stopped: &["EACCES"],
        control: Control::Root(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-limits",
        tries: "gives the runner a limit of CPU time, that ends it (prlimit)",
        program: "reached(resource.prlimit(int(arguments[0]), resource.RLIMIT_CPU, (1, 1)))",
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::User(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-priority",
        tries: "gives the runner the lowest priority",
        program: "os.setpriority(os.PRIO_PROCESS, int(arguments[0]), 19)\nreached()",
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::User(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-priority-by-user",
        tries: "gives all of its user's processes the lowest priority, and so the runner",
        program: "os.setpriority(os.PRIO_USER, 0, 19)\nreached()",
        inside: &[],
        stopped: &["EPERM"],
        control: Control::User(&[]),
    },
    Attempt {
        name: "runner-idle",
        tries: "lets the runner run only when nothing else does (SCHED_IDLE)",
        program: "os.sched_setscheduler(int(arguments[0]), os.SCHED_IDLE, os.sched_param(0))\nreached()",
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::User(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-disk-priority",
        tries: "lets the runner use the disk only when nothing else does (ioprio_set)",
        program: r#"reached(call("ioprio_set", 1, int(arguments[0]), 3 << 13))"#,
        inside: &["1"],
        stopped: &["EPERM"],
        control: Control::User(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-first-to-die",
        tries: "makes the runner what the kernel kills when memory is short",
        program: r#"
with open(f"/proc/{arguments[0]}/oom_score_adj", "w") as file:
    file.write("1000")
reached()
"#,
        inside: &["1"],
        stopped: &["EACCES"],
        control: Control::User(&["{sleeper}"]),
    },
    Attempt {
        name: "runner-socket",
        tries: "connects to the runner's socket, and so speaks to it as the server does",
        program: r#"
with socket.socket(socket.AF_UNIX) as s:
    s.connect(arguments[0])
    reached()
"#,
        inside: &["{runner_socket}"],
        stopped: &["ENOENT"],
        control: Control::Root(&["{runner_socket}"]),
    },
];
