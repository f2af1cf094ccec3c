//! Runs one shell command in a sandbox with network, `n` times, and says how long each start and
//! stop took. `cargo run --example shell -- 20 'npm view is-number version'`
use std::time::Instant;

use alcove_spawner::sandbox::{SandboxConfig, SandboxSpawner};
use alcove_spawner::{Limits, Network, SandboxSpec, Spawner};

const RUNNER: &str = "#!/bin/sh\ncd /workspace; echo began; exec sh -c \"$TRIAL\"\n";

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let count: u32 = args.next().unwrap_or("1".into()).parse()?;
    let command = args.next().unwrap_or("true".into());
    let folder = tempfile::tempdir()?;
    let alcove = folder.path().join("alcove");
    std::fs::write(&alcove, RUNNER)?;
    std::fs::set_permissions(&alcove, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let state = folder.path().join("state");
    let spawner = SandboxSpawner::new(SandboxConfig::new(alcove, &state)).await?;
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let owner = spawner.owner("trial").await?;
        let [workspace, home] = ["workspace", "home"].map(|name| folder.path().join(name));
        for path in [&workspace, &home] {
            std::fs::create_dir_all(path)?;
            std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid))?;
        }
        let env = vec![("TRIAL".to_owned(), command.clone())];
        let (limits, network) = (Limits::default(), Network::Internet);
        let spec = SandboxSpec {
            id: "trial".into(),
            workspace,
            home,
            env,
            limits,
            network,
        };
        let began = Instant::now();
        spawner.start(&spec).await?;
        starts.push(began.elapsed());
        let exit = spawner.wait("trial").await;
        if count == 1 {
            println!(
                "{exit:?}\n{}",
                std::fs::read_to_string(state.join("sandboxes/trial.log"))?
            );
        }
        let began = Instant::now();
        spawner.stop("trial").await?;
        stops.push(began.elapsed());
    }
    starts.sort();
    stops.sort();
    println!(
        "start {:?}, stop {:?} (median of {count})",
        starts[starts.len() / 2],
        stops[stops.len() / 2]
    );
    spawner.release("trial").await?;
    spawner.shutdown().await;
    Ok(())
}
