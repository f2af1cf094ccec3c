//! A class: ten people make a repl of React each, and press Run; within a minute, and all at once. Beside one
//! person alone, in the same run.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use alcove_protocol::project::MAIN_RUN;
use alcove_protocol::session::{ClientMessage, RunState, RunnerMessage};
use alcove_testkit::{Http, Server, Session};
use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use futures_util::future::join_all;
use hyper::Method;
use tokio::time::{sleep, timeout};

use crate::machine::figure;
use crate::registry::Registry;
use crate::report::{Case, Report, Target};
use crate::{Options, block_on};

const SECTION: &str = "class";
const TEMPLATE: &str = "react";
/// Where its program listens.
const PORT: u16 = 5173;
const PEOPLE: usize = 10;
/// From one person to the next, where they come within a minute.
const APART: Duration = Duration::from_secs(6);
/// Those who come one after another, alone.
const ALONE: usize = 3;
/// How long the template's packages may take, and one person's repl.
const PREPARED: Duration = Duration::from_secs(15 * 60);
const LIVE: Duration = Duration::from_secs(180);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// The server looks at what repls use every two seconds while somebody is there.
const METERED: Duration = Duration::from_secs(5);
/// Files of one page.
const MAX_MODULES: usize = 200;

/// Someone with a live preview.
struct Person {
    repl: String,
    _page: Session,
    /// Seconds from Create, and from Run.
    live: f64,
    after_run: f64,
}

/// A server whose React is prepared, and which prepares nothing more.
async fn prepared(options: &Options, registry: &Registry, data: &Path) -> anyhow::Result<Server> {
    let given = options
        .server()
        .arg("--grace-period", "never")
        .arg("--allow", &registry.address.to_string())
        .env("NPM_CONFIG_REGISTRY", registry.url());
    let server = Server::start_over(given.clone().arg("--prepare-templates", "true"), data).await?;
    // It is prepared before all others once somebody has made a repl of it.
    delete(&server, &server.create(TEMPLATE).await?).await?;
    let ready = async {
        loop {
            let list = server.http().get("/api/templates").await?.json();
            let mut templates = list.as_array().context("templates")?.iter();
            let setup = templates
                .find(|t| t["name"] == TEMPLATE)
                .map(|t| &t["setup"]);
            let setup = setup.context(TEMPLATE)?;
            match setup["state"].as_str() {
                Some("ready") => return Ok(()),
                Some("failed") => bail!("{TEMPLATE} can't be prepared: {}", setup["message"]),
                _ => sleep(LOOK).await,
            }
        }
    };
    timeout(PREPARED, ready).await.context("not prepared")??;
    server.stop().await?;
    Server::start_over(given, data).await
}

async fn delete(server: &Server, repl: &str) -> anyhow::Result<()> {
    let path = format!("/api/repls/{repl}");
    let http = server.http();
    let answer = http.send(Method::DELETE, &path, Bytes::new()).await?;
    ensure!(answer.status < 300, "{path}: {}", answer.text());
    Ok(())
}

/// Creates, opens, presses Run, and looks at the preview until it is all there.
async fn person(server: &Server, wait: Duration) -> anyhow::Result<Person> {
    sleep(wait).await;
    let began = Instant::now();
    let repl = server.create(TEMPLATE).await?;
    let mut page = server.session(&repl).await?;
    let run = Instant::now();
    let start = ClientMessage::RunStart {
        name: MAIN_RUN.to_owned(),
        cols: 80,
        rows: 24,
    };
    match page.ask(start).await? {
        RunnerMessage::Done => {}
        other => bail!("Run: {other:?}"),
    }
    tokio::select! {
        live = timeout(LIVE, live(server, &repl)) => live.context("the preview is not live")??,
        error = ended(&mut page) => return Err(error),
    }
    Ok(Person {
        live: began.elapsed().as_secs_f64(),
        after_run: run.elapsed().as_secs_f64(),
        repl,
        _page: page,
    })
}

/// Until the program or the session has ended, which it should not.
async fn ended(page: &mut Session) -> anyhow::Error {
    loop {
        match page.take().await {
            Ok(Some(frame)) => match frame.message {
                RunnerMessage::RunState {
                    run: RunState::Exited { exit_code, .. },
                    ..
                } => return anyhow::anyhow!("the program ended with {exit_code}"),
                _ => continue,
            },
            Ok(None) => {}
            Err(error) => return error,
        }
    }
}

/// Until the preview's page is there, with all that it loads to show the app.
async fn live(server: &Server, repl: &str) -> anyhow::Result<()> {
    let cookie = server.preview_cookie(repl, PORT).await?;
    let host = server.preview_host(PORT, repl);
    let browser = Http::new(server.address, &host).header("cookie", &cookie);
    while !loads(&browser).await? {
        sleep(LOOK).await;
    }
    Ok(())
}

/// Loads the page as a browser does; `false` where anything of it is missing.
async fn loads(browser: &Http) -> anyhow::Result<bool> {
    let page = browser.get("/").await?;
    if page.status != 200 || !page.text().contains("id=\"root\"") {
        return Ok(false);
    }
    let mut next = imports(&page.text());
    let mut seen: BTreeSet<String> = next.iter().cloned().collect();
    while let Some(path) = next.pop() {
        let module = browser.get(&path).await?;
        if module.status != 200 {
            return Ok(false);
        }
        for path in imports(&module.text()) {
            if seen.insert(path.clone()) {
                next.push(path);
            }
        }
        ensure!(seen.len() <= MAX_MODULES, "there is no end of modules");
    }
    ensure!(
        seen.iter().any(|path| path.starts_with("/src/")),
        "the page does not load the app"
    );
    Ok(true)
}

/// Addresses on this origin that a page or a module of Vite's loads at once. Ours are not the program's.
fn imports(text: &str) -> Vec<String> {
    let after = ["src=\"", "from \"", "import \""];
    let found = after.iter().flat_map(|before| {
        let parts = text.split(before).skip(1);
        parts.filter_map(|rest| rest.split('"').next())
    });
    found
        .filter(|path| path.starts_with('/') && !path.starts_with("/.alcove/"))
        .map(str::to_owned)
        .collect()
}

/// Programs of these repls that were ended since a memory was full.
async fn killed(server: &Server, people: &[Person]) -> anyhow::Result<Vec<f64>> {
    sleep(METERED).await;
    let text = server.http().get("/metrics").await?.text();
    let of = |person: &Person| {
        let name = format!("alcove_repl_killed{{repl=\"{}\"}}", person.repl);
        figure(&text, &name).with_context(|| format!("{name} is not counted"))
    };
    people.iter().map(of).collect()
}

/// Some people, each after another's wait; those who got nothing are in words.
async fn people(
    server: &Server,
    waits: impl Iterator<Item = Duration>,
) -> (Vec<Person>, Vec<String>) {
    let (mut here, mut failed) = (Vec::new(), Vec::new());
    for came in join_all(waits.map(|wait| person(server, wait))).await {
        match came {
            Ok(person) => here.push(person),
            Err(error) => failed.push(format!("{error:#}")),
        }
    }
    (here, failed)
}

pub fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let dir = tempfile::Builder::new().prefix("alcove-class-").tempdir()?;
        let registry = Registry::start().await?;
        let server = prepared(options, &registry, &dir.path().join("data")).await?;

        let mut alone = Vec::new();
        for _ in 0..ALONE {
            let one = person(&server, Duration::ZERO).await?;
            delete(&server, &one.repl).await?;
            alone.push((one.live, one.after_run));
        }
        let (live, after_run): (Vec<f64>, Vec<f64>) = alone.into_iter().unzip();
        report.add(&of("one alone", "live", "s", &live), None, None)?;
        let soon = Some(Target::AtMost(3.0));
        report.add(&of("one alone", "after Run", "s", &after_run), None, soon)?;

        let classes = [
            ("ten within a minute", APART),
            ("ten at once", Duration::ZERO),
        ];
        for (case, apart) in classes {
            let waits = (0..PEOPLE as u32).map(|n| apart * n);
            let (here, failed) = people(&server, waits).await;
            for why in &failed {
                report.say(SECTION, &format!("{case}: {why}"))?;
            }
            let none = Some(Target::EachAtMost(0.0));
            let lost = [failed.len() as f64];
            report.add(&of(case, "without preview", "", &lost), None, none)?;
            let seconds = |part: fn(&Person) -> f64| here.iter().map(part).collect::<Vec<_>>();
            for (metric, samples, by_one) in [
                ("live", seconds(|p| p.live), &live),
                ("after Run", seconds(|p| p.after_run), &after_run),
            ] {
                let beside = Some(("one alone", &by_one[..]));
                report.add(&of(case, metric, "s", &samples), beside, None)?;
            }
            let killed = killed(&server, &here).await?;
            report.add(&of(case, "killed", "", &killed), None, none)?;
            for person in here {
                delete(&server, &person.repl).await?;
            }
        }
        let downloads = registry.downloads();
        let downloads: Vec<f64> = downloads.values().map(|n| *n as f64).collect();
        let once = Some(Target::EachAtMost(1.0));
        let case = of("all of them", "downloads", "", &downloads);
        report.add(&case, None, once)?;
        server.stop().await?;
        Ok(())
    })
}

fn of<'a>(case: &'a str, metric: &'a str, unit: &'a str, samples: &'a [f64]) -> Case<'a> {
    Case {
        section: SECTION,
        case,
        subject: "alcove",
        metric,
        unit,
        samples,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_page_loads_is_found() {
        let page = "<script type=\"module\">import { a } from \"/@react-refresh\";</script>\n\
            <script type=\"module\" src=\"/src/main.tsx\"></script><script src=\"/.alcove/page.js\">\
            </script><img src=\"https://example.org/\">import \"/src/index.css\"";
        assert_eq!(
            super::imports(page),
            ["/src/main.tsx", "/@react-refresh", "/src/index.css"]
        );
    }
}
