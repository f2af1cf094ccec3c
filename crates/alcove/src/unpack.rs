//! `alcove unpack`: takes an archive apart in a process that can do nothing else. What people import is
//! hostile input, made to fill memory perhaps, or to compute for ever.

use std::path::PathBuf;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use alcove_archive::{Limits, extract};
use alcove_protocol::unpack::Unpacked;
use clap::Args;
use rustix::process::{Gid, Resource, Rlimit, Uid, nice, setrlimit};

#[derive(Debug, Args)]
pub struct Unpack {
    /// An empty folder
    #[arg(long)]
    pub dir: PathBuf,
    /// Without the one folder that all of it lies in
    #[arg(long)]
    pub strip: bool,
    /// Files, folders and links at most
    #[arg(long)]
    pub entries: u32,
    /// Bytes of files at most
    #[arg(long)]
    pub bytes: u64,
    /// User and group that it becomes before it reads anything
    #[arg(long)]
    pub user: Option<u32>,
}

/// What it may use of memory (address space, the program itself included), in bytes,
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// of a processor's time, in seconds,
const SECONDS: u64 = 300;
/// and of open files.
const OPEN_FILES: u64 = 32;
/// Its priority, nice(2).
const NICE: i32 = 10;

pub fn main(options: &Unpack) -> anyhow::Result<()> {
    let archive = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let folder = File::open(&options.dir)?;
    confine(options.user)?;
    let limits = Limits {
        entries: options.entries,
        bytes: options.bytes,
    };
    let answer = match extract(&archive, folder.as_fd(), options.strip, limits) {
        Ok(done) => Unpacked::Done {
            files: done.files,
            left: done.left,
            left_out: done.left_out,
        },
        Err(error) => {
            let is_too_much = error.kind() == io::ErrorKind::FileTooLarge;
            if !is_too_much && error.kind() != io::ErrorKind::InvalidData {
                return Err(error.into());
            }
            Unpacked::Refused {
                message: error.to_string(),
                is_too_much,
            }
        }
    };
    serde_json::to_writer(io::stdout(), &answer)?;
    Ok(())
}

/// Gives up what it does not need: before it reads a byte of the archive.
fn confine(user: Option<u32>) -> io::Result<()> {
    // It is only slower for others where this is refused.
    let _ = nice(NICE);
    for (resource, most) in [
        (Resource::As, MEMORY_BYTES),
        (Resource::Cpu, SECONDS),
        (Resource::Nofile, OPEN_FILES),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)?;
    }
    rustix::thread::set_no_new_privs(true)?;
    if let Some(id) = user {
        let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
        rustix::thread::set_thread_groups(&[])?;
        rustix::thread::set_thread_res_gid(gid, gid, gid)?;
        // The capabilities of root go with it (capabilities(7)).
        rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    }
    // From here on there is this one thread.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    Ok(setrlimit(Resource::Nproc, none)?)
}
