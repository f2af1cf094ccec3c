//! What a repl's programs may reach. The operator's word is the default and the most; a repl's settings may say
//! less.

use alcove_protocol::api::ReplNetwork;
use alcove_spawner::Network;

/// What the operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Networks {
    /// Where a repl says nothing. None has more.
    pub most: Network,
    /// Whether programs are held to it: without isolation they are not.
    pub holds: bool,
}

/// All kinds, the least first.
const KINDS: [(ReplNetwork, Network); 3] = [
    (ReplNetwork::None, Network::None),
    (ReplNetwork::Registries, Network::Registries),
    (ReplNetwork::Internet, Network::Internet),
];

impl Networks {
    /// What holds for a repl for which this was chosen. What the operator has shut off since is not reached.
    pub(super) fn of(&self, chosen: Option<ReplNetwork>) -> Network {
        let chosen = KINDS.iter().find(|(kind, _)| Some(*kind) == chosen);
        chosen.map_or(self.most, |(_, network)| self.most.min(*network))
    }

    /// Why this may not be chosen, for a person.
    pub fn refusal(&self, chosen: ReplNetwork) -> Option<String> {
        if !self.holds {
            return Some(
                "On this server nothing holds programs to a network: `network` can't be chosen."
                    .into(),
            );
        }
        let may = self.told();
        if may.contains(&chosen) {
            return None;
        }
        let may: Vec<&str> = may.into_iter().map(name).collect();
        let (may, chosen) = (may.join(" or "), name(chosen));
        Some(format!("`network` is {may} on this server, not {chosen}."))
    }

    /// Whether any repl may reach package registries alone.
    pub(crate) fn has_registries(&self) -> bool {
        self.told().contains(&ReplNetwork::Registries)
    }

    /// Those that a repl may have, the least first; the last is the default.
    pub fn told(&self) -> Vec<ReplNetwork> {
        let may = |network| self.holds && network <= self.most;
        let kinds = KINDS.into_iter().filter(|(_, network)| may(*network));
        kinds.map(|(kind, _)| kind).collect()
    }

    /// What pages are told of one that runs with this.
    pub(super) fn shown(&self, network: Network) -> Option<ReplNetwork> {
        let kind = KINDS.iter().find(|(_, known)| *known == network);
        kind.filter(|_| self.holds).map(|(kind, _)| *kind)
    }
}

/// As settings have it.
fn name(kind: ReplNetwork) -> &'static str {
    match kind {
        ReplNetwork::None => "none",
        ReplNetwork::Registries => "registries",
        ReplNetwork::Internet => "internet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn most(most: Network) -> Networks {
        Networks { most, holds: true }
    }

    #[test]
    fn a_repl_reaches_what_it_says_and_never_more_than_the_operator_says() {
        let (open, shut) = (most(Network::Internet), most(Network::None));
        assert_eq!(open.of(None), Network::Internet);
        assert_eq!(open.of(Some(ReplNetwork::None)), Network::None);
        assert_eq!(open.of(Some(ReplNetwork::Internet)), Network::Internet);
        let registries = most(Network::Registries);
        assert_eq!(registries.of(None), Network::Registries);
        assert_eq!(
            registries.of(Some(ReplNetwork::Internet)),
            Network::Registries
        );
        assert_eq!(registries.of(Some(ReplNetwork::None)), Network::None);
        for chosen in [None, Some(ReplNetwork::None), Some(ReplNetwork::Internet)] {
            assert_eq!(shut.of(chosen), Network::None);
        }
    }

    #[test]
    fn what_may_be_chosen_is_told_and_all_else_refused() {
        let (open, shut) = (most(Network::Internet), most(Network::None));
        let all = [
            ReplNetwork::None,
            ReplNetwork::Registries,
            ReplNetwork::Internet,
        ];
        assert_eq!(open.told(), all);
        assert_eq!(most(Network::Registries).told(), all[..2]);
        assert_eq!(shut.told(), [ReplNetwork::None]);
        for kind in open.told() {
            assert_eq!(open.refusal(kind), None);
        }
        assert_eq!(shut.refusal(ReplNetwork::None), None);
        let words = shut.refusal(ReplNetwork::Internet).unwrap();
        assert_eq!(words, "`network` is none on this server, not internet.");
    }

    #[test]
    fn without_isolation_there_is_nothing_to_choose() {
        let loose = Networks {
            most: Network::Internet,
            holds: false,
        };
        assert!(loose.told().is_empty());
        assert_eq!(loose.shown(Network::Internet), None);
        let words = loose.refusal(ReplNetwork::None).unwrap();
        assert!(words.contains("nothing holds programs"), "{words}");
    }
}
