//! What a repl may use: sizes by name, of which it has one. Which one it is, and which it may be, is decided
//! here alone.

use std::collections::BTreeMap;

use alcove_protocol::api::ReplSize;
use alcove_spawner::Limits;

/// As the operator's own settings say.
pub const STANDARD: &str = "standard";
/// For classes: many on one machine.
pub const SMALL: &str = "small";

const SMALL_MEMORY: u64 = 512 << 20;
const SMALL_PROCESSES: u32 = 256;
const SMALL_CPU_WEIGHT: u32 = 50;
const SMALL_DISK: u64 = 4 << 30;

/// A size as the operator names it. What is absent is as in the size of that name that there is already, else
/// as in [`STANDARD`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedSize {
    pub name: String,
    pub memory: Option<u64>,
    pub processes: Option<u32>,
    pub cpu_weight: Option<u32>,
    pub disk: Option<u64>,
}

/// All sizes, and the largest that a repl may have.
#[derive(Debug, Clone)]
pub struct Sizes {
    by_name: BTreeMap<String, Limits>,
    max: String,
}

impl Sizes {
    /// `Err` is for the operator.
    pub fn new(standard: Limits, named: &[NamedSize], max: &str) -> Result<Self, String> {
        let small = Limits {
            memory: SMALL_MEMORY.min(standard.memory),
            processes: SMALL_PROCESSES.min(standard.processes),
            cpu_weight: SMALL_CPU_WEIGHT.min(standard.cpu_weight),
            disk: standard.disk.map(|disk| disk.min(SMALL_DISK)),
            ..standard
        };
        let mut by_name = BTreeMap::from([(SMALL.to_owned(), small)]);
        for size in named {
            let name = &size.name;
            if name == STANDARD {
                return Err(format!(
                    "the size `{STANDARD}` is what --memory, --processes and --disk say"
                ));
            }
            if size.disk.is_some() && standard.disk.is_none() {
                return Err(format!(
                    "the size `{name}` has a `disk`, and --disk 0 says that there are no limits of the disk"
                ));
            }
            let like = by_name.get(name).unwrap_or(&standard);
            let limits = Limits {
                memory: size.memory.unwrap_or(like.memory),
                processes: size.processes.unwrap_or(like.processes),
                cpu_weight: size.cpu_weight.unwrap_or(like.cpu_weight),
                disk: size.disk.or(like.disk),
                tmp: like.tmp,
            };
            by_name.insert(name.clone(), limits);
        }
        by_name.insert(STANDARD.to_owned(), standard);
        for limits in by_name.values_mut() {
            // It counts as memory: full, it must leave room for programs.
            limits.tmp = limits.tmp.min(limits.memory / 4);
        }
        let sizes = Self {
            by_name,
            max: STANDARD.to_owned(),
        };
        sizes.up_to(max).map_err(|why| format!("--max-size {why}"))
    }

    /// The same sizes, of which this is the largest that a repl may have. `Err` is for the operator.
    pub fn up_to(mut self, max: &str) -> Result<Self, String> {
        if !self.is_known(max) {
            return Err(format!(
                "{max}: there is no such size, but {}",
                self.names()
            ));
        }
        self.max = max.to_owned();
        Ok(self)
    }

    /// The largest that a repl may have.
    pub fn max(&self) -> &str {
        &self.max
    }

    pub fn is_known(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// The names of all, for a person.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        names.join(", ")
    }

    /// What holds for a repl for which this was chosen. What it may not have counts as not chosen.
    pub fn of(&self, chosen: Option<&str>) -> &Limits {
        let name = chosen.filter(|name| self.may_be(name));
        &self.by_name[name.unwrap_or(self.usual())]
    }

    /// Why this may not be chosen, for a person.
    pub fn refusal(&self, chosen: &str) -> Option<String> {
        if self.may_be(chosen) {
            return None;
        }
        let may: Vec<String> = self.told().into_iter().map(|size| size.name).collect();
        Some(format!(
            "`size` is one of {} on this server, not {chosen:?}.",
            may.join(", ")
        ))
    }

    /// Those that a repl may have, the smallest first.
    pub fn told(&self) -> Vec<ReplSize> {
        let may = self.by_name.iter().filter(|(name, _)| self.may_be(name));
        let mut told: Vec<_> = may
            .map(|(name, limits)| ReplSize {
                name: name.clone(),
                memory: limits.memory,
                processes: limits.processes,
                cpu_weight: limits.cpu_weight,
                disk: limits.disk,
                usual: name == self.usual(),
            })
            .collect();
        told.sort_by_key(|size| (size.memory, size.processes, size.cpu_weight));
        told
    }

    /// Where nothing is chosen.
    fn usual(&self) -> &str {
        match self.may_be(STANDARD) {
            true => STANDARD,
            false => &self.max,
        }
    }

    fn may_be(&self, name: &str) -> bool {
        let limits = self.by_name.get(name);
        limits.is_some_and(|limits| is_within(limits, self.cap()))
    }

    fn cap(&self) -> &Limits {
        &self.by_name[&self.max]
    }
}

/// Whether nothing of it is more.
fn is_within(limits: &Limits, cap: &Limits) -> bool {
    let disk = |limits: &Limits| limits.disk.unwrap_or(u64::MAX);
    limits.memory <= cap.memory
        && limits.processes <= cap.processes
        && limits.cpu_weight <= cap.cpu_weight
        && disk(limits) <= disk(cap)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn standard() -> Limits {
        Limits {
            disk: Some(16 * GIB),
            ..Limits::default()
        }
    }

    fn named(name: &str) -> NamedSize {
        NamedSize {
            name: name.into(),
            ..NamedSize::default()
        }
    }

    fn large() -> NamedSize {
        NamedSize {
            memory: Some(4 * GIB),
            ..named("large")
        }
    }

    fn sizes(named: &[NamedSize], max: &str) -> Sizes {
        Sizes::new(standard(), named, max).unwrap()
    }

    fn told(sizes: &Sizes) -> Vec<(String, bool)> {
        let told = sizes.told().into_iter();
        told.map(|size| (size.name, size.usual)).collect()
    }

    #[test]
    fn there_is_a_small_one_and_the_standard_is_as_the_operator_says() {
        let sizes = sizes(&[], STANDARD);
        assert_eq!(sizes.of(None), &standard());
        let small = Limits {
            memory: 512 << 20,
            processes: 256,
            cpu_weight: 50,
            tmp: 128 << 20,
            disk: Some(4 * GIB),
        };
        assert_eq!(sizes.of(Some(SMALL)), &small);
        assert_eq!(
            told(&sizes),
            [(SMALL.into(), false), (STANDARD.into(), true)]
        );
    }

    #[test]
    fn the_small_one_is_never_more_than_the_standard() {
        let tiny = Limits {
            memory: 128 << 20,
            processes: 64,
            disk: Some(GIB),
            ..standard()
        };
        let sizes = Sizes::new(tiny, &[], STANDARD).unwrap();
        let small = sizes.of(Some(SMALL));
        assert_eq!((small.memory, small.processes), (128 << 20, 64));
        assert_eq!((small.disk, small.tmp), (Some(GIB), 32 << 20));
        let unlimited = Limits::default();
        let sizes = Sizes::new(unlimited, &[], STANDARD).unwrap();
        assert_eq!(sizes.of(Some(SMALL)).disk, None);
    }

    #[test]
    fn what_a_named_one_does_not_say_is_as_in_the_standard_or_as_it_was() {
        let more = NamedSize {
            memory: Some(384 << 20),
            ..named(SMALL)
        };
        let sizes = sizes(&[more, large()], "large");
        let small = sizes.of(Some(SMALL));
        assert_eq!((small.memory, small.processes), (384 << 20, 256));
        let large = sizes.of(Some("large"));
        let wanted = Limits {
            memory: 4 * GIB,
            ..standard()
        };
        assert_eq!(large, &wanted);
    }

    #[test]
    fn a_repl_has_what_it_may_have_and_else_the_usual() {
        let (under, over) = (sizes(&[large()], "large"), sizes(&[large()], STANDARD));
        assert_eq!(under.of(Some("large")).memory, 4 * GIB);
        assert_eq!(under.refusal("large"), None);
        assert_eq!(over.of(Some("large")), &standard());
        let words = over.refusal("large").unwrap();
        assert!(words.contains("small, standard on this server"), "{words}");
        assert!(over.refusal("huge").unwrap().contains("\"huge\""));
        assert_eq!(over.of(Some("huge")), &standard());
        // All are small where the operator says so.
        let class = sizes(&[large()], SMALL);
        assert_eq!(told(&class), [(SMALL.into(), true)]);
        assert_eq!(class.of(None), class.of(Some(SMALL)));
        assert_eq!(class.of(Some(STANDARD)).memory, 512 << 20);
    }

    #[test]
    fn a_cap_is_one_of_each_limit() {
        let cap = standard();
        assert!(is_within(&cap, &cap));
        let more: [fn(&mut Limits); 5] = [
            |l| l.memory += 1,
            |l| l.processes += 1,
            |l| l.cpu_weight += 1,
            |l| l.disk = l.disk.map(|disk| disk + 1),
            |l| l.disk = None,
        ];
        for more in more {
            let mut limits = cap.clone();
            more(&mut limits);
            assert!(!is_within(&limits, &cap) && is_within(&cap, &limits));
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_to_the_operator() {
        let refused = |standard, size, max| Sizes::new(standard, &[size], max).unwrap_err();
        let words = refused(standard(), named(STANDARD), STANDARD);
        assert!(words.contains("--memory"), "{words}");
        let words = refused(standard(), large(), "huge");
        assert!(words.contains("large, small, standard"), "{words}");
        let disk = NamedSize {
            disk: Some(GIB),
            ..named("large")
        };
        let words = refused(Limits::default(), disk, STANDARD);
        assert!(words.contains("--disk 0"), "{words}");
    }
}
