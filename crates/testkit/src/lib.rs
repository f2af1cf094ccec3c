//! What tests and measurements use: a real server on a free port, and clients of its protocols.
//! Everything waits for events with a deadline, never for time to pass.

pub mod document;
pub mod faults;
pub mod http;
pub mod leaks;
pub mod postgres;
pub mod server;
pub mod session;
pub mod writing;

use std::time::Duration;

pub use http::{Answer, Http};
pub use leaks::Traces;
pub use server::{Options, Server, kill_sandbox};
pub use session::Session;

/// How long a test waits for what must happen.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Tries until `check` gives something; panics with `what` after [`DEADLINE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let tries = async {
        loop {
            if let Some(value) = check().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, tries)
        .await
        .unwrap_or_else(|_| panic!("it did not come about: {what}"))
}
