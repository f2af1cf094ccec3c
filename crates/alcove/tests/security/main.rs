//! What hostile code tries, from inside a real repl of a real server; each attempt must fail there, and a
//! control shows that it could have succeeded. `make test-security` runs it alone; the last line is
//! `N attempts, M escaped, L without control`.
//!
//! The list in docs/reference/security.md is written from here: `UPDATE_ATTEMPTS=1` does so (`make
//! attempts`).

mod attempt;
mod confined;
mod host;
mod kernel;
mod limits;
mod network;
mod noisy;
mod preview;
mod registries;
mod report;
mod runner;
mod scene;
mod shared;

use std::process::ExitCode;
use std::time::Instant;

use alcove_testkit::Server;
use attempt::{Row, Verdict};
use rustix::process::Resource;
use scene::Scene;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match runtime.block_on(all()) {
        Ok(groups) => report::print_and_compare(&groups),
        Err(error) => {
            eprintln!("the attempts could not be made: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Everything, in groups with a heading each.
async fn all() -> anyhow::Result<Vec<(&'static str, Vec<Row>)>> {
    more_open_files();
    anyhow::ensure!(
        rustix::process::geteuid().is_root(),
        "controls need root: run this with sudo"
    );
    let scene = Scene::set(&[
        host::ATTEMPTS,
        kernel::ATTEMPTS,
        runner::ATTEMPTS,
        network::ATTEMPTS,
        network::FLOODS,
        network::RATES,
        network::WITHOUT,
        registries::ATTEMPTS,
        limits::ATTEMPTS,
    ])
    .await?;
    let mut groups = Vec::new();
    for (name, attempts) in [
        ("The host, the server and other repls", host::ATTEMPTS),
        ("The kernel", kernel::ATTEMPTS),
        ("The runner", runner::ATTEMPTS),
        ("The network", network::ATTEMPTS),
    ] {
        let began = Instant::now();
        groups.push((name, scene.attempt(attempts).await?));
        eprintln!("{name}: {:.1} s", began.elapsed().as_secs_f32());
    }

    let floods = scene.attempt_allowed(network::FLOODS).await?;
    groups[3].1.extend(floods);
    let (allowing, rates) = (&scene.allowing, network::RATES);
    let fast = scene::repl(allowing, &[rates]).await?;
    let rates = scene.attempt_in(allowing, &fast, rates).await?;
    groups[3].1.extend(rates);

    groups[3].1.extend(scene.attempt_registries().await?);

    // A repl with little, and without network.
    let little = scene::options()
        .arg("--network", "none")
        .arg("--memory", limits::MEMORY)
        .arg("--processes", limits::PROCESSES)
        .arg("--disk", limits::DISK);
    let small = Server::start(little).await?;
    let repl = scene::repl(&small, &[network::WITHOUT, limits::ATTEMPTS]).await?;
    let without = scene.attempt_in(&small, &repl, network::WITHOUT).await?;
    groups[3].1.extend(without);
    let mut limited = scene.attempt_in(&small, &repl, limits::ATTEMPTS).await?;
    limited.extend(shared::attempts(&scene).await?);
    limited.extend(noisy::attempts(&scene).await?);
    groups.push(("What all share", limited));
    scene::leave_nothing(small).await?;

    groups.push(("The innermost wall", confined::attempts().await?));
    groups.push(("The editor's origin", preview::attempts(&scene).await?));

    // The same, where the server is an ordinary user's.
    let tried = [host::ATTEMPTS, kernel::ATTEMPTS, runner::ATTEMPTS];
    let mut said = scene.as_ordinary_user(&tried).await?;
    let tried = |name: &str| tried.into_iter().flatten().any(|a| a.name == name);
    let rows = groups.iter_mut().flat_map(|(_, rows)| rows);
    for row in rows.filter(|row| tried(row.name)) {
        let nothing = || Verdict::Broken("it said nothing".into());
        row.as_user = Some(said.remove(row.name).unwrap_or_else(nothing));
    }
    scene.end().await?;
    Ok(groups)
}

/// Attempts to flood are made by thousands of connections, some of which are ours.
fn more_open_files() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let raised = rustix::process::setrlimit(Resource::Nofile, limit);
    raised.expect("a limit can be raised to its maximum");
}
