//! What the `alcove` program does: command line and wiring, nothing else.

mod banner;
mod doctor;
mod drain;
mod named;
mod options;
mod roles;
mod serve;
mod sizes;
mod stop;
mod store;
mod unpack;
mod user;
mod volume;

use std::process::ExitCode;

use alcove_server::Page;
use alcove_spawner::sandbox::landlock;
use anyhow::Context;
use options::Command;

/// The program, whose web application is `page`.
pub fn main(page: Page) -> ExitCode {
    let cli = match options::parse() {
        Ok(cli) => cli,
        Err(message) => return fail(&message),
    };
    let result = match cli.command {
        // Before any thread is started: it is one thread, and as small as can be.
        Command::Runner { confined } => {
            logs(&cli.logs, "warn");
            runner(confined)
        }
        // As small, and with no threads: it may make none.
        Command::Unpack(options) => unpack::main(&options),
        Command::Serve(options) => {
            logs(&cli.logs, "info");
            serve::main(options, page)
        }
        Command::Drain(options) => {
            logs(&cli.logs, "warn");
            drain::main(options, page)
        }
        Command::Stop(options) => {
            logs(&cli.logs, "warn");
            stop::main(&options)
        }
        Command::User(command) => {
            logs(&cli.logs, "warn");
            user::main(command)
        }
        Command::Doctor(options) => doctor::main(options),
        Command::Volume(command) => {
            logs(&cli.logs, "info");
            volume::main(command)
        }
        Command::Store(command) => {
            logs(&cli.logs, "warn");
            store::main(command)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn runner(confined: bool) -> anyhow::Result<()> {
    if confined {
        landlock::confine().context("Landlock")?;
    }
    alcove_runner::main()
}

fn fail(message: &str) -> ExitCode {
    eprintln!("alcove: {message}");
    ExitCode::FAILURE
}

fn logs(options: &options::Logs, level: &str) {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(options.log.as_deref().unwrap_or(level))
        .unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if options.log_json {
        builder.json().flatten_event(true).init();
    } else {
        builder
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .init();
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::options::Cli;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        assert!(Cli::try_parse_from(["alcove", "serve", "--listen", "nonsense"]).is_err());
    }
}
