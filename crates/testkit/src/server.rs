//! The real program, over a data folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::http::{Answer, Http};
use crate::session::Session;
use crate::{DEADLINE, Traces, eventually};

/// How to start a server.
#[derive(Clone)]
pub struct Options {
    /// The binary.
    pub alcove: PathBuf,
    /// Further arguments of `alcove serve`.
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Ctrl-C in a terminal does not reach it: whoever started it ends it.
    pub is_apart: bool,
    /// How long it may take to save and stop everything.
    pub patience: Duration,
}

impl Options {
    pub fn new(alcove: impl Into<PathBuf>) -> Self {
        Self {
            alcove: alcove.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            is_apart: false,
            patience: DEADLINE,
        }
    }

    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A server that runs. Dropped, it is told to stop everything, so that no sandbox outlives a test: those of
/// a server that is killed go on. Where repls still run then, it is looked whether anything of them is left on
/// this machine once all is said to be saved and stopped: a test fails that has left something.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    pub token: String,
    data: Option<TempDir>,
    pub data_dir: PathBuf,
    options: Options,
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let traces = Traces::of_folder(&self.data_dir).ok();
        // SAFETY: kill(2) takes two numbers; the child has not been waited for, so the pid is its own.
        unsafe { libc::kill(self.pid() as i32, libc::SIGINT) };
        let began = Instant::now();
        while began.elapsed() < self.options.patience && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let has_ended_well = matches!(self.child.try_wait(), Ok(Some(status)) if status.success());
        if let Some(traces) = traces.filter(|_| has_ended_well && !std::thread::panicking()) {
            traces.none_left();
        }
    }
}

/// Ends the first process of a repl's sandbox, and so all of them; `data_dir` is its server's.
pub fn kill_sandbox(data_dir: &Path, repl: &str) -> anyhow::Result<()> {
    let record = data_dir.join(format!("sandboxes/sandboxes/{repl}.json"));
    let record: Value = serde_json::from_slice(&std::fs::read(record)?)?;
    let pid = record["first"]["pid"].as_i64().context("a pid")?;
    // SAFETY: kill(2) takes two numbers; the pid is that of a sandbox of a test's own server.
    unsafe { libc::kill(i32::try_from(pid)?, libc::SIGKILL) };
    Ok(())
}

impl Server {
    /// Starts a server with an empty data folder, that does not prepare templates.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("alcove-test-").tempdir()?;
        let data_dir = data.path().join("data");
        let mut server = Self::start_over(options, &data_dir).await?;
        server.data = Some(data);
        Ok(server)
    }

    /// Starts a server over a data folder.
    pub async fn start_over(options: Options, data_dir: &Path) -> anyhow::Result<Self> {
        let token = "test-token".to_owned();
        let mut command = Command::new(&options.alcove);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env("ALCOVE_TOKEN", &token)
            .env("ALCOVE_PREPARE_TEMPLATES", "false")
            // Whatever else this machine does.
            .env("ALCOVE_SPARE_MEMORY", "0")
            .env("ALCOVE_TOTAL_MEMORY", "1024TiB")
            // What a test looks at is its own.
            .env("ALCOVE_WARM", "0")
            .env(
                "ALCOVE_LOG",
                std::env::var("ALCOVE_LOG").unwrap_or_else(|_| "warn".into()),
            )
            .args(&options.arguments)
            .envs(options.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if options.is_apart {
            command.process_group(0);
        }
        let mut child = command
            .spawn()
            .with_context(|| format!("{}", options.alcove.display()))?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        let address = tokio::time::timeout(DEADLINE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, rest)) = line.split_once("http://alcove.localhost:") {
                    let port = rest.split('/').next().unwrap_or_default();
                    return Ok(format!("127.0.0.1:{port}").parse()?);
                }
            }
            bail!("the server ended before it was ready")
        })
        .await
        .context("the server did not get ready")??;
        // What it prints later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            child,
            address,
            token,
            data: None,
            data_dir: data_dir.to_owned(),
            options,
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Sends it a signal; its exit code.
    pub async fn end(&mut self, signal: i32) -> anyhow::Result<Option<i32>> {
        // SAFETY: kill(2) takes two numbers; the child has not been waited for, so the pid is its own.
        unsafe { libc::kill(self.pid() as i32, signal) };
        let status = tokio::time::timeout(self.options.patience, self.child.wait())
            .await
            .context("the server did not end")??;
        Ok(status.code())
    }

    /// SIGINT; an error unless it has saved and stopped everything.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        match self.end(libc::SIGINT).await? {
            Some(0) => Ok(()),
            code => bail!("the server ended with {code:?}"),
        }
    }

    /// Another server over the same folder, after this one has ended.
    pub async fn again(mut self) -> anyhow::Result<Self> {
        let data = self.data.take();
        let options = self.options.clone();
        let mut server = Self::start_over(options, &self.data_dir.clone()).await?;
        server.data = data;
        Ok(server)
    }

    /// A client of the API, with the token.
    pub fn http(&self) -> Http {
        Http::new(self.address, &self.address.to_string()).bearer(&self.token)
    }

    /// `Host` of the editor.
    pub fn host(&self) -> String {
        format!("alcove.localhost:{}", self.address.port())
    }

    /// `Host` of a preview.
    pub fn preview_host(&self, port: u16, repl: &str) -> String {
        format!("{port}--{repl}.alcove.localhost:{}", self.address.port())
    }

    /// Makes a repl; its id.
    pub async fn create(&self, template: &str) -> anyhow::Result<String> {
        let answer = self
            .http()
            .post("/api/repls", json!({ "template": template }))
            .await?;
        match (answer.status, answer.json()["id"].as_str()) {
            (201, Some(id)) => Ok(id.to_owned()),
            (status, _) => bail!("{status}: {}", answer.text()),
        }
    }

    /// Saves and stops a repl; an error with the answer unless that is 200.
    pub async fn stop_repl(&self, repl: &str) -> anyhow::Result<()> {
        let path = format!("/api/repls/{repl}/stop");
        let answer = self.http().post(&path, json!({})).await?;
        match answer.status {
            200 => Ok(()),
            status => bail!("{repl}: {status}: {}", answer.text()),
        }
    }

    /// Connects to a repl, which is started if need be.
    pub async fn session(&self, repl: &str) -> anyhow::Result<Session> {
        Session::connect(self.address, &self.token, repl).await
    }

    pub async fn state(&self, repl: &str) -> anyhow::Result<Value> {
        let answer = self.http().get(&format!("/api/repls/{repl}")).await?;
        Ok(answer.json()["state"].clone())
    }

    /// Waits until a repl is in a phase.
    pub async fn until(&self, repl: &str, phase: &str) {
        eventually(&format!("{repl} is {phase}"), || async {
            (self.state(repl).await.ok()?["phase"] == phase).then_some(())
        })
        .await;
    }

    /// Signs a browser in by the printed address; its cookie.
    pub async fn sign_in(&self) -> anyhow::Result<String> {
        let answer = Http::new(self.address, &self.host())
            .get(&format!("/sign-in?token={}", self.token))
            .await?;
        if (answer.status, answer.header("location")) != (303, Some("/")) {
            bail!("{}: {}", answer.status, answer.text());
        }
        cookie_of(&answer)
    }

    /// A signed-in browser's page of the editor.
    pub fn page(&self, cookie: &str) -> Http {
        let host = self.host();
        Http::new(self.address, &host)
            .header("cookie", cookie)
            .header("origin", &format!("http://{host}"))
    }

    /// A cookie of a preview, by way of a ticket for the token's holder.
    pub async fn preview_cookie(&self, repl: &str, port: u16) -> anyhow::Result<String> {
        self.preview_cookie_of(&self.http(), repl, port).await
    }

    /// A cookie of a preview, by way of a ticket for whoever `editor` is signed in as.
    pub async fn preview_cookie_of(
        &self,
        editor: &Http,
        repl: &str,
        port: u16,
    ) -> anyhow::Result<String> {
        let answer = editor
            .post(
                &format!("/api/repls/{repl}/preview"),
                json!({ "port": port }),
            )
            .await?;
        let url = answer.json()["url"]
            .as_str()
            .context("a ticket's address")?
            .to_owned();
        let host = self.preview_host(port, repl);
        let path = url
            .split_once(&self.address.port().to_string())
            .context("its path")?
            .1
            .to_owned();
        let answer = Http::new(self.address, &host).get(&path).await?;
        cookie_of(&answer)
    }
}

/// Name and value of the cookie that an answer sets.
fn cookie_of(answer: &Answer) -> anyhow::Result<String> {
    let cookie = answer.header("set-cookie").context("a cookie")?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}
