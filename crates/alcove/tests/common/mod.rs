//! What these tests share: a server of the binary under test.

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
