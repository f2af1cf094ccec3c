//! What these tests share: a server of the binary under test.

use alcove_protocol::session::ClientMessage;
use alcove_testkit::{Options, Server};

pub fn options() -> Options {
    Options::new(env!("CARGO_BIN_EXE_alcove"))
        .arg("--network", "none")
        .arg("--grace-period", "never")
        .arg("--stop-patience", "200ms")
}

#[allow(dead_code, reason = "each test file uses its own part of this")]
pub async fn server() -> Server {
    Server::start(options()).await.expect("a server")
}

#[allow(dead_code, reason = "each test file uses its own part of this")]
pub fn run_start(name: &str) -> ClientMessage {
    ClientMessage::RunStart {
        name: name.to_owned(),
        cols: 80,
        rows: 24,
    }
}

#[allow(dead_code, reason = "each test file uses its own part of this")]
pub fn run_stop(name: &str) -> ClientMessage {
    ClientMessage::RunStop {
        name: name.to_owned(),
    }
}

/// A repl becomes somebody else's, behind the server's back.
#[allow(dead_code, reason = "each test file uses its own part of this")]
pub fn give_to_eve(server: &Server, id: &str) {
    let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n\
        d.execute(\"insert into users (id, name, created_ms) values ('eve', 'eve', 0)\")\n\
        d.execute(\"update repls set owner_id = 'eve' where id = ?\", (sys.argv[2],))\nd.commit()";
    let given = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(server.data_dir.join("alcove.db"))
        .arg(id)
        .status()
        .expect("Python");
    assert!(given.success());
}

/// Another server opens the repl: whoever has it open here is replaced.
#[allow(dead_code, reason = "each test file uses its own part of this")]
pub fn open_elsewhere(server: &Server, id: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_alcove"))
        .args(["volume", "hydrate", "--repl", id])
        .arg("--store")
        .arg(server.data_dir.join("store"))
        .arg("--dir")
        .arg(folder.path())
        .output()
        .expect("alcove volume");
    assert!(output.status.success(), "{output:?}");
}

/// Whether `cargo test` asks for a test of this name, which has no harness.
#[allow(dead_code, reason = "each test file uses its own part of this")]
pub fn is_asked_for(name: &str) -> bool {
    let mut filters = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    filters.next().is_none_or(|filter| name.contains(&filter))
}

/// A number from the environment.
#[allow(dead_code, reason = "each test file uses its own part of this")]
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
