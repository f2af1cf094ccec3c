//! The way of a sandbox without network to package registries: a folder with the server's socket, shown inside, and
//! the settings by which package clients find the loopback port that the runner opens for it.

use std::path::PathBuf;

/// The socket's name in its folder.
pub const SOCKET: &str = "proxy.sock";
/// Where the folder is shown.
const FOLDER: &str = "/opt/registries";
/// Where the runner listens inside.
const ADDRESS: &str = "127.0.0.1:3128";
/// What is reached without it.
const LOOPBACK: &str = "localhost,repl,127.0.0.1,::1";

pub fn folder() -> PathBuf {
    PathBuf::from(FOLDER)
}

/// Whether a setting of the server's own says by which proxy something is reached, or names a registry or a
/// cache without TLS: inside there is one way, and that is for https.
pub fn is_replaced(name: &str, value: &str) -> bool {
    name.to_ascii_uppercase().ends_with("_PROXY") || value.contains("http://")
}

/// For the runner, and for package clients.
pub fn settings() -> Vec<(String, String)> {
    let mut settings = vec![(
        "ALCOVE_REGISTRIES_WAY".to_owned(),
        format!("{ADDRESS},{FOLDER}/{SOCKET}"),
    )];
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        let value = match name {
            "NO_PROXY" => LOOPBACK.to_owned(),
            _ => format!("http://{ADDRESS}"),
        };
        // Some look for the one, some for the other.
        settings.push((name.to_ascii_lowercase(), value.clone()));
        settings.push((name.to_owned(), value));
    }
    // Java's clients read no such variables.
    let (host, port) = ADDRESS.split_once(':').unwrap_or((ADDRESS, ""));
    for name in ["MAVEN_OPTS", "GRADLE_OPTS"] {
        let java = format!("-Dhttps.proxyHost={host} -Dhttps.proxyPort={port}");
        settings.push((name.to_owned(), java));
    }
    settings
}
