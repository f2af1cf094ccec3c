//! `alcove user`: lets people in, and sends them away, while the server runs.

use std::path::PathBuf;

use alcove_protocol::host::{NewKey, People, Person};
use alcove_server::OperatorClient;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct UserCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Let somebody in, or in again: prints the address with which they sign in
    Add {
        /// How they are called
        name: String,
        /// What their repls may be: one of the server's roles [default: member]
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Who may use the server, and what they have
    List {
        #[command(flatten)]
        server: Server,
    },
    /// Give somebody another role: it holds for what is started from now on
    Role {
        name: String,
        role: String,
        #[command(flatten)]
        server: Server,
    },
    /// Give somebody another key: prints their new address, and signs out whoever has the old one
    Key {
        name: String,
        #[command(flatten)]
        server: Server,
    },
    /// Sign somebody out for good, and stop what they have running; their repls are kept
    Remove {
        name: String,
        #[command(flatten)]
        server: Server,
    },
}

/// The one that is spoken with.
#[derive(Debug, Args)]
pub struct Server {
    /// The server's data folder
    #[arg(
        long,
        env = "ALCOVE_DATA_DIR",
        value_name = "DIR",
        default_value = "data"
    )]
    data_dir: PathBuf,
}

impl Server {
    pub fn client(&self) -> OperatorClient {
        OperatorClient::new(&self.data_dir)
    }
}

pub fn main(command: UserCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(command.action))
}

async fn run(action: Action) -> anyhow::Result<()> {
    match action {
        Action::Add { name, role, server } => {
            let key = server.client().let_in(&name, role.as_deref()).await?;
            println!("{}", told(&key));
        }
        Action::List { server } => print!("{}", table(&server.client().people().await?)),
        Action::Role { name, role, server } => {
            server.client().set_role(&name, &role).await?;
            println!("{name} has the role {role} now. It holds for what is started from now on.");
        }
        Action::Key { name, server } => {
            let key = server.client().renew_key(&name).await?;
            println!("{}", told(&key));
        }
        Action::Remove { name, server } => {
            server.client().send_away(&name).await?;
            println!(
                "{name} is signed out for good, and nothing of theirs runs. Their repls are kept: `alcove user add` gives them back."
            );
        }
    }
    Ok(())
}

fn told(key: &NewKey) -> String {
    let before = match key.repls {
        0 => String::new(),
        1 => " One repl is theirs.".into(),
        n => format!(" {n} repls are theirs."),
    };
    format!(
        "{} signs in here. Whoever has this address is {0}; it is told this once.{before}\n\n  {}",
        key.name, key.address
    )
}

fn table(people: &People) -> String {
    let line = |p: &Person| {
        [
            p.name.clone(),
            p.role.clone(),
            p.repls.to_string(),
            p.running.to_string(),
            p.since.clone(),
        ]
    };
    let head = ["NAME", "ROLE", "REPLS", "RUNNING", "SINCE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head)
        .chain(people.people.iter().map(line))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..5).map(|column| width(column).unwrap_or(0)).collect();
    let padded = |row: &[String; 5]| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(text, width)| format!("{text:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use alcove_protocol::api::Usage;

    use super::*;

    #[test]
    fn people_stand_in_columns() {
        let usage = Usage {
            bytes: 0,
            files: 0,
            max_bytes: 1,
            max_files: 1,
        };
        let person = |name: &str, repls| Person {
            id: "x".into(),
            name: name.into(),
            role: "member".into(),
            is_local: false,
            since: "2026-01-01T00:00:00Z".into(),
            repls,
            running: 0,
            usage,
        };
        let people = People {
            people: vec![person("Eve", 3), person("Søren Å", 12)],
            roles: Vec::new(),
        };
        let wanted = "\
NAME     ROLE    REPLS  RUNNING  SINCE
Eve      member  3      0        2026-01-01T00:00:00Z
Søren Å  member  12     0        2026-01-01T00:00:00Z
";
        assert_eq!(table(&people), wanted);
    }
}
