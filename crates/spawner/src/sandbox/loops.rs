//! Mounts an image by a loop device (loop(4)). As mount(8) does it, but with direct I/O from the start: what
//! is in an image, its own file system caches already, and switching to it later holds up each start by some
//! twenty milliseconds.

use std::ffi::CString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use linux_raw_sys::loop_device as kernel;
use rustix::fs::{CWD, FileType, Mode};
use rustix::io::Errno;
use rustix::mount::MountFlags;

/// How often it is tried anew where others take, or leave, loop devices at the same moment.
const TRIES: u32 = 100;
/// Bytes that are read and written at once, at least: a block of the file system in there.
const BLOCK_BYTES: u32 = 4096;
/// Of loop devices (`Documentation/admin-guide/devices.txt`).
const MAJOR: u32 = 7;

/// Mounts the ext4 in `image` on `folder`, with the `options` of ext4(5). Once it is unmounted, its loop device
/// is free again.
pub fn mount(image: &Path, folder: &Path, options: &str) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(image)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    let options = CString::new(options)?;
    // It holds the device until it is mounted.
    let (_device, place) = device(&file)?;
    Ok(rustix::mount::mount(
        &place,
        folder,
        "ext4",
        flags,
        options.as_c_str(),
    )?)
}

/// The loop device of a file: that which it has, where it is still mounted somewhere, since two would write
/// over each other; or else a free one.
fn device(file: &File) -> io::Result<(File, PathBuf)> {
    for _ in 0..TRIES {
        if let Some(found) = attached(file)? {
            return Ok(found);
        }
        let place = make_node(free()?)?;
        let device = open(&place)?;
        match configure(&device, file) {
            Ok(()) => return Ok((device, place)),
            // Another was quicker.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// The number of a free loop device, of a new one where there is none.
fn free() -> io::Result<u32> {
    let control = File::options().read(true).open("/dev/loop-control")?;
    // SAFETY: it takes no argument, and gives a number.
    let number = unsafe { libc::ioctl(control.as_raw_fd(), kernel::LOOP_CTL_GET_FREE.into()) };
    u32::try_from(number).map_err(|_| io::Error::last_os_error())
}

fn open(place: &Path) -> io::Result<File> {
    File::options().read(true).write(true).open(place)
}

fn configure(device: &File, file: &File) -> io::Result<()> {
    // SAFETY: it is a structure of numbers, for which 0 means that nothing is asked for.
    let mut config: kernel::loop_config = unsafe { std::mem::zeroed() };
    config.fd = file.as_raw_fd().cast_unsigned();
    config.block_size = BLOCK_BYTES;
    // Where its file system can't do direct I/O, the kernel leaves that out.
    config.info.lo_flags = kernel::LO_FLAGS_AUTOCLEAR as u32 | kernel::LO_FLAGS_DIRECT_IO as u32;
    let request = kernel::LOOP_CONFIGURE.into();
    // SAFETY: it reads the structure.
    match unsafe { libc::ioctl(device.as_raw_fd(), request, &raw const config) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The device that a file has, where it has one.
fn attached(file: &File) -> io::Result<Option<(File, PathBuf)>> {
    let file = file.metadata()?;
    for entry in fs::read_dir("/sys/block")?.flatten() {
        if !entry.path().join("loop").exists() {
            continue;
        }
        let place = Path::new("/dev").join(entry.file_name());
        // It may have been left meanwhile, or have no node here.
        let Ok(device) = open(&place) else { continue };
        if shows(&device, &file) {
            return Ok(Some((device, place)));
        }
    }
    Ok(None)
}

fn shows(device: &File, file: &Metadata) -> bool {
    // SAFETY: it is a structure of numbers.
    let mut info: kernel::loop_info64 = unsafe { std::mem::zeroed() };
    let request = kernel::LOOP_GET_STATUS64.into();
    // SAFETY: it writes the structure.
    let told = unsafe { libc::ioctl(device.as_raw_fd(), request, &raw mut info) };
    told == 0 && (info.lo_device, info.lo_inode) == (file.dev(), file.ino())
}

/// In a container there are nodes for no more loop devices than there were when it began.
fn make_node(number: u32) -> io::Result<PathBuf> {
    let node = PathBuf::from(format!("/dev/loop{number}"));
    let device = rustix::fs::makedev(MAJOR, number);
    let mode = Mode::from_raw_mode(0o600);
    match rustix::fs::mknodat(CWD, &node, FileType::BlockDevice, mode, device) {
        Ok(()) | Err(Errno::EXIST) => Ok(node),
        Err(error) => Err(error.into()),
    }
}
