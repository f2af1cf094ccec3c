//! The /etc of sandboxes: a folder with copies of what programs need of the host's, and a few files
//! that are made up.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::{Network, SpawnError};

/// What programs need of /etc, and what operators configure for package clients there. No user
/// database, no keys, no host names: those are made up, see [`MADE`].
const SHOWN: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "bash_completion.d",
    "ca-certificates",
    "crypto-policies",
    "debian_version",
    "default/locale",
    "fonts",
    "gai.conf",
    "gitconfig",
    "host.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "locale.alias",
    "locale.conf",
    "localtime",
    "login.defs",
    "lsb-release",
    "magic",
    "magic.mime",
    "mailcap",
    "maven",
    "mime.types",
    "nanorc",
    "npmrc",
    "os-release",
    "perl",
    "pip.conf",
    "pki/ca-trust",
    "pki/java",
    "pki/tls/certs",
    "protocols",
    "python3",
    "rpc",
    "services",
    "shells",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
    "vim",
    "xattr.conf",
];

/// Files that are made up.
const MADE: &[(&str, &str)] = &[
    (
        "passwd",
        "root:x:0:0:root:/root:/usr/sbin/nologin\n\
         user:x:1000:1000:user:/home/user:/bin/bash\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("group", "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n"),
    ("hostname", "repl\n"),
    ("hosts", "127.0.0.1 localhost repl\n::1 localhost\n"),
    (
        "nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\n",
    ),
    // The host's would set PATH anew in every login shell, and so lose the languages.
    (
        "profile",
        "[ -n \"$BASH_VERSION\" ] && [ -n \"$PS1\" ] && [ -r /etc/bash.bashrc ] && . /etc/bash.bashrc\numask 022\n",
    ),
    // What is mounted here says more.
    ("resolv.conf", "\n"),
];

/// Brings `run/etc` up to date. Sandboxes may run with it: files are replaced one by one, in a
/// single step each, and none is removed.
pub fn write(run: &Path) -> Result<(), SpawnError> {
    let etc = run.join("etc");
    let made = || -> io::Result<()> {
        fs::create_dir_all(&etc)?;
        for (name, text) in MADE {
            replace(&etc.join(name), text.as_bytes())?;
        }
        replace(
            &resolver(run, Network::Internet),
            b"nameserver 10.0.2.3\noptions single-request\n",
        )?;
        replace(
            &resolver(run, Network::None),
            b"# This repl has no network of its own.\n",
        )
    };
    made().map_err(|source| SpawnError::Io {
        what: format!("{} can't be written", etc.display()),
        source,
    })?;
    let mut shown: Vec<PathBuf> = SHOWN.iter().map(PathBuf::from).collect();
    // Java keeps its settings in /etc/java-<version>-openjdk.
    for entry in fs::read_dir("/etc").into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("java") {
            shown.push(entry.file_name().into());
        }
    }
    for name in shown {
        let source = Path::new("/etc").join(&name);
        if source.symlink_metadata().is_err() {
            continue;
        }
        if holds_secret(&source) {
            tracing::warn!(source = %source.display(), "not shown in sandboxes: it holds a password or token");
            continue;
        }
        // What the server may not read is no concern of repls.
        if let Err(error) = copy(&source, &etc.join(&name)) {
            tracing::debug!(source = %source.display(), %error, "not shown in sandboxes");
        }
    }
    Ok(())
}

/// Whether a settings file of a package client holds a login.
fn holds_secret(path: &Path) -> bool {
    const CLIENTS: [&str; 3] = ["npmrc", "pip.conf", "gitconfig"];
    let is_client = path
        .file_name()
        .is_some_and(|n| CLIENTS.iter().any(|c| n == *c));
    is_client && fs::read_to_string(path).is_ok_and(|text| names_secret(&text))
}

fn names_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words = ["_auth", "_password", "password", "token", "extraheader"];
    words.iter().any(|w| text.contains(w)) || text.lines().any(super::env::has_login)
}

/// What becomes `/etc/resolv.conf`.
pub fn resolver(run: &Path, network: Network) -> PathBuf {
    run.join(match network {
        Network::Internet => "resolv.conf.internet",
        Network::None | Network::Registries => "resolv.conf.none",
    })
}

/// Copies a file, a link as a link, or a folder with all that is in it.
fn copy(source: &Path, target: &Path) -> io::Result<()> {
    let kind = source.symlink_metadata()?.file_type();
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if kind.is_symlink() {
        let link = fs::read_link(source)?;
        if fs::read_link(target).is_ok_and(|there| there == link) {
            return Ok(());
        }
        let new = new_name(target);
        let _ = fs::remove_file(&new);
        symlink(link, &new)?;
        return fs::rename(new, target);
    }
    if kind.is_dir() {
        fs::create_dir_all(target)?;
        for entry in fs::read_dir(source)? {
            let entry = entry?;
            // One file that can't be read leaves the others.
            let _ = copy(&entry.path(), &target.join(entry.file_name()));
        }
        return Ok(());
    }
    if !kind.is_file() {
        return Ok(());
    }
    replace(target, &fs::read(source)?)?;
    // Not readable to everyone there, so not here.
    fs::set_permissions(target, source.metadata()?.permissions())
}

pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let new = new_name(path);
    fs::write(&new, bytes)?;
    fs::rename(new, path)
}

fn new_name(path: &Path) -> PathBuf {
    path.with_file_name(format!(
        ".{}.new",
        path.file_name().unwrap_or_default().to_string_lossy()
    ))
}

#[cfg(test)]
mod tests {
    #[test]
    fn settings_with_a_login_are_not_shown() {
        for secret in [
            "//r.example/:_authToken=x",
            "index-url = https://u:p@r.example/simple",
            "_password=x",
        ] {
            assert!(super::names_secret(secret), "{secret}");
        }
        assert!(!super::names_secret(
            "registry=https://r.example/npm/\ncafile=/etc/ssl/ca.pem\n"
        ));
    }
}
