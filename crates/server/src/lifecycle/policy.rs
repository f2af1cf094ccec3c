//! What the operator lets people's repls be: for everybody, and for those of each role.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alcove_protocol::api::ReplSettings;
use alcove_spawner::Network;

use super::{Lifetimes, Networks, Quotas, Sizes};

/// Who runs the server: sees and stops what runs, lets people in.
pub const OPERATOR: &str = "operator";
/// Everybody else, where nothing else was said.
pub const MEMBER: &str = "member";

/// What the repls of one person may be.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What one may use,
    pub sizes: Sizes,
    /// and reach,
    pub networks: Networks,
    /// and how long it goes on.
    pub lifetimes: Lifetimes,
    /// How much may be in the store.
    pub quotas: Quotas,
    /// How many run at once, or wait for it; `None`: as many as all may.
    pub running: Option<usize>,
}

impl Policy {
    /// Why a repl may not have these settings, for a person.
    pub fn refusal(&self, settings: &ReplSettings) -> Option<String> {
        let size = settings.size.as_deref();
        let size = size.and_then(|size| self.sizes.refusal(size));
        let network = || settings.network.and_then(|n| self.networks.refusal(n));
        size.or_else(network)
            .or_else(|| self.lifetimes.refusal(settings))
    }
}

/// A role as the operator names it. What is absent is as for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedRole {
    pub name: String,
    pub max_size: Option<String>,
    /// At most that of everybody.
    pub network: Option<Network>,
    pub keep_alive_allowed: Option<bool>,
    /// `Some(None)`: for ever.
    pub max_life: Option<Option<Duration>>,
    pub user_running: Option<usize>,
    pub user_size: Option<u64>,
    pub user_files: Option<u64>,
}

/// The policies of all roles.
#[derive(Debug, Clone)]
pub struct Roles {
    usual: Arc<Policy>,
    by_name: BTreeMap<String, Arc<Policy>>,
}

impl Roles {
    /// `Err` is for the operator.
    pub fn new(usual: Policy, named: &[NamedRole]) -> Result<Self, String> {
        let usual = Arc::new(usual);
        let built_in = [OPERATOR, MEMBER].map(|name| (name.to_owned(), usual.clone()));
        let mut by_name = BTreeMap::from(built_in);
        for role in named {
            let policy = usual
                .with(role)
                .map_err(|why| format!("the role `{}`: {why}", role.name))?;
            by_name.insert(role.name.clone(), Arc::new(policy));
        }
        Ok(Self { usual, by_name })
    }

    /// What holds where no person is meant.
    pub fn usual(&self) -> &Arc<Policy> {
        &self.usual
    }

    /// What holds for those of a role. One that there is not (any more) is as any member's.
    pub fn of(&self, role: &str) -> &Arc<Policy> {
        let policy = self.by_name.get(role).or_else(|| self.by_name.get(MEMBER));
        policy.unwrap_or(&self.usual)
    }

    pub fn is_known(&self, role: &str) -> bool {
        self.by_name.contains_key(role)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

impl Policy {
    fn with(&self, role: &NamedRole) -> Result<Self, String> {
        let mut policy = self.clone();
        if let Some(max) = &role.max_size {
            policy.sizes = self
                .sizes
                .clone()
                .up_to(max)
                .map_err(|why| format!("max-size {why}"))?;
        }
        if let Some(network) = role.network {
            if network > self.networks.most {
                return Err("--network says that no repl reaches so much".into());
            }
            policy.networks.most = network;
        }
        if let Some(allowed) = role.keep_alive_allowed {
            policy.lifetimes.keep_alive_allowed = allowed;
        }
        if let Some(life) = role.max_life {
            policy.lifetimes.max_life = life;
        }
        policy.running = role.user_running.or(self.running);
        policy.quotas.user.bytes = role.user_size.unwrap_or(self.quotas.user.bytes);
        policy.quotas.user.files = role.user_files.unwrap_or(self.quotas.user.files);
        Ok(policy)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use alcove_protocol::api::ReplNetwork;
    use alcove_spawner::Limits;
    use alcove_volume::Size;

    use super::super::{NamedSize, Patience, STANDARD};
    use super::*;

    pub fn usual() -> Policy {
        let large = NamedSize {
            name: "large".into(),
            memory: Some(4 << 30),
            ..NamedSize::default()
        };
        let size = Size {
            bytes: 100,
            files: 10,
        };
        Policy {
            sizes: Sizes::new(Limits::default(), &[large], STANDARD).unwrap(),
            networks: Networks {
                most: Network::Registries,
                holds: true,
            },
            lifetimes: Lifetimes {
                patience: Patience {
                    grace: None,
                    idle: None,
                    busy: Duration::ZERO,
                },
                wake_on_touch: true,
                keep_alive_allowed: true,
                max_grace: None,
                max_idle: None,
                max_life: Some(Duration::from_secs(3600)),
            },
            quotas: Quotas {
                repl: size,
                user: size,
            },
            running: Some(5),
        }
    }

    fn role(name: &str) -> NamedRole {
        NamedRole {
            name: name.into(),
            ..NamedRole::default()
        }
    }

    fn student() -> NamedRole {
        NamedRole {
            max_size: Some("small".into()),
            network: Some(Network::None),
            keep_alive_allowed: Some(false),
            max_life: Some(None),
            user_running: Some(1),
            user_size: Some(7),
            ..role("student")
        }
    }

    #[test]
    fn a_role_has_what_it_says_and_else_what_everybody_has() {
        let roles = Roles::new(usual(), &[student(), role("plain")]).unwrap();
        let policy = roles.of("student");
        assert!(policy.sizes.refusal(STANDARD).is_some());
        assert_eq!(policy.networks.told(), [ReplNetwork::None]);
        assert!(!policy.lifetimes.keep_alive_allowed);
        assert_eq!((policy.lifetimes.max_life, policy.running), (None, Some(1)));
        assert_eq!(
            (policy.quotas.user.bytes, policy.quotas.user.files),
            (7, 10)
        );
        for name in [OPERATOR, MEMBER, "plain", "gone"] {
            let policy = roles.of(name);
            assert_eq!(
                (policy.running, policy.quotas.user.bytes),
                (Some(5), 100),
                "{name}"
            );
            assert!(policy.sizes.refusal(STANDARD).is_none());
            assert!(policy.sizes.refusal("large").is_some());
        }
        assert!(roles.is_known("plain") && !roles.is_known("gone"));
        let names: Vec<_> = roles.names().collect();
        assert_eq!(names, [MEMBER, OPERATOR, "plain", "student"]);
    }

    #[test]
    fn one_may_have_more_than_everybody_but_of_the_network() {
        let teacher = NamedRole {
            max_size: Some("large".into()),
            user_running: Some(50),
            ..role("teacher")
        };
        let roles = Roles::new(usual(), &[teacher]).unwrap();
        let policy = roles.of("teacher");
        assert_eq!(
            (policy.sizes.refusal("large"), policy.running),
            (None, Some(50))
        );
        let refused = |role| Roles::new(usual(), &[role]).unwrap_err();
        let words = refused(NamedRole {
            network: Some(Network::Internet),
            ..role("guest")
        });
        assert!(
            words.contains("`guest`") && words.contains("--network"),
            "{words}"
        );
        let words = refused(NamedRole {
            max_size: Some("huge".into()),
            ..role("guest")
        });
        assert!(words.contains("large, small, standard"), "{words}");
    }

    #[test]
    fn members_are_those_of_no_role_that_there_is() {
        let members = NamedRole {
            user_running: Some(2),
            ..role(MEMBER)
        };
        let roles = Roles::new(usual(), &[members]).unwrap();
        assert_eq!(
            (roles.of("gone").running, roles.of(OPERATOR).running),
            (Some(2), Some(5))
        );
    }

    #[test]
    fn settings_are_refused_whatever_they_are_about() {
        let roles = Roles::new(usual(), &[student()]).unwrap();
        let refuses = |change: fn(&mut ReplSettings)| {
            let mut settings = ReplSettings::default();
            change(&mut settings);
            roles.of("student").refusal(&settings).is_some()
        };
        assert!(!refuses(|_| {}));
        assert!(refuses(|s| s.size = Some(STANDARD.into())));
        assert!(refuses(|s| s.network = Some(ReplNetwork::Registries)));
        assert!(refuses(|s| s.keep_alive = Some(true)));
    }
}
