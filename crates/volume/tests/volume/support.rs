//! What the tests share: servers of S3, and pictures of folders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;

/// Key, kind and content, mode, mtime in nanoseconds.
pub type Picture = BTreeMap<PathBuf, (String, u32, i128)>;

/// All that must survive, of everything below a folder.
pub fn picture(top: &std::path::Path) -> Picture {
    fn walk(top: &std::path::Path, dir: &std::path::Path, all: &mut Picture) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let time = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
            let name = path.strip_prefix(top).unwrap().to_owned();
            if meta.is_symlink() {
                all.insert(
                    name,
                    (
                        format!("-> {}", fs::read_link(&path).unwrap().display()),
                        0,
                        0,
                    ),
                );
            } else if meta.is_dir() {
                walk(top, &path, all);
                all.insert(
                    name,
                    ("folder".into(), meta.permissions().mode() & 0o7777, time),
                );
            } else {
                let hash = blake3::hash(&fs::read(&path).unwrap()).to_hex().to_string();
                all.insert(name, (hash, meta.permissions().mode() & 0o7777, time));
            }
        }
    }
    let mut all = Picture::new();
    for name in ["workspace", "home"] {
        walk(top, &top.join(name), &mut all);
    }
    all
}

const ACCESS: &str = "access-of-the-tests";
const SECRET: &str = "secret-of-the-tests";

/// A server that speaks S3, on this machine.
pub struct S3Server {
    child: std::process::Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl S3Server {
    /// moto, a model of S3 that `make test` installs.
    pub fn moto() -> Self {
        Self::start("moto/bin/moto_server", |command, port, _| {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        })
    }

    /// versitygw, which people use: `make test-stores` builds it. Its buckets are folders.
    pub fn versitygw() -> Self {
        Self::start("versitygw/versitygw", |command, port, folder| {
            fs::create_dir(folder.join("bucket")).unwrap();
            command
                .args(["--access", ACCESS, "--secret", SECRET])
                .args(["--port", &format!("127.0.0.1:{port}"), "posix"])
                .arg(folder);
        })
    }

    /// Starts a program of `target/`, and waits until it has a bucket.
    fn start(
        program: &str,
        arguments: impl Fn(&mut std::process::Command, u16, &std::path::Path),
    ) -> Self {
        let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target")
            .join(program);
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = std::process::Command::new(&program);
        arguments(&mut command, port, folder.path());
        let child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}. See `make help`.", program.display()));
        let server = Self {
            child,
            port,
            _folder: folder,
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !server.has_bucket() {
            let in_time = std::time::Instant::now() < deadline;
            assert!(in_time, "the server has no bucket");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        server
    }

    /// moto makes one for whoever asks. Another says that we may not, once it answers.
    fn has_bucket(&self) -> bool {
        use std::io::{Read, Write};
        let ask = || -> std::io::Result<String> {
            let mut connection = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            write!(
                connection,
                "PUT /bucket HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                self.port
            )?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| {
            ["HTTP/1.1 200", "HTTP/1.1 403"]
                .iter()
                .any(|a| answer.starts_with(a))
        })
    }

    /// A part of it that nothing else uses.
    pub fn store(&self, prefix: &str) -> alcove_volume::Store {
        let url = format!(
            "s3://bucket/{prefix}?endpoint=http://127.0.0.1:{}&region=us-east-1",
            self.port
        );
        let environment = [
            ("AWS_ACCESS_KEY_ID", ACCESS),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
        alcove_volume::Store::open_with(&url, &environment.into()).unwrap()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
