//! `alcove doctor`: what this machine can do, and the command that mends what is missing.

use alcove_spawner::doctor::{self, Check, State};

use crate::options::Serve;
use crate::serve::{roles, sandbox_config};

pub fn main(options: Box<Serve>) -> anyhow::Result<()> {
    roles(&options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let checks = runtime.block_on(async {
        let config = sandbox_config(&options, std::env::current_exe()?);
        let mut checks = doctor::check(&config).await;
        checks.push(store(&options).await);
        checks.push(names(&options).await);
        anyhow::Ok(checks)
    })?;
    for check in &checks {
        print!("{}", line(check));
    }
    let failed = checks.iter().filter(|c| c.state == State::Fail).count();
    if failed > 0 {
        anyhow::bail!(
            "{failed} of {} checks failed: repls can't be isolated here until they are mended",
            checks.len()
        );
    }
    println!("\nThis machine can run Alcove.");
    Ok(())
}

fn line(check: &Check) -> String {
    let sign = match check.state {
        State::Ok => "ok  ",
        State::Warn => "warn",
        State::Fail => "FAIL",
    };
    let mut text = format!("{sign}  {:<24} {}\n", check.name, check.detail);
    if let Some(remedy) = &check.remedy {
        for remedy in remedy.lines() {
            text.push_str(&format!("      → {remedy}\n"));
        }
    }
    text
}

async fn store(options: &Serve) -> Check {
    let address = options
        .store
        .clone()
        .unwrap_or_else(|| options.data_dir.join("store").display().to_string());
    let probed = match alcove_volume::Store::open(&address) {
        Ok(store) => store.probe().await,
        Err(error) => Err(error),
    };
    match probed {
        Ok(()) => Check {
            name: "object store".into(),
            state: State::Ok,
            detail: format!("{address}: creates only if absent"),
            remedy: None,
        },
        Err(error) => Check {
            name: "object store".into(),
            state: State::Fail,
            detail: error.to_string(),
            remedy: Some(format!(
                "give {}: --store URL. Credentials: docs/guides/storage.md",
                alcove_volume::FORMS
            )),
        },
    }
}

/// Browsers resolve every name below `localhost` themselves; others need DNS.
async fn names(options: &Serve) -> Check {
    let url = options
        .public_url
        .as_deref()
        .unwrap_or("http://alcove.localhost");
    let host = url.split_once("://").map_or(url, |(_, h)| h);
    let domain = options
        .preview_domain
        .as_deref()
        .unwrap_or_else(|| host.split(':').next().unwrap_or(host));
    let name = format!("3000--abcdefghijkl.{domain}");
    let check = |state, detail: String, remedy| Check {
        name: "preview names".into(),
        state,
        detail,
        remedy,
    };
    if domain == "localhost" || domain.ends_with(".localhost") {
        return check(
            State::Ok,
            format!("{name}: browsers resolve it by themselves (RFC 6761)"),
            None,
        );
    }
    let found = tokio::net::lookup_host((name.as_str(), 80))
        .await
        .map(|mut found| found.next());
    match found {
        Ok(Some(_)) => check(State::Ok, format!("{name} resolves"), None),
        _ => check(
            State::Warn,
            format!("{name} does not resolve: previews will not be seen"),
            Some(format!(
                "make a DNS record for *.{domain} that points to this server"
            )),
        ),
    }
}
