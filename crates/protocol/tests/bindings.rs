//! Writes the TypeScript of all messages (`UPDATE_BINDINGS=1`), or fails when the committed file is
//! not what the Rust types say.

use std::path::Path;

use alcove_protocol::{api, host, names, project, search, session, settings};
use ts_rs::{Config, TS};

fn generate() -> String {
    let cfg = Config::new().with_large_int("number");
    let mut out = String::from(
        "// Generated from crates/protocol by `make bindings`. Do not edit.\n\n/** As [`path.rs`](../../../crates/protocol/src/path.rs) says: `\\xNN` for a backslash and for bytes that are not UTF-8. */\nexport type WorkspacePath = string;\n",
    );
    macro_rules! add {
        ($($t:ty),* $(,)?) => { $( out.push_str(&format!("\nexport {}\n", <$t>::decl(&cfg))); )* };
    }
    add!(
        session::ClientFrame,
        session::ClientMessage,
        session::RunnerFrame,
        session::RunnerMessage,
        session::Role,
        session::ErrorCode,
        session::EntryKind,
        session::Entry,
        session::Clash,
        session::RefusedReason,
        session::LineEnds,
        session::TerminalInput,
        session::TerminalKind,
        session::TerminalInfo,
        session::RunState,
        session::RunConfiguration,
        session::RunSet,
        session::ProjectInfo,
        project::NamedRun,
        session::PortInfo,
        session::Person,
        search::FileName,
        search::SearchQuery,
        search::FoundFile,
        search::FoundMatch,
        search::SearchBound,
        search::ReplaceFile,
        search::ReplacedFile,
        search::ReplaceOutcome,
        api::Me,
        api::Template,
        api::ReplLimits,
        api::ReplSize,
        api::ReplNetwork,
        api::ReplSettings,
        api::MissingLanguage,
        api::SetupState,
        api::CreateRepl,
        api::UpdateRepl,
        api::BinnedRepl,
        host::Host,
        host::HostRoom,
        host::HostRepl,
        host::StopRepl,
        host::HostCheck,
        host::CheckState,
        host::People,
        host::Person,
        host::Role,
        host::AddPerson,
        host::UpdatePerson,
        host::NewKey,
        settings::Settings,
        settings::ThemeChoice,
        api::HistoryPage,
        api::HistoryState,
        api::HistoryChanges,
        api::NameState,
        api::NamedState,
        api::RestoreState,
        api::RestoredState,
        api::StoredFolder,
        api::ImportedArchive,
        api::StoredItem,
        api::StoredKind,
        api::Repl,
        api::ReplState,
        api::Phase,
        api::Progress,
        api::Awake,
        api::AwakeWhy,
        api::Resources,
        api::Saved,
        api::Unsaved,
        api::Usage,
        api::PreviewRequest,
        api::PreviewAddress,
        api::ApiError,
        api::ApiErrorBody,
    );
    out.push_str(&format!(
        "\nexport const SUBPROTOCOL = {:?};\n",
        alcove_protocol::SUBPROTOCOL
    ));
    out.push_str(&format!(
        "export const MAX_MESSAGE_BYTES = {};\n",
        alcove_protocol::MAX_MESSAGE_BYTES
    ));
    let defaults = serde_json::to_string(&settings::Settings::default()).unwrap();
    out.push_str(&format!(
        "export const DEFAULT_SETTINGS: Settings = {defaults};\n"
    ));
    out.push_str(&format!(
        "export const MAX_STATE_NAME_CHARS = {};\n",
        api::MAX_STATE_NAME_CHARS
    ));
    out.push_str(&format!("export const BIN_DAYS = {};\n", api::BIN_DAYS));
    out.push_str(&format!(
        "export const MAX_REPL_NAME_CHARS = {};\n",
        api::MAX_REPL_NAME_CHARS
    ));
    for (name, words) in [
        ("FIRST_WORDS", names::FIRST_WORDS),
        ("SECOND_WORDS", names::SECOND_WORDS),
    ] {
        out.push_str(&format!(
            "export const {name}: readonly string[] = {words:?};\n"
        ));
    }
    out.push_str(&format!(
        "export const MAX_REPLACE_FILES = {};\n",
        search::MAX_REPLACE_FILES
    ));
    out
}

#[test]
fn the_committed_typescript_is_what_the_types_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/src/api/protocol.gen.ts");
    let now = generate();
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == now,
        "web/src/api/protocol.gen.ts is not current: run `make bindings`"
    );
}
