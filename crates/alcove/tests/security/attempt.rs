//! What an attempt is, and how its end is judged.

/// Something that a program in a repl tries to get, and must not.
pub struct Attempt {
    /// In the report and in docs/reference/security.md.
    pub name: &'static str,
    /// What it tries, as a phrase.
    pub tries: &'static str,
    /// Python, with what `attempt.py` gives it.
    pub program: &'static str,
    /// Its arguments inside; `{name}` stands for what the scene has of that name.
    pub inside: &'static [&'static str],
    /// What may stop it: an error's name, or the program's own word.
    pub stopped: &'static [&'static str],
    pub control: Control,
}

/// Where the same program gets what it tries, so that its failing inside means something. Each with its
/// arguments there.
#[derive(Clone, Copy)]
pub enum Control {
    /// On this machine, as root.
    Root(&'static [&'static str]),
    /// On this machine, as an ordinary user.
    User(&'static [&'static str]),
    /// As root in namespaces of its own, which a shell command has made ready.
    Own {
        /// Options of unshare(1).
        namespaces: &'static str,
        setup: &'static str,
        arguments: &'static [&'static str],
    },
    /// In a network namespace that has this address, where something listens on this port.
    Alone(&'static str, &'static str),
    /// In the repl that is attacked.
    Neighbour(&'static [&'static str]),
    /// In a repl of a server that allows it (`--allow`).
    Allowed(&'static [&'static str]),
    /// In the same repl, towards a registry.
    Registry(&'static [&'static str]),
}

impl Control {
    pub fn words(&self) -> &'static str {
        match self {
            Self::Root(_) => "root, outside",
            Self::User(_) => "an ordinary user, outside",
            Self::Own { .. } => "root, in namespaces of its own",
            Self::Alone(..) => "a network that has the address",
            Self::Neighbour(_) => "the attacked repl itself",
            Self::Allowed(_) => "a repl with `--allow`",
            Self::Registry(_) => "the same repl, to a registry",
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Reached(String),
    Stopped(String),
    /// It said neither: the attempt itself is broken.
    Broken(String),
}

impl Verdict {
    /// Of the last line that a program wrote.
    pub fn parse(line: &str) -> Self {
        match line.split_once(':') {
            Some(("reached", what)) => Self::Reached(what.trim().to_owned()),
            Some(("stopped", why)) => Self::Stopped(why.trim().to_owned()),
            _ => Self::Broken(line.to_owned()),
        }
    }

    /// Of a question that was answered here.
    pub fn of(reached: bool, said: impl ToString) -> Self {
        match reached {
            true => Self::Reached(said.to_string()),
            false => Self::Stopped(said.to_string()),
        }
    }
}

/// One attempt and its control, tried.
pub struct Row {
    pub name: &'static str,
    pub tries: &'static str,
    pub stopped: &'static [&'static str],
    pub control_words: &'static str,
    pub inside: Verdict,
    /// The same in a repl of a server that an ordinary user has started, where it was tried.
    pub as_user: Option<Verdict>,
    pub control: Verdict,
}

impl Row {
    /// Whether it was not stopped as it should be.
    pub fn escaped(&self) -> bool {
        let was_stopped = |verdict: &Verdict| matches!(verdict, Verdict::Stopped(why) if self.stopped.contains(&why.as_str()));
        !was_stopped(&self.inside) || self.as_user.as_ref().is_some_and(|v| !was_stopped(v))
    }

    /// Whether nothing shows that it could have succeeded.
    pub fn without_control(&self) -> bool {
        !matches!(self.control, Verdict::Reached(_))
    }
}
