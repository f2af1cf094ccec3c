//! From the click on Create to a shell's prompt: what the server does of it, cold.

use std::path::PathBuf;
use std::time::Instant;

use alcove_testkit::{Options, Server};

use crate::block_on;
use crate::report::{Case, Report, Target};

const REPLS: usize = 40;

pub fn run(alcove: &PathBuf, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let server = Server::start(Options::new(alcove)).await?;
        let (mut created, mut prompts, mut stops) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..REPLS + 2 {
            let began = Instant::now();
            let repl = server.create("node").await?;
            let create = began.elapsed();
            let mut session = server.session(&repl).await?;
            let terminal = session.shell().await?;
            session.until_output(terminal, "$ ").await?;
            let prompt = began.elapsed();
            let began = Instant::now();
            server
                .http()
                .post(&format!("/api/repls/{repl}/stop"), serde_json::json!({}))
                .await?;
            // The first two warm up the page cache.
            if i >= 2 {
                created.push(create.as_secs_f64() * 1000.0);
                prompts.push(prompt.as_secs_f64() * 1000.0);
                stops.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
        let case = |metric, samples| Case {
            section: "create",
            case: "node, cold",
            subject: "alcove",
            metric,
            unit: "ms",
            samples,
        };
        report.add(&case("created", &created), None, None)?;
        report.add(&case("prompt", &prompts), None, Some(Target::AtMost(200.0)))?;
        report.add(&case("stopped", &stops), None, None)?;
        server.stop().await?;
        Ok(())
    })
}
