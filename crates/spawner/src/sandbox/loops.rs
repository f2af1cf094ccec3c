//! Mounts an image by a loop device (loop(4)), as mount(8) does it, but with direct I/O from the start: what is
//! in an image, its own file system caches already, and switching to it later holds up each start by some
//! twenty milliseconds. It takes Linux 5.8.

use std::ffi::CStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use linux_raw_sys::loop_device as kernel;
use rustix::fs::{CWD, FileType, Mode};
use rustix::io::Errno;
use rustix::mount::MountFlags;

use crate::SpawnError;

/// How often it is tried anew where others take, or leave, loop devices at the same moment.
const TRIES: u32 = 100;
/// Bytes that are read and written at once, at least: a block of the file system in there.
const BLOCK_BYTES: u32 = 4096;
/// Of loop devices (`Documentation/admin-guide/devices.txt`).
const MAJOR: u32 = 7;
/// `BTRFS_SUPER_MAGIC` (`linux/magic.h`).
const BTRFS: i64 = 0x9123_683e;

/// Mounts the ext4 in `image` on `folder`, with the `options` of ext4(5). Once it is unmounted, its loop device
/// is free again.
pub fn mount(image: &Path, folder: &Path, options: &CStr) -> Result<(), SpawnError> {
    let file = File::options().read(true).write(true).open(image);
    let file = file.map_err(failed(image))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    // Open until the mount holds it.
    let (_device, place) = find_device(&file)?;
    rustix::mount::mount(&place, folder, "ext4", flags, options)
        .map_err(|error| failed(image)(error.into()))
}

/// The loop device of a file, open to be read: that which it has, where it is still mounted somewhere, since
/// two would write over each other; or else a free one.
fn find_device(file: &File) -> Result<(File, PathBuf), SpawnError> {
    let metadata = file.metadata().map_err(failed("an image"))?;
    for _ in 0..TRIES {
        if let Some(found) = find_attached(&metadata)? {
            return Ok(found);
        }
        let number = find_free().map_err(failed("/dev/loop-control"))?;
        let place = make_node(number)?;
        let device = match File::options().read(true).write(true).open(&place) {
            Ok(device) => device,
            // It is on its way out.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => continue,
            Err(error) => return Err(failed(&place)(error)),
        };
        match attach(&device, file) {
            // Some kernels mount nothing that is open to be written.
            Ok(()) => {
                let device = File::open(&place).map_err(failed(&place))?;
                return Ok((device, place));
            }
            // Another was quicker.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(failed(&place)(error)),
        }
    }
    Err(failed("loop devices")(io::ErrorKind::ResourceBusy.into()))
}

fn failed(what: impl AsRef<Path>) -> impl FnOnce(io::Error) -> SpawnError {
    move |source| SpawnError::Io {
        what: format!("a disk can't be mounted ({})", what.as_ref().display()),
        source,
    }
}

/// The number of a free loop device, of a new one where there is none.
fn find_free() -> io::Result<u32> {
    let control = File::open("/dev/loop-control")?;
    // SAFETY: it takes no argument, and gives a number.
    let number = unsafe {
        libc::ioctl(
            control.as_raw_fd(),
            kernel::LOOP_CTL_GET_FREE as libc::Ioctl,
        )
    };
    u32::try_from(number).map_err(|_| io::Error::last_os_error())
}

/// In a container there are nodes for no more loop devices than there were when it began.
fn make_node(number: u32) -> Result<PathBuf, SpawnError> {
    let node = PathBuf::from(format!("/dev/loop{number}"));
    let device = rustix::fs::makedev(MAJOR, number);
    let mode = Mode::from_raw_mode(0o600);
    match rustix::fs::mknodat(CWD, &node, FileType::BlockDevice, mode, device) {
        Ok(()) | Err(Errno::EXIST) => Ok(node),
        Err(error) => Err(failed(&node)(error.into())),
    }
}

fn attach(device: &File, file: &File) -> io::Result<()> {
    // SAFETY: it is a structure of numbers, for which 0 means that nothing is asked for.
    let mut config: kernel::loop_config = unsafe { std::mem::zeroed() };
    config.fd = file.as_raw_fd().cast_unsigned();
    config.block_size = BLOCK_BYTES;
    config.info.lo_flags = kernel::LO_FLAGS_AUTOCLEAR as u32;
    // Of what ext4 writes while it changes, btrfs keeps the wrong checksum. Where another file system can't,
    // the kernel leaves it out.
    if rustix::fs::fstatfs(file)?.f_type != BTRFS {
        config.info.lo_flags |= kernel::LO_FLAGS_DIRECT_IO as u32;
    }
    let request = kernel::LOOP_CONFIGURE as libc::Ioctl;
    // SAFETY: it reads the structure.
    match unsafe { libc::ioctl(device.as_raw_fd(), request, &raw const config) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The device that a file has, where it has one.
fn find_attached(file: &Metadata) -> Result<Option<(File, PathBuf)>, SpawnError> {
    let unread = || failed("/sys/block");
    for entry in fs::read_dir("/sys/block").map_err(unread())? {
        let entry = entry.map_err(unread())?;
        if !entry.path().join("loop").exists() {
            continue;
        }
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("loop"));
        let Some(number) = number.and_then(|number| number.parse().ok()) else {
            continue;
        };
        let place = make_node(number)?;
        let device = match File::open(&place) {
            Ok(device) => device,
            // It has been left meanwhile.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => continue,
            Err(error) => return Err(failed(&place)(error)),
        };
        if is_backed_by(&device, file).map_err(failed(&place))? {
            return Ok(Some((device, place)));
        }
    }
    Ok(None)
}

fn is_backed_by(device: &File, file: &Metadata) -> io::Result<bool> {
    // SAFETY: it is a structure of numbers.
    let mut info: kernel::loop_info64 = unsafe { std::mem::zeroed() };
    let request = kernel::LOOP_GET_STATUS64 as libc::Ioctl;
    // SAFETY: it writes the structure.
    match unsafe { libc::ioctl(device.as_raw_fd(), request, &raw mut info) } {
        0 => Ok((info.lo_device, info.lo_inode) == (file.dev(), file.ino())),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENXIO) => Ok(false),
            error => Err(error),
        },
    }
}
