//! Roles as the command line names them: `student:max-size=small,user-running=2,user-size=2GiB,network=none`.

use alcove_server::config::NamedRole;
use clap::ValueEnum;

use crate::named::Named;
use crate::options::{self, NetworkKind, RUNNING};
use crate::sizes::number;

/// What a role says, each at most once: in place of the server's setting of that name.
const KEYS: &str =
    "max-size, user-running, user-size, user-files, network, keep-alive-allowed or max-life";

pub fn parse(text: &str) -> Result<NamedRole, String> {
    let example = "role NAME:max-size=small,user-running=2,user-size=2GiB,network=none";
    let named = Named::parse(text, example, KEYS)?;
    let mut role = NamedRole {
        name: named.name.to_owned(),
        ..NamedRole::default()
    };
    for (key, value) in &named.pairs {
        let said = match *key {
            "max-size" => {
                role.max_size = Some((*value).to_owned());
                Ok(())
            }
            "user-running" => {
                number(value, RUNNING).map(|most| role.user_running = Some(most as usize))
            }
            "user-size" => options::bytes(value).map(|bytes| role.user_size = Some(bytes)),
            "user-files" => files(value).map(|files| role.user_files = Some(files)),
            "network" => NetworkKind::from_str(value, false)
                .map(|kind| role.network = Some(kind.network()))
                .map_err(|_| "internet, registries or none".into()),
            "keep-alive-allowed" => value
                .parse()
                .map(|allowed| role.keep_alive_allowed = Some(allowed))
                .map_err(|_| "true or false".into()),
            "max-life" => options::grace(value).map(|life| role.max_life = Some(life.0)),
            _ => return Err(format!("{}: a role has {KEYS}, not `{key}`", named.name)),
        };
        said.map_err(|why: String| named.wrong(key, &why))?;
    }
    Ok(role)
}

fn files(text: &str) -> Result<u64, String> {
    let files = text.parse().ok().filter(|files| *files > 0);
    files.ok_or_else(|| "a number from 1 on".into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alcove_spawner::Network;

    use super::*;

    #[test]
    fn a_role_says_some_things_or_all() {
        let role = parse(
            "student:max-size=small,user-running=2,user-size=2GiB,user-files=9,network=none,keep-alive-allowed=false,max-life=never",
        );
        let wanted = NamedRole {
            name: "student".into(),
            max_size: Some("small".into()),
            network: Some(Network::None),
            keep_alive_allowed: Some(false),
            max_life: Some(None),
            user_running: Some(2),
            user_size: Some(2 << 30),
            user_files: Some(9),
        };
        assert_eq!(role.unwrap(), wanted);
        let role = parse("guest:max-life=2h").unwrap();
        assert_eq!(role.max_life, Some(Some(Duration::from_secs(7200))));
        assert_eq!((role.user_running, role.network), (None, None));
    }

    #[test]
    fn what_is_wrong_is_said_and_of_which() {
        for (bad, words) in [
            ("student", "a role is NAME:max-size"),
            ("Student:user-running=1", "lower-case"),
            ("student:", "is not max-size"),
            (
                "student:user-running=0",
                "student: user-running: a number from 1 to 5000",
            ),
            ("student:user-running=5001", "from 1 to 5000"),
            ("student:user-size=much", "student: user-size"),
            ("student:user-files=0", "from 1 on"),
            ("student:network=all", "internet, registries or none"),
            ("student:keep-alive-allowed=yes", "true or false"),
            ("student:max-life=5", "student: max-life"),
            ("student:cpu=1", "not `cpu`"),
            ("student:max-size=a,max-size=b", "twice"),
        ] {
            let said = parse(bad).unwrap_err();
            assert!(said.contains(words), "{bad}: {said}");
        }
        assert!(parse("student:user-running=1").is_ok());
        assert!(parse("student:user-running=5000").is_ok());
    }
}
