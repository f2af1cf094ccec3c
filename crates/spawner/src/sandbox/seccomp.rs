//! System calls that programs inside don't get: what widens the kernel's surface, or reaches
//! beyond the sandbox. A denylist, because people run anything in here; the namespaces are the
//! wall, this makes it thicker.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op,
    SeccompCondition as Condition, SeccompFilter, SeccompRule, sock_filter,
};

/// ioprio_set(2); not in libc.
const IOPRIO_WHO_USER: u64 = 3;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that fail with EPERM, whatever their arguments.
const DENIED: &[libc::c_long] = &[
    // Namespaces and mounts.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    // Keys are not kept apart by namespaces.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Much of the kernel's attack surface, and none of it is missed.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_open_by_handle_at,
    // The machine itself.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_syslog,
];

/// Kinds of sockets that exist in here. Others reach past the network namespace (AF_VSOCK: the machine
/// that this one runs on), or into code of the kernel that few have ever read.
const FAMILIES: [i32; 4] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// Requests of ioctl(2), by their numbers on x86-64 and 64-bit ARM (linux/fscrypt.h).
const FS_IOC_SET_ENCRYPTION_POLICY: u64 = 0x800c_6613;
const FS_IOC_ADD_ENCRYPTION_KEY: u64 = 0xc050_6617;
const FS_IOC_GET_ENCRYPTION_PWSALT: u64 = 0x4010_6614;

/// The filters, each ready for `--add-seccomp-fd`.
pub fn filters() -> Result<Vec<Vec<u8>>, seccompiler::BackendError> {
    let mut denied: Rules = DENIED.iter().map(|call| (*call, Vec::new())).collect();
    // Not kexec_file_load: some architectures lack it.
    #[cfg(target_arch = "x86_64")]
    denied.extend([
        (libc::SYS_kexec_file_load, Vec::new()),
        (libc::SYS_iopl, Vec::new()),
        (libc::SYS_ioperm, Vec::new()),
    ]);
    // Else a program could give pid 1 a CPU limit, and so kill it.
    denied.insert(libc::SYS_prlimit64, vec![rule(0, Len::Dword, Op::Ne, 0)?]);
    // Else it could take the CPU from the runner, which has the same user: a program changes its own
    // priority alone. (Not its own processors: libraries name their threads there, and so pid 1 can be
    // moved to one.)
    for call in [
        libc::SYS_sched_setscheduler,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setattr,
    ] {
        denied.insert(call, vec![rule(0, Len::Dword, Op::Ne, 0)?]);
    }
    for (call, user) in [
        (libc::SYS_setpriority, libc::PRIO_USER as u64),
        (libc::SYS_ioprio_set, IOPRIO_WHO_USER),
    ] {
        let others = rule(1, Len::Dword, Op::Ne, 0)?;
        denied.insert(call, vec![others, rule(0, Len::Dword, Op::Eq, user)?]);
    }
    let requests = [
        // Typing into a terminal as if its person had, ioctl_tty(2).
        libc::TIOCSTI,
        libc::TIOCLINUX,
        // Encrypting files, which then nobody can read who saves them; the last writes to what describes the disk.
        FS_IOC_SET_ENCRYPTION_POLICY,
        FS_IOC_ADD_ENCRYPTION_KEY,
        FS_IOC_GET_ENCRYPTION_PWSALT,
    ];
    let requests = requests.map(|request| rule(1, Len::Dword, Op::Eq, request));
    denied.insert(
        libc::SYS_ioctl,
        requests.into_iter().collect::<Result<_, _>>()?,
    );
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let clone = namespaces.into_iter().map(|flag| {
        let flag = flag as u64;
        rule(0, Len::Qword, Op::MaskedEq(flag), flag)
    });
    denied.insert(libc::SYS_clone, clone.collect::<Result<_, _>>()?);
    // A filter can't look into clone3's struct: libc falls back to clone, which it can look into.
    let absent: Rules = [(libc::SYS_clone3, Vec::new())].into();
    let foreign = FAMILIES
        .iter()
        .map(|family| Condition::new(0, Len::Dword, Op::Ne, *family as u64))
        .collect::<Result<_, _>>()?;
    let foreign = SeccompRule::new(foreign)?;
    let foreign: Rules = [libc::SYS_socket, libc::SYS_socketpair]
        .map(|call| (call, vec![foreign.clone()]))
        .into();
    Ok(vec![
        bytes(compile(foreign, libc::EAFNOSUPPORT)?),
        bytes(compile(denied, libc::EPERM)?),
        bytes(refuse_x32(compile(absent, libc::ENOSYS)?)),
    ])
}

fn rule(
    argument: u8,
    length: Len,
    op: Op,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![Condition::new(argument, length, op, value)?])
}

fn compile(rules: Rules, error: i32) -> Result<BpfProgram, seccompiler::BackendError> {
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(error as u32),
        arch,
    )?
    .try_into()
}

/// The x32 calls of x86-64 have numbers of their own, which no rule above names: none of them
/// exists in here. Put in front; the program's jumps are relative.
fn refuse_x32(program: BpfProgram) -> BpfProgram {
    if !cfg!(target_arch = "x86_64") {
        return program;
    }
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS: offset 0 is seccomp_data.nr
    const JUMP_IF_GE: u16 = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    const X32: u32 = 0x4000_0000; // __X32_SYSCALL_BIT
    const ERRNO: u32 = 0x0005_0000; // SECCOMP_RET_ERRNO
    let head = [
        sock_filter {
            code: LOAD,
            jt: 0,
            jf: 0,
            k: 0,
        },
        sock_filter {
            code: JUMP_IF_GE,
            jt: 0,
            jf: 1,
            k: X32,
        },
        sock_filter {
            code: RETURN,
            jt: 0,
            jf: 0,
            k: ERRNO | libc::ENOSYS as u32,
        },
    ];
    head.into_iter().chain(program).collect()
}

/// As the kernel's `struct sock_filter` lies in memory (seccomp(2)).
fn bytes(program: BpfProgram) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(program.len() * 8);
    for instruction in program {
        bytes.extend(instruction.code.to_ne_bytes());
        bytes.extend([instruction.jt, instruction.jf]);
        bytes.extend(instruction.k.to_ne_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_filters_compile_to_whole_instructions_within_the_kernels_limit() {
        let filters = super::filters().expect("compiles");
        assert_eq!(filters.len(), 3);
        for filter in filters {
            assert_eq!(filter.len() % 8, 0);
            assert!(filter.len() / 8 <= 4096, "BPF_MAXINSNS");
        }
    }
}
