//! Each step of a repl's life fails once: before it does anything, or after it, so that nobody hears of it.
//! Whoever tries again succeeds then, nothing is lost, and nothing is left on the machine.
//!
//! A server in this process, whose spawner and store fail when they are told to. Steps of the store within a
//! checkpoint are those of `crates/volume/tests/volume/model.rs`.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alcove_protocol::api::Phase;
use alcove_server::config::{
    Config, Lifetimes, Networks, Patience, Policy, Quotas, Registries, Roles, Room, Sizes,
};
use alcove_server::{App, Farewell};
use alcove_spawner::doctor::Check;
use alcove_spawner::languages::Languages;
use alcove_spawner::sandbox::{SandboxConfig, SandboxSpawner};
use alcove_spawner::{
    Exit, Holds, Limits, Network, Owner, Sandbox, SandboxSpec, SpawnError, Spawner, Usage,
};
use alcove_testkit::faults::{Due, Fault, FaultyStore};
use alcove_testkit::{DEADLINE, Http, Session, Traces, eventually};
use alcove_volume::{Size, Store};
use anyhow::{bail, ensure};
use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const TOKEN: &str = "test-token";

/// A spawner of sandboxes that fails when it is told to.
struct FaultySpawner {
    inner: SandboxSpawner,
    due: Arc<Due>,
}

impl FaultySpawner {
    async fn step<T>(
        &self,
        work: impl Future<Output = Result<T, SpawnError>>,
    ) -> Result<T, SpawnError> {
        match self.due.step() {
            None => return work.await,
            Some(Fault::After) => drop(work.await?),
            Some(Fault::Before) => {}
        }
        Err(SpawnError::Unable("it was told to fail".into()))
    }
}

#[async_trait]
impl Spawner for FaultySpawner {
    async fn owner(&self, id: &str) -> Result<Owner, SpawnError> {
        self.step(self.inner.owner(id)).await
    }

    async fn attach(
        &self,
        id: &str,
        folder: &Path,
        disk: Option<u64>,
        holds: Holds,
    ) -> Result<(), SpawnError> {
        self.step(self.inner.attach(id, folder, disk, holds)).await
    }

    async fn detach(&self, id: &str, folder: &Path) -> Result<(), SpawnError> {
        self.step(self.inner.detach(id, folder)).await
    }

    async fn set_aside(&self, id: &str, folder: &Path, place: &Path) -> Result<bool, SpawnError> {
        self.step(self.inner.set_aside(id, folder, place)).await
    }

    fn has_disk(&self, id: &str) -> bool {
        self.inner.has_disk(id)
    }

    async fn start(&self, spec: &SandboxSpec) -> Result<Sandbox, SpawnError> {
        self.step(self.inner.start(spec)).await
    }

    async fn wait(&self, id: &str) -> Exit {
        self.inner.wait(id).await
    }

    async fn stop(&self, id: &str) -> Result<(), SpawnError> {
        self.step(self.inner.stop(id)).await
    }

    async fn release(&self, id: &str) -> Result<(), SpawnError> {
        self.step(self.inner.release(id)).await
    }

    async fn owners(&self) -> Result<Vec<String>, SpawnError> {
        self.inner.owners().await
    }

    async fn list(&self) -> Result<Vec<Sandbox>, SpawnError> {
        self.inner.list().await
    }

    async fn usage(&self, id: &str) -> Option<Usage> {
        self.inner.usage(id).await
    }

    fn crowded(&self, several: bool) {
        self.inner.crowded(several);
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }

    async fn checks(&self) -> Vec<Check> {
        self.inner.checks().await
    }

    fn isolates(&self) -> bool {
        self.inner.isolates()
    }

    fn languages(&self) -> &Languages {
        self.inner.languages()
    }
}

struct Server {
    app: Arc<App>,
    serving: JoinHandle<anyhow::Result<()>>,
    address: SocketAddr,
    data: tempfile::TempDir,
    spawner: Arc<Due>,
    store: Arc<FaultyStore>,
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        Self::with_warm(0).await
    }

    /// With so many sandboxes that are ready.
    async fn with_warm(warm: usize) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new()
            .prefix("alcove-faults-")
            .tempdir()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let due = Arc::new(Due::default());
        let sandboxes = SandboxConfig {
            disk: Some(1 << 30),
            ..SandboxConfig::new(env!("CARGO_BIN_EXE_alcove"), data.path().join("sandboxes"))
        };
        let spawner = FaultySpawner {
            inner: SandboxSpawner::new(sandboxes).await?,
            due: due.clone(),
        };
        let store = FaultyStore::new();
        let config = Config {
            warm,
            ..config(address, data.path())
        };
        let over = Store::over(store.clone());
        let app = App::over(config, over, Arc::new(spawner), |_| None).await?;
        Ok(Self {
            serving: tokio::spawn(app.clone().serve(listener)),
            app,
            address,
            data,
            spawner: due,
            store,
        })
    }

    fn http(&self) -> Http {
        Http::new(self.address, &self.address.to_string()).bearer(TOKEN)
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let answer = self.http().post(path, body).await?;
        ensure!(
            answer.status < 300,
            "{path}: {}: {}",
            answer.status,
            answer.text()
        );
        Ok(answer.json())
    }

    async fn command(&self, repl: &str, command: &str) -> anyhow::Result<String> {
        let mut page = Session::connect(self.address, TOKEN, repl).await?;
        let (said, code) = page.command(command).await?;
        ensure!(code == 0, "{command}: {said}");
        Ok(said)
    }

    /// All of a life, each part of it until it succeeds.
    async fn live(&self) {
        let body = json!({ "template": "blank", "name": "faults" });
        let made = self
            .until("made", || self.post("/api/repls", body.clone()))
            .await;
        let id = made["id"].as_str().unwrap();
        let (stop, save) = (
            format!("/api/repls/{id}/stop"),
            format!("/api/repls/{id}/save"),
        );
        let write = "echo kept > kept.txt; echo home > ~/kept.txt";
        self.until("written", || self.command(id, write)).await;
        self.until("saved", || self.post(&save, json!({}))).await;
        self.until("changed", || self.command(id, "echo more >> kept.txt"))
            .await;
        self.until("stopped", || self.post(&stop, json!({}))).await;
        self.rests(id).await;
        let read = "cat ~/kept.txt kept.txt";
        let there = self.until("there again", || self.command(id, read)).await;
        assert!(there.starts_with("home\nkept\nmore\n"), "{there:?}");
        self.until("stopped again", || self.post(&stop, json!({})))
            .await;
        self.rests(id).await;
        let repl = format!("/api/repls/{id}");
        self.until("deleted", || async {
            let answer = self
                .http()
                .json(hyper::Method::DELETE, &repl, Value::Null)
                .await?;
            match answer.status {
                // The answer before was lost.
                204 | 404 => Ok(()),
                status => bail!("{status}: {}", answer.text()),
            }
        })
        .await;
    }

    /// Waits until it is stopped and saved.
    async fn rests(&self, id: &str) {
        let repl = format!("/api/repls/{id}");
        let at_rest = || async {
            let state = self.http().get(&repl).await.ok()?.json()["state"].clone();
            let stopped = json!(Phase::Stopped);
            (state["phase"] == stopped && state["saved"]["state"] == "saved").then_some(())
        };
        eventually("it rests", at_rest).await;
    }

    async fn until<T, F: Future<Output = anyhow::Result<T>>>(
        &self,
        what: &str,
        attempt: impl Fn() -> F,
    ) -> T {
        let last = RefCell::new(None);
        let tries = async {
            loop {
                match attempt().await {
                    Ok(done) => return done,
                    Err(error) => last.replace(Some(error)),
                };
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let tried = tokio::time::timeout(DEADLINE, tries).await;
        tried.unwrap_or_else(|_| panic!("it is not {what}: {:?}", last.take()))
    }

    async fn end(self) -> tempfile::TempDir {
        self.app.end(Farewell::Stop);
        self.serving.await.unwrap().unwrap();
        self.data
    }
}

fn config(listen: SocketAddr, data_dir: &Path) -> Config {
    let limits = Limits {
        disk: Some(1 << 30),
        ..Limits::default()
    };
    let much = Size {
        bytes: 1 << 30,
        files: 10_000,
    };
    let policy = Policy {
        sizes: Sizes::new(limits, &[], "standard").unwrap(),
        networks: Networks {
            most: Network::None,
            holds: true,
        },
        lifetimes: Lifetimes {
            patience: Patience {
                grace: None,
                idle: None,
                busy: Duration::ZERO,
            },
            wake_on_touch: true,
            keep_alive_allowed: true,
            max_grace: None,
            max_idle: None,
            max_life: None,
        },
        quotas: Quotas {
            repl: much,
            user: much,
        },
        running: None,
    };
    Config {
        listen,
        public_url: format!("http://alcove.localhost:{}", listen.port()),
        preview_domain: "alcove.localhost".into(),
        data_dir: data_dir.to_owned(),
        store: "faulty".into(),
        database: None,
        room: Room {
            repls: 10,
            spare: 0,
            memory: Some(u64::MAX),
        },
        warm: 0,
        wake_patience: Duration::from_secs(10),
        token: Some(TOKEN.into()),
        roles: Roles::new(policy, &[]).unwrap(),
        registries: Registries::new(&[]),
        proxy: None,
        stop_patience: Duration::from_millis(200),
        prepare_templates: false,
        templates: None,
    }
}

/// One life for each step that there is, and each way in which it fails.
async fn each_step_fails(due: impl Fn(&Server) -> &Due) {
    let server = Server::start().await.unwrap();
    let mut traces = None;
    let mut steps = 0;
    for fault in [Fault::Before, Fault::After] {
        for step in 0.. {
            eprintln!("step {step} fails {fault:?}");
            due(&server).plan(step, fault, false);
            server.live().await;
            if traces.is_none() {
                let body = json!({ "template": "blank", "name": "first" });
                let made = server.post("/api/repls", body).await.unwrap();
                let id = made["id"].as_str().unwrap();
                server.command(id, "true").await.unwrap();
                traces = Some(Traces::of_folder(server.data.path()).unwrap());
                let stop = format!("/api/repls/{id}/stop");
                server.post(&stop, json!({})).await.unwrap();
            }
            traces.as_ref().unwrap().of_repls_gone().await;
            // A whole life took fewer steps.
            if due(&server).mend() {
                break;
            }
            steps += 1;
        }
    }
    assert!(steps > 10, "{steps} steps");
    let data = server.end().await;
    traces.unwrap().all_gone().await;
    drop(data);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_step_of_the_spawner_fails_once() {
    each_step_fails(|server| &server.spawner).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_to_the_store_fails_once() {
    each_step_fails(|server| server.store.due()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_that_was_ready_and_can_not_be_ended_keeps_its_repl_until_it_is() {
    let server = Server::with_warm(1).await.unwrap();
    let metrics = || async { Some(server.http().get("/metrics").await.ok()?.text()) };
    eventually("a sandbox is ready", || async {
        let text = metrics().await?;
        text.contains("alcove_warm_sandboxes 1\n").then_some(())
    })
    .await;
    let body = json!({ "template": "blank", "name": "unopened" });
    let made = server.post("/api/repls", body).await.unwrap();
    let id = made["id"].as_str().unwrap();
    let record = format!("sandboxes/sandboxes/{id}.json");
    let record = server.data.path().join(record);
    assert!(record.exists(), "its sandbox was ready");
    server.spawner.plan(0, Fault::Before, true);
    let path = format!("/api/repls/{id}");
    let http = server.http();
    let delete = || http.json(hyper::Method::DELETE, &path, Value::Null);
    let refused = delete().await.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.text().contains("its sandbox could not be ended"));
    assert_eq!(http.get(&path).await.unwrap().status, 200);
    server.spawner.mend();
    // Nobody asks again.
    eventually("its sandbox has ended, and its folder is gone", || async {
        let folder = server.data.path().join("repls").join(id);
        (!record.exists() && !folder.exists()).then_some(())
    })
    .await;
    assert_eq!(delete().await.unwrap().status, 204);
    server.end().await;
}
