//! `alcove stop`: one repl is saved and stopped, and stays so until somebody starts it.

use alcove_server::OperatorClient;

use crate::options::Stop;

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
