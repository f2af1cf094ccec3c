//! `POST /restore`: makes files what they were in an earlier state. The body is a tar archive: first a
//! member [`RESTORE_PLAN`] with what may be touched (JSON), then what comes, each below `workspace/`.
//! Nothing is touched before all of it is here, and nothing that is in no state: it would be lost for
//! good. Open documents take it as any change that a program makes.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use alcove_protocol::WorkspacePath;
use alcove_protocol::status::{RESTORE_PLAN, RestoreAnswer, RestorePlan};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use tokio::io::AsyncWriteExt;

use super::write::Temporary;
use super::{Body, failed, plain};
use crate::Runner;
use crate::tree::TEMPORARY_PREFIX;

/// Most names that are told of those that could not be brought back.
const MAX_TOLD: usize = 100;
/// Longest plan, in bytes.
const MAX_PLAN_BYTES: u64 = 64 * 1024 * 1024;

/// Brings files back; answers with a [`RestoreAnswer`].
pub async fn restore(runner: &Runner, request: Request<Incoming>) -> Response<Body> {
    runner.note_activity();
    let top = runner.workspace.clone();
    match receive(top, request.into_body()).await {
        Ok((answer, folders)) => {
            for path in &folders {
                runner.touch_parent(path);
            }
            match serde_json::to_string(&answer) {
                Ok(text) => plain(StatusCode::OK, &text),
                Err(error) => failed(&error.into()),
            }
        }
        Err(error) => failed(&error),
    }
}

async fn receive(
    top: PathBuf,
    mut body: Incoming,
) -> io::Result<(RestoreAnswer, Vec<WorkspacePath>)> {
    let path = temporary(&top);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    let archive = Temporary::new(path);
    let mut file = tokio::fs::File::from_std(file);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            file.write_all(&data).await?;
        }
    }
    file.flush().await?;
    drop(file);
    tokio::task::spawn_blocking(move || {
        let file = File::open(archive.path())?;
        apply(&top, BufReader::new(file))
    })
    .await?
}

/// What could not be done, and what was changed, each entry's path.
fn apply(top: &Path, archive: impl Read) -> io::Result<(RestoreAnswer, Vec<WorkspacePath>)> {
    let mut archive = tar::Archive::new(archive);
    let mut entries = archive.entries()?;
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let first = entries.next().ok_or_else(|| broken("an empty archive"))??;
    if first.path_bytes() != RESTORE_PLAN.as_bytes() {
        return Err(broken("the plan is missing"));
    }
    let plan: RestorePlan =
        serde_json::from_reader(first.take(MAX_PLAN_BYTES)).map_err(io::Error::other)?;
    // What lies in a folder goes before it.
    let mut going = plan.remove;
    going.sort();
    let replaced: HashSet<WorkspacePath> = plan.replace.into_iter().collect();
    let mut answer = RestoreAnswer::default();
    let mut leave = |path: &WorkspacePath, error: &io::Error| {
        tracing::debug!(%path, %error, "not restored");
        answer.left_out += 1;
        if answer.left.len() < MAX_TOLD {
            answer.left.push(path.clone());
        }
    };
    let mut changed = Vec::new();
    // Folders, and what they are to be: one that can't be written to is so once its files are in it.
    let mut folders = Vec::new();
    for path in going.into_iter().rev().filter(|path| !path.is_root()) {
        let removed = no_link_above(top, &path).and_then(|()| remove(&path.under(top)));
        if let Err(error) = removed {
            leave(&path, &error);
        }
        changed.push(path);
    }
    for entry in entries {
        let mut entry = entry?;
        let name = entry.path_bytes().into_owned();
        let below = name.strip_prefix(b"workspace/").unwrap_or(&name);
        let below = below.strip_suffix(b"/").unwrap_or(below);
        let path = WorkspacePath::from_bytes(below).map_err(|e| broken(&e.to_string()))?;
        if path.is_root() {
            continue;
        }
        let is_replaced = replaced.contains(&path);
        let made = no_link_above(top, &path)
            .and_then(|()| make(&path.under(top), &mut entry, is_replaced));
        match made {
            Ok(None) => {}
            Ok(Some(mode)) => folders.push((path.clone(), mode)),
            Err(error) => leave(&path, &error),
        }
        changed.push(path);
    }
    for (path, mode) in folders.into_iter().rev() {
        let set = no_link_above(top, &path).and_then(|()| chmod(&path.under(top), mode));
        if let Err(error) = set {
            leave(&path, &error);
        }
    }
    Ok((answer, changed))
}

/// What lies behind a link that took a folder's place is at another path.
fn no_link_above(top: &Path, path: &WorkspacePath) -> io::Result<()> {
    let target = path.under(top);
    for folder in target
        .ancestors()
        .skip(1)
        .take_while(|folder| *folder != top)
    {
        if fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_symlink()) {
            return Err(io::Error::other("a link is in its folder's place"));
        }
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        // Something derived lies in it still: it stays as it is.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// `is_replaced`: what is there is saved, and may be replaced. Of a folder, the permissions that it gets
/// once all is in it.
fn make(
    target: &Path,
    entry: &mut tar::Entry<'_, impl Read>,
    is_replaced: bool,
) -> io::Result<Option<u32>> {
    let folder = target.parent().unwrap_or(target);
    fs::create_dir_all(folder)?;
    let mode = entry.header().mode()? & 0o777;
    match entry.header().entry_type() {
        tar::EntryType::Directory => {
            let is_there = match fs::create_dir(target) {
                Ok(()) => false,
                // A link to a folder is none.
                Err(_) if fs::symlink_metadata(target).is_ok_and(|meta| meta.is_dir()) => true,
                Err(error) => return Err(error),
            };
            if is_there && !is_replaced {
                return Ok(None);
            }
            chmod(target, mode | 0o700)?;
            return Ok(Some(mode));
        }
        tar::EntryType::Symlink => {
            let to = entry.link_name_bytes().ok_or(io::ErrorKind::InvalidData)?;
            let new = Temporary::new(temporary(folder));
            symlink(std::ffi::OsStr::from_bytes(&to), new.path())?;
            place(new, target, is_replaced)?;
        }
        _ => {
            let new = Temporary::new(temporary(folder));
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(new.path())?;
            io::copy(entry, &mut file)?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            place(new, target, is_replaced)?;
        }
    }
    Ok(None)
}

fn chmod(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn place(new: Temporary, target: &Path, is_replaced: bool) -> io::Result<()> {
    match is_replaced {
        true => new.rename(target),
        false => new.put(target),
    }
}

/// A name that is neither shown nor saved.
fn temporary(folder: &Path) -> PathBuf {
    folder.join(format!(
        "{TEMPORARY_PREFIX}restore-{:016x}",
        rand::random::<u64>()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(remove: &[&str], replace: &[&str]) -> String {
        serde_json::json!({ "remove": remove, "replace": replace }).to_string()
    }

    /// An archive of files, with the plan first.
    fn files(plan: &str, files: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [(RESTORE_PLAN, plan)].iter().chain(files) {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes())
                .unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// On a thread that is nobody in particular: root may write anywhere.
    fn unprivileged(dir: &Path, work: impl FnOnce() + Send) {
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            std::os::unix::fs::chown(dir, Some(65534), Some(65534)).unwrap();
        }
        std::thread::scope(|scope| {
            let working = scope.spawn(|| {
                if is_root {
                    let nobody = rustix::process::Uid::from_raw(65534);
                    rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
                }
                work();
            });
            working.join().unwrap();
        });
    }

    #[test]
    fn a_folder_that_can_not_be_written_to_comes_back_with_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        let mut add = |name: &str, kind, mode, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content).unwrap();
        };
        let [folder, file] = [tar::EntryType::Directory, tar::EntryType::Regular];
        add(RESTORE_PLAN, file, 0o644, plan(&[], &[]).as_bytes());
        add("workspace/ro", folder, 0o555, b"");
        add("workspace/ro/deep", folder, 0o500, b"");
        add("workspace/ro/deep/a.txt", file, 0o444, b"a");
        let archive = tar.into_inner().unwrap();
        unprivileged(dir.path(), || {
            let (answer, _) = apply(dir.path(), archive.as_slice()).unwrap();
            assert_eq!(answer, RestoreAnswer::default());
        });
        let mode = |path: &str| {
            let meta = fs::metadata(dir.path().join(path)).unwrap();
            meta.permissions().mode() & 0o777
        };
        let modes = ["ro", "ro/deep", "ro/deep/a.txt"].map(mode);
        assert_eq!(modes, [0o555, 0o500, 0o444]);
        // As it was made: so that it can be deleted by whoever runs the tests.
        for path in ["ro", "ro/deep"] {
            chmod(&dir.path().join(path), 0o700).unwrap();
        }
    }

    #[test]
    fn no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir(at("config-v2")).unwrap();
        fs::write(at("config-v2/settings.json"), "v2").unwrap();
        fs::write(at("config-v2/gone"), "stays").unwrap();
        symlink("config-v2", at("config")).unwrap();
        let plan = plan(&["config/gone"], &["config/settings.json"]);
        let comes = [
            ("workspace/config/settings.json", "v1"),
            ("workspace/config/new/deep", "v1"),
        ];
        let (answer, _) = apply(dir.path(), files(&plan, &comes).as_slice()).unwrap();
        assert_eq!(answer.left_out, 3);
        assert_eq!(fs::read(at("config-v2/settings.json")).unwrap(), b"v2");
        assert!(at("config-v2/gone").exists() && !at("config-v2/new").exists());
    }

    #[test]
    fn what_is_in_no_state_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in [("data.db", "the only copy"), ("saved", "new")] {
            fs::write(dir.path().join(name), content).unwrap();
        }
        let comes = [
            ("workspace/data.db", "old"),
            ("workspace/saved", "old"),
            ("workspace/absent", "old"),
        ];
        let archive = files(&plan(&[], &["saved"]), &comes);
        let (answer, _) = apply(dir.path(), archive.as_slice()).unwrap();
        assert_eq!(answer.left, ["data.db".parse().unwrap()]);
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("data.db"), "the only copy");
        assert_eq!(
            (read("saved"), read("absent")),
            ("old".into(), "old".into())
        );
    }

    #[test]
    fn files_come_back_and_go_and_what_is_derived_stays() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("old/node_modules")).unwrap();
        fs::create_dir_all(at("gone")).unwrap();
        for path in ["old/a", "old/node_modules/x", "gone/b", "keep", "link"] {
            fs::write(at(path), path).unwrap();
        }
        let mut tar = tar::Builder::new(Vec::new());
        let mut add = |name: &str, kind, mode, content: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content).unwrap();
        };
        let gone = ["gone", "gone/b", "old", "old/a", "link", "none"];
        let plan = plan(&gone, &["keep"]);
        add(
            RESTORE_PLAN,
            tar::EntryType::Regular,
            0o644,
            plan.as_bytes(),
        );
        add("workspace/new", tar::EntryType::Directory, 0o750, b"");
        add(
            "workspace/new/run.sh",
            tar::EntryType::Regular,
            0o755,
            b"#!",
        );
        add("workspace/keep", tar::EntryType::Regular, 0o600, b"kept");
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_mode(0o777);
        header.set_size(0);
        tar.append_link(&mut header, "workspace/link", "keep")
            .unwrap();
        let archive = tar.into_inner().unwrap();

        let (answer, changed) = apply(dir.path(), archive.as_slice()).unwrap();
        assert_eq!(answer, RestoreAnswer::default());
        assert_eq!(changed.len(), 10);
        assert!(!at("gone").exists() && !at("old/a").exists());
        assert!(at("old/node_modules/x").exists());
        assert_eq!(fs::read(at("keep")).unwrap(), b"kept");
        assert_eq!(fs::read_link(at("link")).unwrap(), Path::new("keep"));
        let mode = |path: &str| fs::metadata(at(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            [mode("new"), mode("new/run.sh"), mode("keep")],
            [0o750, 0o755, 0o600]
        );
        let left = fs::read_dir(dir.path()).unwrap().flatten();
        let hidden = left.filter(|e| e.file_name().to_string_lossy().starts_with('.'));
        assert_eq!(hidden.count(), 0);
    }

    #[test]
    fn what_can_not_come_back_is_named_and_the_rest_does() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("full/x")).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [
            (RESTORE_PLAN, plan(&[], &["full"]).as_str()),
            ("workspace/full", "f"),
            ("workspace/b", "b"),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, content.as_bytes())
                .unwrap();
        }
        let (answer, _) = apply(dir.path(), tar.into_inner().unwrap().as_slice()).unwrap();
        assert_eq!(answer.left_out, 1);
        assert_eq!(answer.left, ["full".parse().unwrap()]);
        assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"b");
        assert!(apply(dir.path(), &b"nonsense"[..]).is_err());
    }
}
