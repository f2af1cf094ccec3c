//! The server: REST API, sign-in, events, the gateway to running repls, previews, lifecycle, database.
//!
//! It parses no message of a session: the browser and the runner speak with each other.

pub mod api;
pub mod auth;
pub mod config;
pub mod db;
mod error;
mod events;
mod gateway;
pub mod hosts;
pub mod lifecycle;
mod logins;
pub mod metrics;
mod names;
mod preview;
mod runner;
pub mod templates;
mod web;

use std::sync::Arc;
use std::time::Duration;

use alcove_spawner::Spawner;
use alcove_volume::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use error::ApiFailure;

/// Everything that requests share.
pub struct App {
    pub config: Config,
    pub db: db::Db,
    pub store: Store,
    pub spawner: Arc<dyn Spawner>,
    pub keys: auth::Keys,
    pub hosts: hosts::Hosts,
    pub repls: Arc<lifecycle::Repls>,
    pub templates: Arc<templates::Templates>,
    pub metrics: Arc<metrics::Metrics>,
    pub tickets: preview::Tickets,
    pub tunnels: preview::Tunnels,
    /// When it was last looked whether database and store work, and what was wrong.
    pub readiness: tokio::sync::Mutex<Option<(std::time::Instant, String)>>,
    /// Cancelled when the server is to end.
    pub closing: CancellationToken,
    pub logins: logins::Logins,
    pub splices: gateway::Splices,
}

impl App {
    /// Opens database and store, rescues what an earlier server left behind, imports templates.
    pub async fn start(config: Config, spawner: Arc<dyn Spawner>) -> anyhow::Result<Arc<Self>> {
        let db = db::Db::open(&config).await?;
        let keys = auth::Keys::load(&db, &config).await?;
        let store = Store::open(&config.store)?;
        store
            .probe()
            .await
            .map_err(|e| anyhow::anyhow!("The store at {} can't be used: {e}", config.store))?;
        let metrics = Arc::new(metrics::Metrics::new());
        let repls = lifecycle::Repls::start(
            &config,
            db.clone(),
            store.clone(),
            spawner.clone(),
            metrics.clone(),
        )
        .await?;
        let templates =
            templates::Templates::start(&config, store.clone(), spawner.clone()).await?;
        Ok(Arc::new(Self {
            hosts: hosts::Hosts::new(&config),
            readiness: tokio::sync::Mutex::default(),
            tickets: preview::Tickets::default(),
            tunnels: preview::Tunnels::default(),
            closing: CancellationToken::new(),
            logins: logins::Logins::new(db.clone()),
            splices: gateway::Splices::start()?,
            config,
            db,
            store,
            spawner,
            keys,
            repls,
            templates,
            metrics,
        }))
    }

    /// Serves until `closing` is cancelled; then saves and stops every repl. `Err` when something
    /// could not be saved: it stays on this machine's disk, and the next start saves it.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> anyhow::Result<()> {
        let closing = self.closing.clone();
        let serving = tokio::spawn(web::accept(
            self.clone(),
            listener,
            web::service(&self),
            closing.clone(),
        ));
        let sweeping = tokio::spawn(sweep(self.clone()));
        closing.cancelled().await;
        sweeping.abort();
        tracing::info!("stopping: saving all repls");
        self.templates.stop().await;
        let saved = self.repls.stop_all().await;
        self.spawner.shutdown().await;
        // Connections that hang must not keep the process.
        let _ = tokio::time::timeout(Duration::from_secs(2), serving).await;
        saved
    }
}

async fn sweep(app: Arc<App>) {
    let mut every = tokio::time::interval(Duration::from_secs(10));
    loop {
        every.tick().await;
        app.tunnels.sweep();
    }
}

/// RFC 3339, in UTC, to the second.
pub(crate) fn rfc3339(ms: i64) -> String {
    let format = time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from_unix_timestamp(ms / 1000)
        .ok()
        .and_then(|t| t.format(&format).ok())
        .unwrap_or_default()
}
