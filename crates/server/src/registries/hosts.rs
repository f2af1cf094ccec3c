//! Which hosts are registries.

use std::net::SocketAddr;

use super::addresses;

/// Public registries of what templates use, and of the languages beside them.
const PUBLIC: &[&str] = &[
    // npm, Yarn
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    // pip, uv
    "pypi.org",
    "files.pythonhosted.org",
    // Cargo
    "crates.io",
    "index.crates.io",
    "static.crates.io",
    // Go
    "proxy.golang.org",
    "sum.golang.org",
    // Maven, Gradle
    "repo.maven.apache.org",
    "repo1.maven.org",
    "plugins.gradle.org",
    // RubyGems
    "rubygems.org",
    "index.rubygems.org",
    // Composer
    "packagist.org",
    "repo.packagist.org",
    // NuGet
    "api.nuget.org",
    // Hex
    "hex.pm",
    "repo.hex.pm",
];

/// Hosts that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    names: Vec<String>,
    /// The operator named them, wherever they are.
    may_be_private: bool,
}

impl Hosts {
    /// Those that the operator named, in lower case; the public ones where none is.
    pub fn new(named: &[String]) -> Self {
        let public = || PUBLIC.iter().map(|name| (*name).to_owned()).collect();
        Self {
            names: match named.is_empty() {
                true => public(),
                false => named.to_vec(),
            },
            may_be_private: !named.is_empty(),
        }
    }

    pub(super) fn allow(&self, host: &str) -> bool {
        self.names.iter().any(|name| name == host)
    }

    /// Those of a host's addresses that it may be reached at.
    pub(super) fn reachable(&self, found: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let may = |at: &SocketAddr| self.may_be_private || addresses::is_public(at.ip());
        found.into_iter().filter(may).collect()
    }

    /// For a person.
    pub(super) fn words(&self) -> String {
        self.names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listed_hosts_are_reached_and_no_other() {
        let public = Hosts::new(&[]);
        assert!(public.allow("pypi.org") && public.allow("files.pythonhosted.org"));
        for other in ["example.com", "evil.pypi.org", "pypi.org.example.com", ""] {
            assert!(!public.allow(other), "{other}");
        }
        let named = Hosts::new(&["packages.internal".into()]);
        assert!(named.allow("packages.internal") && !named.allow("pypi.org"));
    }

    #[test]
    fn a_name_that_leads_to_a_private_address_is_reached_only_where_the_operator_named_it() {
        let at = |text: &str| -> SocketAddr { text.parse().unwrap() };
        let found = || {
            vec![
                at("10.1.2.3:443"),
                at("151.101.0.223:443"),
                at("127.0.0.1:443"),
            ]
        };
        let public = Hosts::new(&[]).reachable(found());
        assert_eq!(public, [at("151.101.0.223:443")]);
        let named = Hosts::new(&["packages.internal".into()]);
        assert_eq!(named.reachable(found()), found());
    }
}
