//! What the server is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use crate::lifecycle::{
    Lifetimes, MEMBER, NamedRole, NamedSize, Networks, OPERATOR, Patience, Policy, Quotas, Roles,
    Room, STANDARD, Sizes,
};
pub use crate::registries::{Hosts as Registries, Proxy};

/// All settings, already checked one by one.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// Origin under which people reach the server: `http://alcove.localhost:8080`.
    pub public_url: String,
    /// Previews are at `<port>--<repl-id>.<this>`, with the public URL's scheme and port.
    pub preview_domain: String,
    pub data_dir: PathBuf,
    /// A folder, or `file:///folder`.
    pub store: String,
    /// SQLite file or Postgres address; `None`: a SQLite file in the data folder.
    pub database: Option<String>,
    /// What all repls of this machine may take together.
    pub room: Room,
    /// Sandboxes that may be ready before anybody asks for them.
    pub warm: usize,
    /// How long a request to a preview is held while its repl starts.
    pub wake_patience: Duration,
    /// Sign-in token of the local user; `None`: a random one, kept in the database.
    pub token: Option<String>,
    /// What people's repls may be.
    pub roles: Roles,
    /// The package registries that those reach which reach nothing else,
    pub registries: Registries,
    /// and the server's own proxy, by which it reaches them.
    pub proxy: Option<Proxy>,
    /// Time that programs get to end, between HUP and TERM and between TERM and KILL.
    pub stop_patience: Duration,
    /// Whether templates are prepared (their dependencies installed) in the background.
    pub prepare_templates: bool,
    /// Folder with further templates, one in each of its folders.
    pub templates: Option<PathBuf>,
}

impl Config {
    /// `true` when browsers reach the server by https.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The public URL's host, with its port where one is given.
    pub fn public_host(&self) -> &str {
        self.public_url
            .split_once("://")
            .map_or(self.public_url.as_str(), |(_, host)| host)
    }

    pub fn repls_dir(&self) -> PathBuf {
        self.data_dir.join("repls")
    }

    /// Repls with files that the server may not read, or that no repl may hold: of each its folder (`<id>`) or its
    /// disk (`<id>.img`).
    pub fn unsaved_dir(&self) -> PathBuf {
        self.data_dir.join("unsaved")
    }

    /// Archives that are being taken apart, and what comes out of them.
    pub fn imports_dir(&self) -> PathBuf {
        self.data_dir.join("importing")
    }

    /// The way to package registries.
    pub fn registries_dir(&self) -> PathBuf {
        self.data_dir.join("registries")
    }

    pub fn templates_dir(&self) -> PathBuf {
        self.data_dir.join("preparing")
    }
}
