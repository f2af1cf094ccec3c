//! The command line. Every flag is also an environment variable and a key of `alcove.toml` (of the
//! same name, with underscores); flags win over the environment, which wins over the file.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use alcove_server::config::{NamedRole, NamedSize, STANDARD};
use alcove_spawner::Network;
use alcove_spawner::sandbox::crates::Mirror;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::stop::Stop;
use crate::store::StoreCommand;
use crate::unpack::Unpack;
use crate::user::UserCommand;
use crate::volume;
use crate::{named, roles, sizes};

/// The settings file, where none is named.
const FILE: &str = "alcove.toml";
/// Processes that a repl may have,
pub const PROCESSES: RangeInclusive<u32> = 16..=65_536;
/// and its share of the processors beside others (`cpu.weight`, cgroup v2).
pub const CPU_WEIGHTS: RangeInclusive<u32> = 1..=10_000;

/// Repls that run at once: of a server, or one user.
pub const RUNNING: RangeInclusive<u32> = 1..=5000;

/// A self-hosted online code editor: repls with an editor, real terminals and a live preview.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, args_override_self = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub logs: Logs,
}

#[derive(Debug, Clone, Args)]
pub struct Logs {
    /// What is logged: a level, or `tracing` directives such as `info,alcove_server=debug`
    #[arg(long, global = true, env = "ALCOVE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Log JSON, one object a line
    #[arg(long, global = true, env = "ALCOVE_LOG_JSON")]
    pub log_json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the web page, the API and the repls
    Serve(Box<Serve>),
    /// Save and stop every repl of a data folder, and the server that works on it
    Drain(Box<Serve>),
    /// Have the server of a data folder save and stop one repl
    Stop(Stop),
    /// Say who may use the server of a data folder
    User(UserCommand),
    /// Say what this machine can do, and how to mend what is missing
    Doctor(Box<Serve>),
    /// Move a workspace between a folder and the store
    Volume(volume::Options),
    /// Look after the object store, without a server
    Store(StoreCommand),
    /// The agent inside a sandbox; `serve` starts it
    #[command(hide = true)]
    Runner {
        /// Put up the wall that only the sandbox's first process can (Landlock)
        #[arg(long)]
        confined: bool,
    },
    /// Take an archive apart, which is the input; `serve` starts it
    #[command(hide = true)]
    Unpack(Unpack),
}

#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Address and port to listen on
    #[arg(
        long,
        env = "ALCOVE_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,
    /// Address under which browsers reach the server [default: http://alcove.localhost:<port>]
    #[arg(long, env = "ALCOVE_PUBLIC_URL", value_name = "URL", value_parser = origin)]
    pub public_url: Option<String>,
    /// Previews are at <port>--<repl>.<this> [default: the public URL's host]
    #[arg(long, env = "ALCOVE_PREVIEW_DOMAIN", value_name = "DOMAIN", value_parser = domain)]
    pub preview_domain: Option<String>,
    /// Folder for everything that the server keeps on this machine
    #[arg(
        long,
        env = "ALCOVE_DATA_DIR",
        value_name = "DIR",
        default_value = "data"
    )]
    pub data_dir: PathBuf,
    /// Object store: a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix
    /// [default: <data-dir>/store]
    #[arg(long, env = "ALCOVE_STORE", value_name = "URL")]
    pub store: Option<String>,
    /// Database: postgres://… [default: SQLite in the data folder]
    #[arg(long, env = "ALCOVE_DATABASE", value_name = "URL")]
    pub database: Option<String>,
    /// How long a repl goes on after the last person has left: 5m, 30s, 0s, or never
    #[arg(long, env = "ALCOVE_GRACE_PERIOD", value_name = "TIME", default_value = "5m", value_parser = grace)]
    pub grace_period: Grace,
    /// An open page in which nobody does anything for so long counts as left: 2h, 30m, or never
    #[arg(long, env = "ALCOVE_IDLE_PERIOD", value_name = "TIME", default_value = "2h", value_parser = grace)]
    pub idle_period: Grace,
    /// How long programs that work keep a repl awake after the last person has left: 12h, or 0s
    #[arg(long, env = "ALCOVE_BUSY_PERIOD", value_name = "TIME", default_value = "12h", value_parser = duration)]
    pub busy_period: Duration,
    /// The longest grace period that a repl may have by its own settings: 24h, or never for no cap
    #[arg(long, env = "ALCOVE_MAX_GRACE_PERIOD", value_name = "TIME", default_value = "24h", value_parser = grace)]
    pub max_grace_period: Grace,
    /// The longest idle period that a repl may have by its own settings: 24h, or never for no cap
    #[arg(long, env = "ALCOVE_MAX_IDLE_PERIOD", value_name = "TIME", default_value = "24h", value_parser = grace)]
    pub max_idle_period: Grace,
    /// Whether repls may be set to go on with nobody there
    #[arg(long, env = "ALCOVE_KEEP_ALIVE_ALLOWED", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub keep_alive_allowed: bool,
    /// How long a repl may run in one go, whatever it does: 12h, 7d, or never for ever
    #[arg(long, env = "ALCOVE_MAX_LIFE", value_name = "TIME", default_value = "never", value_parser = grace)]
    pub max_life: Grace,
    /// Whether a request to the preview of a repl that does not run starts it, with its program
    #[arg(long, env = "ALCOVE_WAKE_ON_TOUCH", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub wake_on_touch: bool,
    /// How long a request to a preview is held while its repl starts: 60s
    #[arg(long, env = "ALCOVE_WAKE_PATIENCE", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub wake_patience: Duration,
    /// Time that programs get to end when a repl stops, after each signal
    #[arg(long, env = "ALCOVE_STOP_PATIENCE", value_name = "TIME", default_value = "2s", value_parser = duration)]
    pub stop_patience: Duration,
    /// Sign-in token of the local user [default: a random one, kept in the database]
    #[arg(
        long,
        env = "ALCOVE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// How repls are kept apart: `process` does not, and is for machines that can't
    #[arg(long, env = "ALCOVE_SPAWNER", value_enum, default_value = "sandbox")]
    pub spawner: SpawnerKind,
    /// What must keep repls apart, so that the server starts
    #[arg(
        long,
        env = "ALCOVE_REQUIRE_ISOLATION",
        value_enum,
        default_value = "basic"
    )]
    pub require_isolation: Isolation,
    /// What programs in repls may reach; a repl's own settings may say less
    #[arg(long, env = "ALCOVE_NETWORK", value_enum, default_value = "internet")]
    pub network: NetworkKind,
    /// Hosts that repls reach which reach package registries alone [default: the public ones of npm, PyPI, crates.io …]
    #[arg(long, env = "ALCOVE_REGISTRIES", value_name = "HOST", value_delimiter = ',', value_parser = registry)]
    pub registries: Vec<String>,
    /// Addresses that programs may reach although they are private: ADDR, ADDR/BITS or ADDR:PORT
    #[arg(
        long,
        visible_alias = "allow-egress",
        env = "ALCOVE_ALLOW",
        value_name = "ADDR",
        value_delimiter = ','
    )]
    pub allow: Vec<String>,
    /// What stands in for crates.io in repls, as cargo names it: sparse+https://crates.example.com/index/
    #[arg(long, env = "ALCOVE_CRATES_MIRROR", value_name = "URL")]
    pub crates_mirror: Option<Mirror>,
    /// Memory of one repl's programs: 2GiB, 512MiB
    #[arg(long, env = "ALCOVE_MEMORY", value_name = "SIZE", default_value = "2GiB", value_parser = size)]
    pub memory: u64,
    /// Processes of one repl
    #[arg(long, env = "ALCOVE_PROCESSES", value_name = "N", default_value_t = 512, value_parser = processes)]
    pub processes: u32,
    /// What one repl's files take on this machine's disk, as root: 16GiB; 0: no limit
    #[arg(long, env = "ALCOVE_DISK", value_name = "SIZE", default_value = "16GiB", value_parser = disk)]
    pub disk: u64,
    /// Further sizes of repls, or another `small`: large:memory=4GiB,processes=1024,cpu=200,disk=32GiB
    #[arg(long, env = "ALCOVE_SIZES", value_name = "NAME:LIMITS", value_delimiter = ';', value_parser = sizes::parse)]
    pub sizes: Vec<NamedSize>,
    /// The largest size that a repl may have
    #[arg(long, env = "ALCOVE_MAX_SIZE", value_name = "NAME", default_value = STANDARD)]
    pub max_size: String,
    /// Repls that run at once on this machine; others wait in line
    #[arg(long, env = "ALCOVE_MAX_RUNNING", value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(i64::from(*RUNNING.start())..=i64::from(*RUNNING.end())))]
    pub max_running: u32,
    /// Memory of all running repls together, each as its size says; others wait in line
    /// [default: what this machine has, but for --spare-memory]
    #[arg(long, env = "ALCOVE_TOTAL_MEMORY", value_name = "SIZE", value_parser = size)]
    pub total_memory: Option<u64>,
    /// Memory that must be available on this machine before another repl starts
    #[arg(long, env = "ALCOVE_SPARE_MEMORY", value_name = "SIZE", default_value = "256MiB", value_parser = bytes)]
    pub spare_memory: u64,
    /// Sandboxes that are made before anybody asks, for new repls: as many as were wanted lately, up to so many
    #[arg(long, env = "ALCOVE_WARM", value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(0..=64))]
    pub warm: u16,
    /// What one repl's files may hold in the store
    #[arg(long, env = "ALCOVE_REPL_SIZE", value_name = "SIZE", default_value = "10GiB", value_parser = bytes)]
    pub repl_size: u64,
    /// Files, folders and links of one repl
    #[arg(long, env = "ALCOVE_REPL_FILES", value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub repl_files: u64,
    /// What all repls of one user may hold in the store together
    #[arg(long, env = "ALCOVE_USER_SIZE", value_name = "SIZE", default_value = "100GiB", value_parser = bytes)]
    pub user_size: u64,
    /// Files, folders and links of all repls of one user
    #[arg(long, env = "ALCOVE_USER_FILES", value_name = "N", default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub user_files: u64,
    /// Repls of one user that run at once, or wait in line [default: as many as all may]
    #[arg(long, env = "ALCOVE_USER_RUNNING", value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(*RUNNING.start())..=i64::from(*RUNNING.end())))]
    pub user_running: Option<u32>,
    /// Roles of people, for whose repls other settings hold: student:max-size=small,user-running=2,user-size=2GiB
    #[arg(long, env = "ALCOVE_ROLES", value_name = "NAME:SETTINGS", value_delimiter = ';', value_parser = roles::parse)]
    pub roles: Vec<NamedRole>,
    /// Folder with further templates, one in each of its folders
    #[arg(long, env = "ALCOVE_TEMPLATES", value_name = "DIR")]
    pub templates: Option<PathBuf>,
    /// Install the templates' dependencies in the background at the start
    #[arg(long, env = "ALCOVE_PREPARE_TEMPLATES", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub prepare_templates: bool,
    /// File with settings [default: alcove.toml, if there is one that is the server's]
    #[arg(long, env = "ALCOVE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace(pub Option<Duration>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SpawnerKind {
    /// Linux namespaces, control groups, a user of its own
    Sandbox,
    /// No isolation: only for people who trust each other's code with this machine
    Process,
    /// Nothing is started: repls can be looked at, edited in the store, and downloaded
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Isolation {
    /// Whatever the chosen spawner gives on this machine
    Basic,
    /// A sandbox, a user of its own, limits of memory, processes and disk for each repl
    Strict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NetworkKind {
    /// Public addresses, never this machine or private ones
    Internet,
    /// Package registries, by https
    Registries,
    /// Nothing but their own loopback
    None,
}

impl NetworkKind {
    pub fn network(self) -> Network {
        match self {
            Self::Internet => Network::Internet,
            Self::Registries => Network::Registries,
            Self::None => Network::None,
        }
    }
}

/// The command line, with the settings file's values as defaults. `Err` is for a person.
pub fn parse() -> Result<Cli, String> {
    let first = Cli::parse();
    let (named, subcommand) = match &first.command {
        Command::Serve(options) => (options.config.clone(), "serve"),
        Command::Drain(options) => (options.config.clone(), "drain"),
        Command::Doctor(options) => (options.config.clone(), "doctor"),
        Command::Stop(_)
        | Command::User(_)
        | Command::Volume(_)
        | Command::Store(_)
        | Command::Runner { .. }
        | Command::Unpack(_) => return Ok(first),
    };
    let path = named.clone().unwrap_or_else(|| PathBuf::from(FILE));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(first);
        }
        Err(error) => return Err(format!("{} can't be read: {error}", path.display())),
    };
    if named.is_none() && is_project(&text) {
        eprintln!("alcove: {FILE} here is a project's, not the server's: it is not read");
        return Ok(first);
    }
    let settings = settings(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let matches = with_defaults(subcommand, settings)?.get_matches();
    from(&matches)
}

fn from(matches: &ArgMatches) -> Result<Cli, String> {
    Cli::from_arg_matches(matches).map_err(|e| e.to_string())
}

/// Whether a settings file is the project file of a repl, which has the same name.
fn is_project(text: &str) -> bool {
    const KEYS: [&str; 9] = [
        "title",
        "description",
        "icon",
        "language",
        "size",
        "open",
        "run",
        "setup",
        "files",
    ];
    text.parse::<toml::Table>()
        .is_ok_and(|t| t.keys().any(|k| KEYS.contains(&k.as_str())))
}

/// The file's keys and values, as they would stand on the command line.
fn settings(text: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
    table
        .into_iter()
        .map(|(key, value)| {
            let values = match &value {
                tables if matches!(key.as_str(), "sizes" | "roles") => {
                    named::from_file(&key, tables)
                }
                toml::Value::Array(list) => list.iter().map(plain).collect::<Result<Vec<_>, _>>(),
                value => plain(value).map(|v| vec![v]),
            };
            values
                .map(|v| (key.clone(), v))
                .map_err(|e| format!("{key}: {e}"))
        })
        .collect()
}

pub fn plain(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(s) => Ok(s.clone()),
        toml::Value::Integer(n) => Ok(n.to_string()),
        toml::Value::Boolean(b) => Ok(b.to_string()),
        other => Err(format!("a {} is not a setting's value", other.type_str())),
    }
}

/// The command line's description, in which the given values stand in for absent flags.
fn with_defaults(
    subcommand: &str,
    settings: Vec<(String, Vec<String>)>,
) -> Result<clap::Command, String> {
    let mut command = Cli::command();
    for (key, values) in settings {
        let is_log = matches!(key.as_str(), "log" | "log_json");
        let known = command
            .get_subcommands()
            .filter(|c| c.get_name() == subcommand)
            .flat_map(clap::Command::get_arguments)
            .any(|a| a.get_id() == key.as_str())
            && key != "config";
        if !known && !is_log {
            return Err(format!(
                "{FILE} has a key that is no setting: `{key}` (see `alcove serve --help`)"
            ));
        }
        let change = |arg: clap::Arg| arg.default_values(values.clone());
        command = if is_log {
            command.mut_arg(&key, change)
        } else {
            command.mut_subcommand(subcommand, |c| c.mut_arg(&key, change))
        };
    }
    Ok(command)
}

fn processes(text: &str) -> Result<u32, String> {
    sizes::number(text, PROCESSES)
}

pub fn grace(text: &str) -> Result<Grace, String> {
    if text == "never" {
        return Ok(Grace(None));
    }
    duration(text).map(|d| Grace(Some(d)))
}

/// `https://alcove.example.com`, `http://localhost:8080`: scheme, host and port, and nothing else.
fn origin(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let host = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    let name = host.ok_or("it begins with http:// or https://")?;
    let (name, port) = name
        .rsplit_once(':')
        .map_or((name, None), |(name, port)| (name, Some(port)));
    if port.is_some_and(|p| p.parse::<u16>().is_err()) {
        return Err("after the host comes a port, or nothing".into());
    }
    domain(name).map(|_| text.to_owned())
}

/// A host's name (RFC 1123 §2.1), with its port or without.
fn domain(text: &str) -> Result<String, String> {
    let (name, _) = text.rsplit_once(':').unwrap_or((text, ""));
    let sound = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.split('.').all(sound) {
        Ok(text.to_owned())
    } else {
        Err("a host has a name such as alcove.example.com".into())
    }
}

/// The same without a port, in lower case: a registry is at 443.
fn registry(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return Err("a registry is a host's name, and its port is 443".into());
    }
    domain(&text.to_ascii_lowercase())
}

/// `90s`, `5m`, `2h`, `250ms`
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| "a time is a number and a unit: 90s, 5m, 2h".to_owned())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("a time ends with ms, s, m, h or d".into()),
    };
    number
        .checked_mul(millis)
        .filter(|ms| *ms <= 365 * 86_400_000)
        .map(Duration::from_millis)
        .ok_or("a time is a year at most".into())
}

/// The same; nothing at all is no limit.
fn disk(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        0 => Ok(0),
        _ => size(text),
    }
}

/// `2GiB`, `512MiB`, `1000000`
pub fn size(text: &str) -> Result<u64, String> {
    let size = bytes(text)?;
    if size < 64 << 20 {
        return Err("a repl needs 64MiB at least".into());
    }
    Ok(size)
}

pub fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| "a size is a number and a unit: 2GiB, 512MiB".to_owned())?;
    let factor: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        "TiB" | "T" => 1 << 40,
        _ => return Err("a size ends with KiB, MiB, GiB or TiB".into()),
    };
    number
        .checked_mul(factor)
        .ok_or("no store is as large as that".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_with(file: &str, line: &[&str]) -> Result<Serve, String> {
        let matches = with_defaults("serve", settings(file)?)?
            .try_get_matches_from(line)
            .map_err(|e| e.to_string())?;
        match from(&matches)?.command {
            Command::Serve(serve) => Ok(*serve),
            _ => Err("not serve".into()),
        }
    }

    #[test]
    fn the_file_gives_what_the_line_does_not() {
        let file = "listen = '127.0.0.1:9000'\nprocesses = 100\nallow = ['10.0.0.1', '10.0.0.2:53']\ncrates_mirror = 'sparse+http://10.0.0.1/'\nprepare_templates = false";
        let serve = parse_with(file, &["alcove", "serve", "--processes", "200"]).unwrap();
        assert_eq!(serve.listen.port(), 9000);
        assert_eq!(serve.processes, 200);
        assert_eq!(serve.allow.len(), 2);
        assert_eq!(serve.crates_mirror, "sparse+http://10.0.0.1/".parse().ok());
        assert!(!serve.prepare_templates);
    }

    #[test]
    fn sizes_are_tables_of_the_file_or_flags() {
        let file = "max_size = 'large'\n[sizes.large]\nmemory = '4GiB'\nprocesses = 1024\n[sizes.small]\ncpu = 10";
        let serve = parse_with(file, &["alcove", "serve"]).unwrap();
        assert_eq!(serve.max_size, "large");
        let large = sizes::parse("large:memory=4GiB,processes=1024").unwrap();
        assert_eq!(serve.sizes, [large, sizes::parse("small:cpu=10").unwrap()]);
        let two = ["--sizes", "a:cpu=1;b:cpu=2", "--sizes", "c:cpu=3"];
        let line: Vec<&str> = ["alcove", "serve"].into_iter().chain(two).collect();
        let serve = parse_with(file, &line).unwrap();
        let names: Vec<&str> = serve.sizes.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c"]);
        let error = |file| parse_with(file, &["alcove", "serve"]).unwrap_err();
        for (file, words) in [
            ("sizes = 'large'", "[sizes.NAME]"),
            ("[sizes]\nlarge = '4GiB'", "[sizes.large]"),
            ("[sizes.large]\nmemory = []", "large"),
            ("[sizes.large]\nram = '1GiB'", "not `ram`"),
            ("[sizes.large]\nprocesses = 3", "from 16 to 65536"),
            ("[sizes.large]", "is not memory"),
        ] {
            let said = error(file);
            assert!(said.contains(words), "{file}: {said}");
        }
    }

    #[test]
    fn roles_are_tables_of_the_file_or_flags() {
        let file =
            "[roles.student]\nmax_size = 'small'\nuser_running = 2\nkeep_alive_allowed = false";
        let serve = parse_with(file, &["alcove", "serve"]).unwrap();
        let student = "student:max-size=small,user-running=2,keep-alive-allowed=false";
        assert_eq!(serve.roles, [roles::parse(student).unwrap()]);
        let line = [
            "alcove",
            "serve",
            "--roles",
            "a:user-size=1GiB;b:network=none",
        ];
        let serve = parse_with(file, &line).unwrap();
        let names: Vec<&str> = serve.roles.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let said = parse_with("[roles.student]\nmemory = '1GiB'", &["alcove", "serve"]);
        assert!(said.unwrap_err().contains("not `memory`"));
    }

    #[test]
    fn what_is_wrong_in_the_file_is_named() {
        let error = |file| parse_with(file, &["alcove", "serve"]).unwrap_err();
        assert!(error("listn = 'x'").contains("listn"));
        assert!(error("listen = 'x'").contains("--listen"));
        assert!(error("listen = {}").contains("listen"));
        assert!(error("config = 'x'").contains("config"));
        assert!(error("crates_mirror = 'https://a/'").contains("sparse+https://"));
        assert!(error("=").contains("TOML"));
    }

    #[test]
    fn a_projects_file_is_not_taken_for_ours() {
        assert!(is_project("title = 'x'\n[run]\ncommand = 'y'"));
        assert!(!is_project("listen = '127.0.0.1:1'"));
        assert!(!is_project("="));
    }

    #[test]
    fn addresses_are_checked() {
        for good in [
            "http://alcove.localhost:8080",
            "https://alcove.example.com",
            "https://a.b/",
        ] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "foo",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a:b",
            "http://a b",
            "http://a:99999",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
        assert!(domain("previews.example.com").is_ok() && domain("").is_err());
        assert_eq!(registry("PyPI.org").unwrap(), "pypi.org");
        for bad in ["", "pypi.org:443", "https://pypi.org", "*.org"] {
            assert!(registry(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("0s").unwrap(), Duration::ZERO);
        assert_eq!(grace("never").unwrap(), Grace(None));
        for bad in [
            "",
            "5",
            "m",
            "-1s",
            "5 minutes",
            "9999999999999999999s",
            "400d",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(size("2GiB").unwrap(), 2 << 30);
        assert_eq!(size("64MiB").unwrap(), 64 << 20);
        for bad in ["", "63MiB", "2TB", "99999999999GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
