//! The files of templates: in the binary, and in a folder of the operator's.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../templates"]
struct Embedded;

/// A template's files, by their path below its folder.
pub type Files = BTreeMap<String, TemplateFile>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile {
    pub content: Vec<u8>,
    pub executable: bool,
}

/// Those in the binary.
pub fn embedded() -> BTreeMap<String, Files> {
    let mut all: BTreeMap<String, Files> = BTreeMap::new();
    for path in Embedded::iter() {
        if let (Some((name, rest)), Some(file)) = (path.split_once('/'), Embedded::get(&path)) {
            all.entry(name.to_owned()).or_default().insert(
                rest.to_owned(),
                TemplateFile {
                    content: file.data.into_owned(),
                    executable: false,
                },
            );
        }
    }
    all
}

/// Each folder in `top` is a template.
pub fn from_folder(top: &Path) -> anyhow::Result<BTreeMap<String, Files>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(top)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !entry.file_type()?.is_dir() {
            continue;
        }
        if !plain {
            tracing::warn!(
                name,
                "a template's name has lower-case letters, digits and hyphens only: it is left out"
            );
            continue;
        }
        let mut files = Files::new();
        read_files(&entry.path(), Path::new(""), &mut files)?;
        all.insert(name, files);
    }
    Ok(all)
}

fn read_files(top: &Path, below: &Path, files: &mut Files) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(top.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            read_files(top, &path, files)?;
        } else {
            let name = path
                .to_str()
                .context("a file's name is not UTF-8")?
                .to_owned();
            let executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
            files.insert(
                name,
                TemplateFile {
                    content: std::fs::read(entry.path())?,
                    executable,
                },
            );
        }
    }
    Ok(())
}

/// Changes with every name and content.
pub fn digest(files: &Files) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, file) in files {
        for part in [
            path.as_bytes(),
            &[u8::from(file.executable)],
            file.content.as_slice(),
        ] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// Lays a template out as a workspace in `dir`.
pub fn write(dir: &Path, files: &Files) -> anyhow::Result<()> {
    for top in ["workspace", "home"] {
        std::fs::create_dir_all(dir.join(top))?;
    }
    for (path, file) in files {
        let path = dir.join("workspace").join(path);
        std::fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        std::fs::write(&path, &file.content)?;
        let mode = if file.executable { 0o755 } else { 0o644 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, content: &str, executable: bool) -> Files {
        Files::from([(
            name.to_owned(),
            TemplateFile {
                content: content.into(),
                executable,
            },
        )])
    }

    #[test]
    fn a_digest_tells_names_contents_and_modes_apart() {
        let digests = [
            one("a", "bc", false),
            one("ab", "c", false),
            one("a", "bc", true),
        ]
        .map(|f| digest(&f));
        assert_eq!(std::collections::BTreeSet::from(digests).len(), 3);
    }

    #[test]
    fn a_folder_is_read_and_laid_out_with_its_modes() {
        let (top, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir_all(top.path().join("mine/bin")).unwrap();
        std::fs::create_dir(top.path().join("Not Mine")).unwrap();
        let program = top.path().join("mine/bin/run");
        std::fs::write(&program, "#!/bin/sh").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let all = from_folder(top.path()).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["mine"]);
        write(out.path(), &all["mine"]).unwrap();
        let mode = out
            .path()
            .join("workspace/bin/run")
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
    }
}
