//! Where cargo finds crates, if not on crates.io. Cargo takes a replaced source from no variable, but it reads
//! `.cargo/config.toml` in the folder that it works in and in every one above, the root folder too, and then that
//! of its own home (The Cargo Book, "Configuration"). What it reads first holds.

use std::io;
use std::path::Path;
use std::str::FromStr;

use super::{env, etc, registries};
use crate::Network;

/// The folder in /etc, and the link in the root folder that leads there.
const FOLDER: &str = "cargo";
pub const LINK: (&str, &str) = ("etc/cargo", "/.cargo");

/// A registry that stands in for crates.io, as cargo's key `registry` names it:
/// `sparse+https://crates.example.com/index/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror(String);

impl FromStr for Mirror {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let schemes = ["sparse+https://", "sparse+http://"];
        let rest = schemes.iter().find_map(|s| text.strip_prefix(s));
        if rest.is_none_or(|rest| rest.starts_with('/')) || !text.ends_with('/') {
            return Err(
                "a mirror of crates.io is sparse+https://HOST/PATH/, or sparse+http://, with a slash at its end".into(),
            );
        }
        if text
            .bytes()
            .any(|b| !b.is_ascii_graphic() || b"\"\\".contains(&b))
        {
            return Err("an address has no spaces, quotes or backslashes".into());
        }
        if env::has_login(text) {
            return Err("every repl can read it: it must hold no login".into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl Mirror {
    /// Whether repls on this network are told of it: the way to registries alone is for https.
    pub fn is_for(&self, network: Network) -> bool {
        network != Network::Registries || !registries::is_replaced("", &self.0)
    }

    /// Writes cargo's file into an /etc of sandboxes.
    pub fn write(&self, etc: &Path) -> io::Result<()> {
        let folder = etc.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        etc::replace(&folder.join("config.toml"), self.config().as_bytes())
    }

    fn config(&self) -> String {
        let registry = &self.0;
        format!(
            "# Where the operator of this server has crates come from. What a project's own\n\
             # .cargo/config.toml says goes before it.\n\
             [source.crates-io]\nreplace-with = \"alcove\"\n\n\
             [source.alcove]\nregistry = \"{registry}\"\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_what_cargo_takes_and_holds_no_login() {
        for good in [
            "sparse+https://crates.example.com/",
            "sparse+http://192.0.2.10:4880/crates/index/",
        ] {
            assert_eq!(good.parse(), Ok(Mirror(good.into())));
        }
        for (bad, words) in [
            ("https://crates.example.com/", "sparse+https://"),
            ("sparse+https://crates.example.com", "slash at its end"),
            ("sparse+https:///", "sparse+https://HOST"),
            ("sparse+https://a\"\n[b]\n/", "quotes"),
            ("sparse+https://me:secret@crates.example.com/", "login"),
        ] {
            let said = bad.parse::<Mirror>().unwrap_err();
            assert!(said.contains(words), "{bad}: {said}");
        }
    }

    #[test]
    fn where_registries_alone_are_reached_a_mirror_is_one_with_tls() {
        let mirror = |text: &str| text.parse::<Mirror>().unwrap();
        let (open, tls) = (mirror("sparse+http://a/"), mirror("sparse+https://a/"));
        let is_for = |mirror: &Mirror| {
            [Network::Internet, Network::Registries, Network::None].map(|n| mirror.is_for(n))
        };
        assert_eq!(is_for(&open), [true, false, true]);
        assert_eq!(is_for(&tls), [true; 3]);
    }

    #[test]
    fn cargos_file_is_written_anew() {
        let etc = tempfile::tempdir().unwrap();
        for registry in ["sparse+http://a/", "sparse+http://b/"] {
            registry
                .parse::<Mirror>()
                .unwrap()
                .write(etc.path())
                .unwrap();
            let text = std::fs::read_to_string(etc.path().join("cargo/config.toml")).unwrap();
            assert!(
                text.contains(&format!("registry = \"{registry}\"\n")),
                "{text}"
            );
        }
    }
}
