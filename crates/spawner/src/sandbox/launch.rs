//! The child between fork and exec of bubblewrap: joins its control groups and namespaces, puts
//! what it needs of the host on a stage that this repl's user can reach, and gives up its rights.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::{Gid, Resource, Rlimit, Uid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags};

use crate::inherit::join_group;

/// Files that one process may have open,
const OPEN_FILES: u64 = 16_384;
/// bytes of one file,
const FILE_BYTES: u64 = 16 << 30;
/// and of a core dump. Not 0: 1 alone keeps the host's core handler from being run as well, where
/// `core_pattern` names one (core(5) calls 0 irrelevant to it; `do_coredump` in the kernel stops at 1).
const CORE_BYTES: u64 = 1;

/// A path on the host, and its name on the stage.
pub type Item = (PathBuf, String);

/// What the child does, in this order.
#[derive(Debug)]
pub struct Setup {
    /// `cgroup.procs` of the runner's groups.
    pub groups: Vec<OwnedFd>,
    /// The holder's user namespace; none as root.
    pub user_namespace: Option<OwnedFd>,
    /// The repl's network namespace; none when bubblewrap makes one.
    pub network_namespace: Option<OwnedFd>,
    /// Folder to mount the stage on.
    pub stage: PathBuf,
    /// What to put there.
    pub items: Vec<Item>,
    /// Who to become; none as an ordinary user.
    pub user: Option<u32>,
    /// Where other repls' disks are mounted.
    pub others: Vec<CString>,
}

/// A `Setup` made of what may be used between fork and exec: nothing is allocated there.
struct Prepared {
    setup: Setup,
    stage: CString,
    items: Vec<Bind>,
}

struct Bind {
    source: CString,
    target: CString,
    is_folder: bool,
}

/// Has `command`'s child do `setup` before exec.
pub fn prepare(command: &mut Command, setup: Setup) -> io::Result<()> {
    let items = setup
        .items
        .iter()
        .map(|(source, name)| {
            let target = setup.stage.join(name);
            Ok(Bind {
                is_folder: source.metadata()?.is_dir(),
                source: c_path(source)?,
                target: c_path(&target)?,
            })
        })
        .collect::<io::Result<_>>()?;
    let prepared = Prepared {
        stage: c_path(&setup.stage)?,
        items,
        setup,
    };
    // SAFETY: `run` makes only async-signal-safe system calls, on values prepared above.
    unsafe {
        command.pre_exec(move || prepared.run());
    }
    Ok(())
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

impl Prepared {
    fn run(&self) -> io::Result<()> {
        for group in &self.setup.groups {
            join_group(group.as_fd())?;
        }
        // Ctrl-C in the server's terminal is not for sandboxes, which outlive it.
        rustix::process::setsid()?;
        rustix::process::umask(Mode::from_raw_mode(0o022));
        limit(Resource::Nofile, OPEN_FILES)?;
        limit(Resource::Fsize, FILE_BYTES)?;
        limit(Resource::Core, CORE_BYTES)?;
        if let Some(namespace) = &self.setup.user_namespace {
            rustix::thread::move_into_link_name_space(
                namespace.as_fd(),
                Some(LinkNameSpaceType::User),
            )?;
        }
        if let Some(namespace) = &self.setup.network_namespace {
            rustix::thread::move_into_link_name_space(
                namespace.as_fd(),
                Some(LinkNameSpaceType::Network),
            )?;
        }
        self.set_stage()?;
        if let Some(user) = self.setup.user {
            let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
        rustix::thread::set_no_new_privs(true)?;
        Ok(())
    }

    /// Mounts made here are seen by this child alone, and go with it.
    fn set_stage(&self) -> io::Result<()> {
        // SAFETY: a mount namespace of its own concerns no descriptor (which is what could be
        // unsound in `unshare`, CLONE_FILES).
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS)? };
        rustix::mount::mount_change(
            c"/",
            MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
        )?;
        // The launcher lives as long as its sandbox: it must not hold what is others'.
        let _ = rustix::mount::unmount(c"/run/netns", UnmountFlags::DETACH);
        for other in &self.setup.others {
            let _ = rustix::mount::unmount(&**other, UnmountFlags::DETACH);
        }
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        rustix::mount::mount(
            c"tmpfs",
            &*self.stage,
            c"tmpfs",
            flags,
            c"mode=0755,size=1m",
        )?;
        for Bind {
            source,
            target,
            is_folder,
        } in &self.items
        {
            if *is_folder {
                rustix::fs::mkdir(&**target, Mode::from_raw_mode(0o755))?;
            } else {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::open(&**target, flags, Mode::from_raw_mode(0o644))?;
            }
            rustix::mount::mount_bind_recursive(&**source, &**target)?;
        }
        Ok(())
    }
}

/// Sets a limit that no program inside can raise again; a lower one that is there stays.
fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let there = rustix::process::getrlimit(resource).maximum;
    let most = Some(there.map_or(most, |there| there.min(most)));
    let limit = Rlimit {
        current: most,
        maximum: most,
    };
    Ok(rustix::process::setrlimit(resource, limit)?)
}
