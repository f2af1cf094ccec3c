//! `alcove stop`: one repl is saved and stopped, and stays so until somebody starts it.

use std::path::PathBuf;

use alcove_server::OperatorClient;
use clap::Args;

#[derive(Debug, Args)]
pub struct Stop {
    /// The repl's id: it stands in its page's address, after /r/
    #[arg(value_name = "REPL")]
    pub repl: String,
    /// Why, in a line that its people read: “maintenance at noon”
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The server's data folder
    #[arg(
        long,
        env = "ALCOVE_DATA_DIR",
        value_name = "DIR",
        default_value = "data"
    )]
    pub data_dir: PathBuf,
}

pub fn main(options: &Stop) -> anyhow::Result<()> {
    let Stop {
        repl,
        reason,
        data_dir,
    } = options;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let server = OperatorClient::new(data_dir);
    runtime.block_on(server.stop(repl, reason.as_deref()))?;
    println!(
        "It is saved, and does not run any more. Its people read why, and can start it again."
    );
    Ok(())
}
