//! Runs the system's tools.

use std::process::Stdio;

use tokio::io::AsyncWriteExt;

use crate::SpawnError;

/// Runs a tool with `input`; what it prints to its error stream becomes the error.
pub async fn run(program: &str, args: &[&str], input: &str) -> Result<(), SpawnError> {
    output(program, args, input).await.map(drop)
}

/// As [`run`]; gives what the tool prints.
pub async fn output(program: &str, args: &[&str], input: &str) -> Result<String, SpawnError> {
    let mut command = std::process::Command::new(program);
    command.args(args);
    finish(command, input).await
}

/// As [`output`], of a command that is made ready.
pub async fn finish(mut command: std::process::Command, input: &str) -> Result<String, SpawnError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|a| a.to_string_lossy()).collect();
    let line = format!("`{program} {}`", words.join(" "));
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => SpawnError::Unable(format!(
            "`{program}` is not installed: run `sudo apt install bubblewrap slirp4netns nftables iproute2 util-linux e2fsprogs`."
        )),
        _ => SpawnError::Io {
            what: line.clone(),
            source,
        },
    };
    // An ordinary user's PATH may lack the folders of these tools.
    command.env(
        "PATH",
        "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin",
    );
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ended early says why itself.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(SpawnError::Io {
        what: line,
        source: std::io::Error::other(said.trim().to_owned()),
    })
}
