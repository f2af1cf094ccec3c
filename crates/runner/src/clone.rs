//! Whether a repository may be fetched: from which addresses, into what.

use std::path::Path;

/// Longest address, in bytes.
const MAX_URL_BYTES: usize = 2_000;

/// Addresses that git fetches over a network (git-clone(1), "GIT URLS"). Other transports, such as
/// `ext::`, would run a command, and a path is none of a repl's business.
pub fn check(url: &str) -> Result<(), String> {
    if url.len() > MAX_URL_BYTES {
        return Err(format!("The address has more than {MAX_URL_BYTES} bytes."));
    }
    let plain = url
        .chars()
        .all(|c| !c.is_control() && !c.is_whitespace() && c != '\\');
    let rest = ["https://", "http://", "ssh://", "git://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let named = match rest {
        Some(rest) => rest.split_once('/').is_some_and(|(host, path)| {
            !host.is_empty() && !host.starts_with('-') && !path.is_empty()
        }),
        // git@host:path
        None => url.split_once('@').is_some_and(|(user, rest)| {
            let is_name = |text: &str| {
                !text.is_empty()
                    && !text.starts_with('-')
                    && text
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            };
            rest.split_once(':')
                .is_some_and(|(host, path)| is_name(user) && is_name(host) && !path.is_empty())
        }),
    };
    if plain && named {
        return Ok(());
    }
    Err(
        "This is not the address of a repository: https://example.com/name.git or git@example.com:name.git is wanted."
            .into(),
    )
}

/// The address as it may be shown to all: without a name and a password in it.
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// Whether nothing of a person is in the workspace.
pub fn is_empty(workspace: &Path) -> bool {
    std::fs::read_dir(workspace).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_over_a_network_are_fine() {
        for url in [
            "https://github.com/a/b",
            "http://127.0.0.1:8000/b.git",
            "https://user:token@example.com/b.git",
            "ssh://git@example.com:2222/a/b.git",
            "git@github.com:a/b.git",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_shown() {
        for (url, shown) in [
            (
                "https://ada:secret@example.com/a@b.git",
                "https://example.com/a@b.git",
            ),
            ("https://example.com/a", "https://example.com/a"),
            ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn commands_and_paths_are_not() {
        for url in [
            "",
            "ext::sh -c id",
            "ext::sh",
            "file:///etc",
            "/etc",
            "../x",
            "--upload-pack=id",
            "https://",
            "https:///path",
            "https://-oProxyCommand=id/x",
            "git@-oProxyCommand=id:x",
            "-u@host:x",
            "git@host:",
            "https://example.com/a b",
            "https://example.com/a\nb",
        ] {
            assert!(check(url).is_err(), "{url}");
        }
        assert!(check(&format!("https://e.x/{}", "a".repeat(MAX_URL_BYTES))).is_err());
    }
}
