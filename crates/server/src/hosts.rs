//! Which part of the server a request is for, by the host it names (RFC 9110 §7.2).

use crate::config::Config;
use crate::names;

/// Names under which a loopback server is reached.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What a host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Editor and API; `canonical`: by the name in the public URL.
    Editor {
        canonical: bool,
    },
    Preview {
        port: u16,
        repl: String,
    },
    /// A name below the preview domain that names no repl's port.
    BadPreview,
    /// Not ours: somebody else's name leads here, perhaps to misuse a browser (DNS rebinding).
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Hosts {
    public_name: String,
    preview_suffix: String,
    scheme: &'static str,
    /// Names of loopback count only where the public name is one too, or the server listens there.
    loopback: bool,
}

impl Hosts {
    pub fn new(config: &Config) -> Self {
        let public_name = without_port(config.public_host()).to_ascii_lowercase();
        Self {
            loopback: config.listen.ip().is_loopback() || public_name.ends_with("localhost"),
            preview_suffix: format!(
                ".{}",
                without_port(&config.preview_domain).to_ascii_lowercase()
            ),
            scheme: if config.is_https() { "https" } else { "http" },
            public_name,
        }
    }

    /// `host`: as in the request, port included or not.
    pub fn target(&self, host: &str) -> Target {
        let name = without_port(host)
            .trim_end_matches('.')
            .to_ascii_lowercase();
        if name == self.public_name {
            return Target::Editor { canonical: true };
        }
        if let Some(label) = name.strip_suffix(&self.preview_suffix) {
            return parse_label(label).map_or(Target::BadPreview, |(port, repl)| Target::Preview {
                port,
                repl,
            });
        }
        if self.loopback && LOOPBACK.contains(&name.as_str()) {
            return Target::Editor { canonical: false };
        }
        Target::Unknown
    }

    /// Origin of a preview, for a browser that reached the editor by `host` (whose port counts: it
    /// may differ from ours behind a port forwarding).
    pub fn preview_origin(&self, host: &str, port: u16, repl: &str) -> String {
        format!(
            "{}://{port}--{repl}{}{}",
            self.scheme,
            self.preview_suffix,
            port_part(host)
        )
    }

    /// The editor's address by its proper name, for a browser that used another one.
    pub fn canonical(&self, host: &str, path: &str) -> String {
        format!(
            "{}://{}{}{path}",
            self.scheme,
            self.public_name,
            port_part(host)
        )
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Whether browsers take previews and editor for one site (their cookies are sent in frames).
    pub fn previews_are_same_site(&self) -> bool {
        self.preview_suffix
            .ends_with(&format!(".{}", self.public_name))
    }

    /// Who may show previews in a frame, as a CSP source: the editor. On a loopback name at any
    /// port, since `make dev` serves the page from another.
    pub fn frame_source(&self, host: &str) -> String {
        if self.public_name == "localhost" || self.public_name.ends_with(".localhost") {
            return format!("{}://{}:*", self.scheme, self.public_name);
        }
        self.canonical(host, "")
    }

    /// Whether `origin` is the one that a page at `host` has.
    pub fn is_same_origin(&self, origin: &str, host: &str) -> bool {
        origin
            .split_once("://")
            .is_some_and(|(scheme, name)| scheme == self.scheme && name.eq_ignore_ascii_case(host))
    }

    /// The repl and port of a preview's origin.
    pub fn preview_of(&self, origin: &str) -> Option<(u16, String)> {
        match self.target(origin.split_once("://")?.1) {
            Target::Preview { port, repl } => Some((port, repl)),
            _ => None,
        }
    }
}

/// `3000--abcdefghijkl`
fn parse_label(label: &str) -> Option<(u16, String)> {
    let (port, repl) = label.split_once("--")?;
    let plain =
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    let port = port.parse().ok().filter(|p| plain && *p > 0)?;
    names::is_id(repl).then(|| (port, repl.to_owned()))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

fn port_part(host: &str) -> &str {
    &host[without_port(host).len()..]
}

#[cfg(test)]
impl Hosts {
    pub(crate) fn for_tests() -> Self {
        Self {
            public_name: "alcove.localhost".into(),
            preview_suffix: ".alcove.localhost".into(),
            scheme: "http",
            loopback: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Hosts {
        Hosts::for_tests()
    }

    #[test]
    fn each_name_leads_to_its_part() {
        let hosts = hosts();
        let preview = |port| Target::Preview {
            port,
            repl: "abcdefghijkl".into(),
        };
        assert_eq!(
            hosts.target("alcove.localhost:8080"),
            Target::Editor { canonical: true }
        );
        assert_eq!(
            hosts.target("ALCOVE.localhost"),
            Target::Editor { canonical: true }
        );
        assert_eq!(
            hosts.target("127.0.0.1:9000"),
            Target::Editor { canonical: false }
        );
        assert_eq!(
            hosts.target("[::1]:8080"),
            Target::Editor { canonical: false }
        );
        assert_eq!(
            hosts.target("3000--abcdefghijkl.alcove.localhost:8080"),
            preview(3000)
        );
        for nonsense in [
            "0--abcdefghijkl",
            "99999--abcdefghijkl",
            "x--abcdefghijkl",
            "3000--ABC",
            "3000",
            "--",
            "+3000--abcdefghijkl",
            "a.b",
            "3000--abcdefghijkl.x",
        ] {
            assert_eq!(
                hosts.target(&format!("{nonsense}.alcove.localhost")),
                Target::BadPreview,
                "{nonsense}"
            );
        }
        for foreign in [
            "evil.example",
            "alcove.localhost.evil.example",
            "",
            "notalcove.localhost",
        ] {
            assert_eq!(hosts.target(foreign), Target::Unknown, "{foreign}");
        }
    }

    #[test]
    fn a_forwarded_port_is_kept() {
        let origin = hosts().preview_origin("alcove.localhost:9000", 3000, "abcdefghijkl");
        assert_eq!(origin, "http://3000--abcdefghijkl.alcove.localhost:9000");
        assert_eq!(
            hosts().preview_of(&origin),
            Some((3000, "abcdefghijkl".into()))
        );
        assert_eq!(
            hosts().canonical("localhost:9000", "/r/x"),
            "http://alcove.localhost:9000/r/x"
        );
        assert!(hosts().is_same_origin("http://localhost:9000", "localhost:9000"));
        assert!(!hosts().is_same_origin(
            "http://3000--abcdefghijkl.alcove.localhost:9000",
            "alcove.localhost:9000"
        ));
        assert!(!hosts().is_same_origin("null", "alcove.localhost:9000"));
    }
}
