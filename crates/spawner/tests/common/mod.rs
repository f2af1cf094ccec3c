//! What all tests of spawners share: a stand-in runner that answers questions, and folders that go
//! when a test ends.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alcove_spawner::process::ProcessSpawner;
use alcove_spawner::sandbox::{SandboxConfig, SandboxSpawner};
use alcove_spawner::{Limits, Network, Sandbox, SandboxSpec, Spawner};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

pub const DEADLINE: Duration = Duration::from_secs(60);

/// A machine's part in a test: its folders, and the stand-in for the runner.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // As a data folder below a home of mode 0700.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700))
            .expect("permissions");
        let probe = folder.path().join("alcove");
        std::fs::write(&probe, include_str!("../probe.py")).expect("the probe is written");
        std::fs::set_permissions(&probe, PermissionsExt::from_mode(0o755)).expect("permissions");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> SandboxConfig {
        SandboxConfig::new(self.path("alcove"), self.path("state"))
    }

    pub async fn sandboxes(&self) -> Arc<SandboxSpawner> {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests need root: run them with sudo"
        );
        self.any_sandboxes().await
    }

    /// As root or not.
    pub async fn any_sandboxes(&self) -> Arc<SandboxSpawner> {
        Arc::new(
            SandboxSpawner::new(self.config())
                .await
                .expect("this machine can isolate"),
        )
    }

    pub async fn processes(&self) -> Arc<ProcessSpawner> {
        Arc::new(
            ProcessSpawner::new(self.path("alcove"), self.path("state"))
                .await
                .expect("a spawner"),
        )
    }

    /// Folders of a repl, owned as they should be.
    pub async fn spec(&self, spawner: &dyn Spawner, id: &str, network: Network) -> SandboxSpec {
        let owner = spawner.owner(id).await.expect("an owner");
        let [workspace, home] = ["workspace", "home"].map(|name| {
            let folder = self.path(&format!("{id}-{name}"));
            std::fs::create_dir_all(&folder).expect("a folder");
            chown(&folder, Some(owner.uid), Some(owner.gid)).expect("its owner");
            folder
        });
        SandboxSpec {
            id: id.into(),
            workspace,
            home,
            env: Vec::new(),
            limits: Limits::default(),
            network,
        }
    }

    pub async fn start(&self, spawner: &dyn Spawner, id: &str, network: Network) -> Sandbox {
        let spec = self.spec(spawner, id, network).await;
        spawner.start(&spec).await.expect("starts")
    }
}

impl Drop for Place {
    /// A test that failed leaves sandboxes: a later spawner finds and ends them.
    fn drop(&mut self) {
        if !self.path("state/router.json").exists() {
            return;
        }
        let config = self.config();
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let spawner = SandboxSpawner::new(config).await.expect("a spawner");
                for sandbox in spawner.list().await.expect("lists") {
                    spawner.stop(&sandbox.id).await.expect("stops");
                    spawner.release(&sandbox.id).await.expect("releases");
                }
                spawner.shutdown().await;
            });
        });
        let _ = cleaning.join();
    }
}

/// Asks the stand-in runner.
pub async fn ask(socket: &Path, question: Value) -> Value {
    let asked = async {
        let mut stream = UnixStream::connect(socket)
            .await
            .expect("the runner's socket takes connections");
        stream
            .write_all(format!("{question}\n").as_bytes())
            .await
            .expect("it reads");
        let mut line = String::new();
        BufReader::new(stream)
            .read_line(&mut line)
            .await
            .expect("it answers");
        serde_json::from_str(&line).unwrap_or(Value::Null)
    };
    tokio::time::timeout(DEADLINE, asked)
        .await
        .expect("an answer in time")
}

/// Runs a shell command as a program of the repl: exit code and output.
pub async fn sh(sandbox: &Sandbox, command: &str) -> (i64, String) {
    let answer = ask(&sandbox.socket, json!({ "sh": command })).await;
    (
        answer["code"].as_i64().expect("a code"),
        answer["text"].as_str().expect("text").to_owned(),
    )
}

/// Runs a Python program inside.
pub async fn python(sandbox: &Sandbox, program: &str) -> (i64, String) {
    assert!(!program.contains('\''), "it is quoted with these");
    sh(sandbox, &format!("python3 -c '{program}'")).await
}

/// Whether a program inside can connect; the address is this machine's, or of its namespaces.
pub async fn reaches(sandbox: &Sandbox, address: &str, port: u16) -> bool {
    let program = format!(
        "import socket\ntry:\n  socket.create_connection((\"{address}\", {port}), 3)\n  print(\"open\")\n\
         except OSError as error:\n  print(error)"
    );
    python(sandbox, &program).await.1.trim() == "open"
}

/// Runs a tool on the host; what it prints.
pub fn host(program: &str, args: &[&str]) -> String {
    let output = std::process::Command::new(program)
        .args(args)
        .output()
        .expect("the tool runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a process is no more. Whoever started it, this one perhaps, has to take note of its end first.
pub async fn gone(pid: u32) {
    let process = format!("/proc/{pid}");
    let gone = async {
        while std::path::Path::new(&process).exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, gone).await;
    waited.expect("the process is gone");
}
