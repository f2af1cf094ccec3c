//! The environment inside.

use std::path::{Path, PathBuf};

use super::registries;
use crate::languages::Languages;
use crate::{Network, SandboxSpec};

/// Settings of package clients that are handed on when the server has them: where registries are,
/// by which proxy, and whose certificates to trust.
const CLIENT_SETTINGS: &[&str] = &[
    "ALL_PROXY",
    "AWS_CA_BUNDLE",
    "CARGO_HTTP_CAINFO",
    "CARGO_HTTP_PROXY",
    "CARGO_HTTP_TIMEOUT",
    "CARGO_NET_RETRY",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "NPM_CONFIG_CAFILE",
    "NPM_CONFIG_OMIT_LOCKFILE_REGISTRY_RESOLVED",
    "NPM_CONFIG_REGISTRY",
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_EXTRA_INDEX_URL",
    "PIP_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "YARN_NPM_REGISTRY_SERVER",
    "YARN_REGISTRY",
];

/// Whether a variable of the server is a setting of package clients, and no secret.
pub fn is_client_setting(name: &str, value: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let known = CLIENT_SETTINGS.contains(&upper.as_str()) || upper.starts_with("CARGO_REGISTRIES_");
    let secret = ["TOKEN", "PASSWORD", "CREDENTIAL", "SECRET"]
        .iter()
        .any(|word| upper.contains(word));
    let login = has_login(value);
    if known && login {
        tracing::warn!(
            name,
            "not handed to sandboxes: its address holds a password"
        );
    }
    known && !secret && !login
}

/// Whether an address in a text carries a login: `https://name:password@host`.
pub(super) fn has_login(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        rest.split('/')
            .next()
            .is_some_and(|host| host.contains('@'))
    })
}

/// Settings of the server that are handed on, and the files outside the system's folders that they
/// name.
pub fn client_settings(
    vars: impl Iterator<Item = (String, String)>,
) -> (Vec<(String, String)>, Vec<PathBuf>) {
    let settings: Vec<_> = vars
        .filter(|(name, value)| is_client_setting(name, value))
        .collect();
    let shown = |path: &Path| {
        path.starts_with("/usr")
            || path.starts_with("/etc/ssl/certs")
            || path.starts_with("/etc/pki")
    };
    let mut files: Vec<PathBuf> = settings
        .iter()
        .map(|(_, value)| PathBuf::from(value))
        // Single files alone: a folder might hold anything.
        .filter(|path| path.is_absolute() && path.is_file() && !shown(path))
        .collect();
    files.sort();
    files.dedup();
    (settings, files)
}

/// Tools that report about their users unless they are told not to. Who uses a repl has not been
/// asked.
const NO_REPORTS: [&str; 5] = [
    "ASTRO_TELEMETRY_DISABLED",
    "DO_NOT_TRACK",
    "GATSBY_TELEMETRY_DISABLED",
    "NEXT_TELEMETRY_DISABLED",
    "NUXT_TELEMETRY_DISABLED",
];

/// The environment of the runner and of all programs.
pub fn environment(
    spec: &SandboxSpec,
    languages: &Languages,
    settings: &[(String, String)],
) -> Vec<(String, String)> {
    let home = "/home/user";
    let own = [".local/bin", ".cargo/bin", "go/bin", ".npm-global/bin"]
        .map(|folder| format!("{home}/{folder}"));
    let tools = languages
        .path
        .iter()
        .map(|p| p.to_string_lossy().into_owned());
    let system = ["/usr/local/bin", "/usr/bin", "/bin"].map(String::from);
    let path: Vec<String> = own.into_iter().chain(tools).chain(system).collect();
    let by_registries = spec.network == Network::Registries;
    let mut env = settings.to_vec();
    if by_registries {
        env.retain(|(name, value)| !registries::is_replaced(name, value));
        env.extend(registries::settings());
    }
    let mut set = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
    set("ALCOVE_WORKSPACE", "/workspace");
    set("HOME", home);
    set("USER", "user");
    set("LOGNAME", "user");
    set("SHELL", "/bin/bash");
    set("LANG", "C.UTF-8");
    set("PATH", &path.join(":"));
    set("CARGO_HOME", &format!("{home}/.cargo"));
    // Not in ~/.cache, which is never saved: without it the first build after each start compiles
    // the standard library, which takes half a minute.
    set("GOCACHE", &format!("{home}/go/build-cache"));
    // A version that go.mod asks for is not fetched behind one's back: go says that it is missing.
    set("GOTOOLCHAIN", "local");
    set("NPM_CONFIG_PREFIX", &format!("{home}/.npm-global"));
    for name in NO_REPORTS {
        set(name, "1");
    }
    if let Some(java) = languages.found.iter().find(|l| l.name == "java") {
        let real = java.program.canonicalize().ok();
        if let Some(home) = real
            .as_deref()
            .and_then(Path::parent)
            .and_then(Path::parent)
        {
            set("JAVA_HOME", &home.to_string_lossy());
        }
    }
    for (name, value) in &spec.env {
        set(name, value);
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_registries_alone_are_reached_there_is_one_proxy() {
        let spec = |network| SandboxSpec {
            id: "one".into(),
            workspace: "/workspace".into(),
            home: "/home".into(),
            env: Vec::new(),
            limits: crate::Limits::default(),
            network,
        };
        let settings = [
            ("https_proxy", "http://proxy.internal:8080"),
            ("ALL_PROXY", "socks5h://proxy.internal"),
            ("PIP_INDEX_URL", "http://cache.internal/simple"),
            ("GOPROXY", "https://packages.internal/go"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let of = |network| {
            let env = environment(&spec(network), &Languages::default(), &settings);
            let addresses = env.into_iter().filter(|(_, value)| value.contains("://"));
            let mut addresses: Vec<_> = addresses
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            addresses.sort();
            addresses
        };
        assert_eq!(of(Network::Internet).len(), settings.len());
        let way = "http://127.0.0.1:3128";
        let proxies = ["HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "https_proxy"];
        let mut expected = vec!["GOPROXY=https://packages.internal/go".to_owned()];
        expected.extend(proxies.map(|name| format!("{name}={way}")));
        assert_eq!(of(Network::Registries), expected);
    }

    #[test]
    fn settings_are_handed_on_but_never_secrets() {
        assert!(is_client_setting(
            "PIP_INDEX_URL",
            "https://pypi.internal/simple"
        ));
        assert!(is_client_setting(
            "npm_config_registry",
            "http://10.1.2.3:4873"
        ));
        assert!(is_client_setting(
            "CARGO_REGISTRIES_OURS_INDEX",
            "sparse+https://crates.internal/"
        ));
        assert!(!is_client_setting("CARGO_REGISTRIES_OURS_TOKEN", "abc"));
        assert!(!is_client_setting(
            "PIP_INDEX_URL",
            "https://me:secret@pypi.internal/simple"
        ));
        assert!(!is_client_setting("DATABASE_URL", "postgres://db"));
    }
}
