//! What this machine must have for sandboxes, and words for what is missing.

use std::fs;
use std::path::Path;

use crate::SpawnError;

/// Program, Debian package.
pub const TOOLS: &[(&str, &str)] = &[
    ("bwrap", "bubblewrap"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("slirp4netns", "slirp4netns"),
    ("nsenter", "util-linux"),
    ("unshare", "util-linux"),
];

/// Lets bubblewrap, and nothing else, make user namespaces where AppArmor forbids it.
const APPARMOR_REMEDY: &str = "Ubuntu forbids user namespaces to programs without an AppArmor profile. Write \
/etc/apparmor.d/alcove with:\n\
abi <abi/4.0>,\ninclude <tunables/global>\n\
profile alcove-bwrap /usr/bin/bwrap flags=(unconfined) { userns, }\n\
profile alcove-unshare /usr/bin/unshare flags=(unconfined) { userns, }\n\
profile alcove-slirp /usr/bin/slirp4netns flags=(unconfined) { userns, }\n\
then run `sudo systemctl reload apparmor`. Or start Alcove as root.";

/// Where a system tool is; an ordinary user's PATH may lack these folders.
pub fn find_tool(name: &str) -> Option<std::path::PathBuf> {
    [
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ]
    .iter()
    .map(|folder| Path::new(folder).join(name))
    .find(|file| file.is_file())
}

fn sysctl(name: &str) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/sys/{name}"))
            .ok()?
            .trim()
            .to_owned(),
    )
}

/// What forbids user namespaces here, and what to do; for when making one has failed.
pub fn why_no_user_namespaces() -> String {
    if sysctl("kernel/unprivileged_userns_clone").as_deref() == Some("0") {
        return "This machine forbids user namespaces to ordinary users: run \
                `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or start Alcove as root."
            .into();
    }
    if sysctl("kernel/apparmor_restrict_unprivileged_userns").as_deref() == Some("1") {
        return APPARMOR_REMEDY.into();
    }
    if sysctl("user/max_user_namespaces").as_deref() == Some("0") {
        return "This machine allows no user namespaces: run `sudo sysctl -w user.max_user_namespaces=15000`.".into();
    }
    "A user namespace can't be made here. In a container, start it with `--security-opt seccomp=unconfined \
     --security-opt apparmor=unconfined`, or run Alcove on the host."
        .into()
}

/// Fails, with what to install, when a tool that every sandbox needs is missing.
pub fn require_tools() -> Result<(), SpawnError> {
    let missing: Vec<&(&str, &str)> = TOOLS
        .iter()
        .filter(|(tool, _)| find_tool(tool).is_none())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let (tools, packages): (Vec<&str>, Vec<&str>) = missing.iter().copied().copied().unzip();
    Err(SpawnError::Unable(format!(
        "Sandboxes can't be started, because {} is missing. Run `sudo apt install {}`.",
        tools.join(", "),
        packages.join(" ")
    )))
}

/// Opens a folder for others to pass through, or for us alone.
pub fn make_folder(path: &Path, mode: u32) -> Result<(), SpawnError> {
    use std::os::unix::fs::PermissionsExt;
    let made = fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)));
    made.map_err(|source| SpawnError::Io {
        what: format!("{} can't be made", path.display()),
        source,
    })
}
