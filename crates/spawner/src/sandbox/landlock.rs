//! The innermost wall: what the first process of a sandbox takes from itself, and from all that it will
//! start, by Landlock (landlock(7)). It says once more which files can be changed, apart from what
//! bubblewrap has mounted how; and bounds signals and abstract sockets to the sandbox, apart from its
//! namespaces. It can't be put up from outside: it forbids the mounts that bubblewrap makes.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, LandlockStatus, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

/// Folders in which programs make and change files.
const WRITABLE: &[&str] = &["/workspace", "/home/user", "/tmp", "/dev/shm", "/run"];
/// Folders in which they write to what there is, and make nothing: terminals and other devices, and what
/// the kernel lets a process say of itself.
const USABLE: &[&str] = &["/dev", "/proc"];

/// Rights over files that are asked for: those of Linux 6.10. An older kernel has fewer.
const FILES: ABI = ABI::V5;
/// Scopes that are asked for: those of Linux 6.12.
const SCOPES: ABI = ABI::V6;
/// The first that can do without harm: with an earlier one no file could be moved to another folder.
const LEAST: AccessFs = AccessFs::Refer;

/// How much of it a kernel has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All that is asked for.
    Whole,
    /// What the kernel of this version of Landlock has of it.
    Part(u32),
    /// Nothing; why.
    Nothing(String),
}

/// Puts the wall up around this thread and what it starts: to be called before there is another one. A
/// kernel that lacks all or a part of it is no error.
pub fn confine() -> Result<(), RulesetError> {
    restrict(WRITABLE, USABLE).map(drop)
}

/// How much of it this machine has: tried, by a thread that ends at once.
pub fn reach() -> Reach {
    let tried = std::thread::spawn(|| restrict(&["/"], &[])).join();
    let status = match tried {
        Ok(Ok(status)) => status,
        Ok(Err(error)) => return Reach::Nothing(error.to_string()),
        Err(_) => return Reach::Nothing("it could not be tried".to_owned()),
    };
    match (status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced, _) => Reach::Whole,
        (RulesetStatus::PartiallyEnforced, LandlockStatus::Available { effective_abi, .. }) => {
            Reach::Part(effective_abi as u32)
        }
        (_, LandlockStatus::NotEnabled) => {
            Reach::Nothing("this kernel was started without it".to_owned())
        }
        _ => Reach::Nothing("this kernel lacks it".to_owned()),
    }
}

/// `writable` and `usable` as the constants above; what is not there is left out.
fn restrict<P: AsRef<Path>>(
    writable: &[P],
    usable: &[P],
) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::from_read(FILES);
    Ruleset::default()
        .set_compatibility(CompatLevel::SoftRequirement)
        .handle_access(LEAST)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(FILES))?
        .scope(Scope::from_all(SCOPES))?
        .create()?
        .add_rules(path_beneath_rules(["/"], read))?
        .add_rules(path_beneath_rules(writable, read | changes()))?
        .add_rules(path_beneath_rules(usable, read | uses()))?
        .restrict_self()
}

/// All that is done to files, but what concerns devices.
fn changes() -> BitFlags<AccessFs> {
    AccessFs::from_write(FILES) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
}

/// What is done with devices and files of /proc. A shell's `>` truncates.
fn uses() -> BitFlags<AccessFs> {
    AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::process::{Command, Stdio};

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// Does something in a thread that is confined to `writable`, as a program inside would.
    fn confined<T: Send>(writable: &Path, attempt: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                let status = restrict(&[writable], &[Path::new("/dev"), Path::new("/proc")]);
                let status = status.expect("this machine has Landlock").ruleset;
                assert_eq!(status, RulesetStatus::FullyEnforced, "Linux 6.12 has all");
                attempt()
            });
            confined.join().expect("the attempt ends")
        })
    }

    fn make(kind: FileType, path: &Path) -> Result<(), Errno> {
        mknodat(CWD, path, kind, Mode::RUSR, 0)
    }

    #[test]
    fn files_are_changed_where_they_may_be_and_nowhere_else() {
        let top = tempfile::tempdir().expect("a folder");
        let (own, other) = (top.path().join("own"), top.path().join("other"));
        for folder in [&own, &other] {
            fs::create_dir_all(folder.join("sub")).expect("a folder");
            fs::write(folder.join("file"), "text").expect("a file");
        }
        let tried = |folder: &Path| {
            let path = |name: &str| folder.join(name);
            vec![
                ("write", fs::write(path("file"), "new")),
                ("make", fs::write(path("made"), "new")),
                ("move", fs::rename(path("made"), path("sub/moved"))),
                ("link", fs::hard_link(path("file"), path("sub/linked"))),
                ("symlink", std::os::unix::fs::symlink("x", path("symlink"))),
                ("make folder", fs::create_dir(path("folder"))),
                ("remove folder", fs::remove_dir(path("folder"))),
                (
                    "fifo",
                    make(FileType::Fifo, &path("fifo")).map_err(Into::into),
                ),
                ("socket", UnixListener::bind(path("socket")).map(drop)),
                ("remove", fs::remove_file(path("file"))),
            ]
        };
        for (what, done) in confined(&own, || tried(&own)) {
            assert!(done.is_ok(), "{what}: {done:?}");
        }
        let refused = confined(&own, || tried(&other));
        for (what, done) in refused {
            let error = done.expect_err(what);
            // What was not made can't be moved.
            let is_refused = matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::CrossesDevices | ErrorKind::NotFound
            );
            assert!(is_refused, "{what}: {error}");
        }
        assert_eq!(
            fs::read_to_string(other.join("file")).expect("there"),
            "text"
        );
        let names = fs::read_dir(&other).expect("a folder").count();
        assert_eq!(names, 2, "nothing was made");
        for (what, done) in tried(&other) {
            assert!(done.is_ok(), "without the wall, {what}: {done:?}");
        }
    }

    #[test]
    fn no_device_is_made_anywhere_not_even_a_harmless_one() {
        let own = tempfile::tempdir().expect("a folder");
        // The kernel lets everyone make this one (mknod(2): 0:0 is no device).
        let node = own.path().join("node");
        let made = confined(own.path(), || make(FileType::CharacterDevice, &node));
        assert_eq!(made, Err(Errno::ACCESS));
        assert_eq!(make(FileType::CharacterDevice, &node), Ok(()));
    }

    #[test]
    fn terminals_and_what_a_process_says_of_itself_can_be_written() {
        let own = tempfile::tempdir().expect("a folder");
        confined(own.path(), || {
            fs::write("/dev/null", "text").expect("/dev/null");
            fs::write("/proc/thread-self/comm", "named").expect("its name");
            let terminal = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR).expect("a terminal");
            rustix::pty::grantpt(&terminal).expect("granted");
            rustix::pty::unlockpt(&terminal).expect("unlocked");
            let name = rustix::pty::ptsname(&terminal, Vec::new()).expect("a name");
            let name = name.to_str().expect("text").to_owned();
            let other = fs::OpenOptions::new().read(true).write(true).open(name);
            let size = rustix::termios::tcgetwinsize(other.expect("its other end"));
            size.expect("its size");
        });
    }

    #[test]
    fn signals_and_abstract_sockets_stay_inside() {
        let own = tempfile::tempdir().expect("a folder");
        let address = |name: &str| {
            let name = format!("alcove-landlock-{name}-{}", std::process::id());
            SocketAddr::from_abstract_name(name).expect("a name")
        };
        let (outside, inside) = (address("outside"), address("inside"));
        let _listener = UnixListener::bind_addr(&outside).expect("a socket");
        let sleep = || {
            let mut sleep = Command::new("sleep");
            sleep
                .arg("600")
                .stdin(Stdio::null())
                .spawn()
                .expect("sleep")
        };
        let mut other = sleep();
        let of = Pid::from_child;
        confined(own.path(), || {
            let refused = UnixStream::connect_addr(&outside).expect_err("it is outside");
            assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
            assert_eq!(kill_process(of(&other), Signal::KILL), Err(Errno::PERM));

            let _listener = UnixListener::bind_addr(&inside).expect("a socket");
            UnixStream::connect_addr(&inside).expect("its own");
            let mut own = sleep();
            kill_process(of(&own), Signal::KILL).expect("its own");
            own.wait().expect("ended");
        });
        UnixStream::connect_addr(&outside).expect("without the wall");
        kill_process(of(&other), Signal::KILL).expect("without the wall");
        other.wait().expect("ended");
    }
}
