//! `alcove stop`: one repl is saved and stopped, and stays so until somebody starts it.

use clap::Args;

use crate::user::Server;

#[derive(Debug, Args)]
pub struct Stop {
    /// The repl's id: it stands in its page's address, after /r/
    #[arg(value_name = "REPL")]
    repl: String,
    /// Why, in a line that its people read: “maintenance at noon”
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    server: Server,
}

pub fn main(options: &Stop) -> anyhow::Result<()> {
    let Stop {
        repl,
        reason,
        server,
    } = options;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(server.client().stop(repl, reason.as_deref()))?;
    println!(
        "It is saved, and does not run any more. Its people read why, and can start it again."
    );
    Ok(())
}
