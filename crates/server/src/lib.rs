//! The server: REST API, sign-in, events, the gateway to running repls, previews, lifecycle, database.
//!
//! It parses no message of a session: the browser and the runner speak with each other.

pub mod api;
pub mod auth;
pub mod config;
mod crowd;
pub mod db;
mod error;
mod events;
mod gateway;
mod host;
pub mod hosts;
mod import;
pub mod lifecycle;
mod logins;
pub mod metrics;
mod names;
mod operator;
pub mod people;
mod preview;
mod registries;
mod runner;
pub mod templates;
mod unpack;
mod upkeep;
mod web;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use alcove_spawner::Spawner;
use alcove_volume::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use config::Config;
pub use error::ApiFailure;
pub use host::MAX_REASON_CHARS;
pub use import::{Imported, import};
pub use lifecycle::Farewell;
pub use operator::OperatorClient;
pub use web::Page;

/// Everything that requests share.
pub struct App {
    pub config: Config,
    pub db: db::Db,
    pub store: Store,
    pub spawner: Arc<dyn Spawner>,
    pub keys: auth::Keys,
    pub people: Arc<people::People>,
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
    farewell: OnceLock<Farewell>,
    pub logins: logins::Logins,
    /// Held while it is looked what keeps repls apart.
    pub looking: tokio::sync::Mutex<()>,
    pub started_ms: i64,
    pub splices: gateway::Splices,
    _registries: Option<tokio_util::task::AbortOnDropHandle<()>>,
    pub page: Page,
}

impl App {
    /// Opens database and store, takes over what an earlier server left behind, imports templates.
    pub async fn start(
        config: Config,
        spawner: Arc<dyn Spawner>,
        page: Page,
    ) -> anyhow::Result<Arc<Self>> {
        let store = Store::open(&config.store)?;
        Self::over(config, store, spawner, page).await
    }

    /// The same over a store that is open already: `config.store` is its name.
    pub async fn over(
        config: Config,
        store: Store,
        spawner: Arc<dyn Spawner>,
        page: Page,
    ) -> anyhow::Result<Arc<Self>> {
        let db = db::Db::open(&config.data_dir, config.database.as_deref()).await?;
        let keys = auth::Keys::load(&db, &config).await?;
        let unusable = |e| anyhow::anyhow!("The store at {} can't be used: {e}", config.store);
        // Nothing of what is saved from now on would be where the rest is.
        if db.has_saved_repls().await? && !store.has_repls().await.map_err(unusable)? {
            anyhow::bail!(
                "The store at {} has no repls in it, though the database knows some. Is its file system mounted, and --store the one that was used before? (To begin anew, use another --data-dir, or another --database.)",
                config.store
            );
        }
        store.probe().await.map_err(unusable)?;
        store.mark().await.map_err(unusable)?;
        // Before anything starts that reaches them.
        let registries = match config.roles.usual().networks.has_registries() {
            true => Some(registries::start(
                &config.registries_dir(),
                config.registries.clone(),
                config.proxy.clone(),
            )?),
            false => None,
        };
        let metrics = Arc::new(metrics::Metrics::new());
        let people = people::People::load(db.clone(), config.roles.clone(), keys.token()).await?;
        let people = Arc::new(people);
        let crowd = {
            let spawner = spawner.clone();
            crowd::Crowd::new(move |several| spawner.crowded(several))
        };
        let repls = lifecycle::Repls::start(
            &config,
            db.clone(),
            store.clone(),
            spawner.clone(),
            metrics.clone(),
            people.clone(),
            crowd.clone(),
        )
        .await?;
        let templates =
            templates::Templates::start(&config, store.clone(), spawner.clone(), crowd).await?;
        Ok(Arc::new(Self {
            hosts: hosts::Hosts::new(&config),
            readiness: tokio::sync::Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            started_ms: db::now_ms(),
            tickets: preview::Tickets::default(),
            tunnels: preview::Tunnels::default(),
            closing: CancellationToken::new(),
            farewell: OnceLock::new(),
            logins: logins::Logins::new(db.clone(), people.clone()),
            splices: gateway::Splices::start()?,
            _registries: registries,
            config,
            db,
            store,
            spawner,
            keys,
            people,
            repls,
            templates,
            metrics,
            page,
        }))
    }

    /// Has [`App::serve`] end. What was said first holds.
    pub fn end(&self, farewell: Farewell) {
        let _ = self.farewell.set(farewell);
        self.closing.cancel();
    }

    /// Serves until it is to [end](App::end). `Err` when something could not be saved: it stays on this
    /// machine's disk, and the next start saves it.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> anyhow::Result<()> {
        let closing = self.closing.clone();
        let serving = tokio::spawn(web::accept(
            self.clone(),
            listener,
            web::service(&self),
            closing.clone(),
        ));
        let operator = tokio::spawn(operator::serve(self.clone()));
        self.repls.come_back().await;
        let sweeping = tokio::spawn(sweep(self.clone()));
        let upkeep = tokio::spawn(upkeep::keep_up(self.clone()));
        let warming = tokio::spawn(self.repls.clone().keep_warm(closing.clone()));
        closing.cancelled().await;
        let _ = warming.await;
        sweeping.abort();
        operator.abort();
        upkeep.abort();
        let farewell = *self.farewell.get().unwrap_or(&Farewell::Stop);
        tracing::info!(?farewell, "stopping: saving all repls");
        let saved = self.end_all(farewell).await;
        // Connections that hang must not keep the process.
        let _ = tokio::time::timeout(Duration::from_secs(2), serving).await;
        saved
    }

    /// Saves every repl, and stops it unless it is to be left to the next server.
    pub async fn end_all(&self, farewell: Farewell) -> anyhow::Result<()> {
        self.templates.stop().await;
        let saved = self.repls.end_all(farewell).await;
        if farewell == Farewell::Stop {
            self.spawner.shutdown().await;
        }
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
