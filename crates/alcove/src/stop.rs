//! `alcove stop`: one repl is saved and stopped, and stays so until somebody starts it.

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
    runtime.block_on(alcove_server::ask_to_stop(
        data_dir,
        repl,
        reason.as_deref(),
    ))?;
    println!(
        "It is saved, and does not run any more. Its people read why, and can start it again."
    );
    Ok(())
}
