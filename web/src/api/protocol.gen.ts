// Generated from crates/protocol by `make bindings`. Do not edit.

/** As [`path.rs`](../../../crates/protocol/src/path.rs) says: `\xNN` for a backslash and for bytes that are not UTF-8. */
export type WorkspacePath = string;

export type ClientFrame = { id?: number, } & ({ "type": "hello", client: string, } | { "type": "ping", time: number, } | { "type": "tree_list", path: WorkspacePath, } | { "type": "tree_unwatch", path: WorkspacePath, } | { "type": "file_create", path: WorkspacePath, kind: EntryKind, } | { "type": "file_move", from: WorkspacePath, to: WorkspacePath, } | { "type": "file_copy", from: WorkspacePath, to: WorkspacePath, } | { "type": "file_delete", path: WorkspacePath, } | { "type": "files_trash", trash: number, paths: Array<WorkspacePath>, } | { "type": "files_restore", trash: number, } | { "type": "archive_extract", path: WorkspacePath, strip: boolean, remove: boolean, } | { "type": "files_find", query: string, } | { "type": "search", search: number, query: SearchQuery, } | { "type": "search_cancel", search: number, } | { "type": "replace", replace: number, query: SearchQuery, files: Array<ReplaceFile>, } | { "type": "replace_undo", replace: number, } | { "type": "document_open", path: WorkspacePath, epoch: string | null, } | { "type": "document_close", channel: number, } | { "type": "document_flush", channel: number, } | { "type": "document_line_ends", channel: number, line_ends: LineEnds, } | { "type": "terminal_create", cols: number, rows: number, } | { "type": "terminal_attach", terminal: number, from: number | null, cols: number, rows: number, } | { "type": "terminal_detach", channel: number, } | { "type": "terminal_resize", terminal: number, cols: number, rows: number, } | { "type": "terminal_rename", terminal: number, name: string, } | { "type": "terminal_close", terminal: number, } | { "type": "run_start", name?: string, cols: number, rows: number, } | { "type": "run_stop", name?: string, } | { "type": "runs_save", before: RunSet | null, now: RunSet, } | { "type": "git_clone", url: string, cols: number, rows: number, });

export type ClientMessage = { "type": "hello", client: string, } | { "type": "ping", time: number, } | { "type": "tree_list", path: WorkspacePath, } | { "type": "tree_unwatch", path: WorkspacePath, } | { "type": "file_create", path: WorkspacePath, kind: EntryKind, } | { "type": "file_move", from: WorkspacePath, to: WorkspacePath, } | { "type": "file_copy", from: WorkspacePath, to: WorkspacePath, } | { "type": "file_delete", path: WorkspacePath, } | { "type": "files_trash", trash: number, paths: Array<WorkspacePath>, } | { "type": "files_restore", trash: number, } | { "type": "archive_extract", path: WorkspacePath, strip: boolean, remove: boolean, } | { "type": "files_find", query: string, } | { "type": "search", search: number, query: SearchQuery, } | { "type": "search_cancel", search: number, } | { "type": "replace", replace: number, query: SearchQuery, files: Array<ReplaceFile>, } | { "type": "replace_undo", replace: number, } | { "type": "document_open", path: WorkspacePath, epoch: string | null, } | { "type": "document_close", channel: number, } | { "type": "document_flush", channel: number, } | { "type": "document_line_ends", channel: number, line_ends: LineEnds, } | { "type": "terminal_create", cols: number, rows: number, } | { "type": "terminal_attach", terminal: number, from: number | null, cols: number, rows: number, } | { "type": "terminal_detach", channel: number, } | { "type": "terminal_resize", terminal: number, cols: number, rows: number, } | { "type": "terminal_rename", terminal: number, name: string, } | { "type": "terminal_close", terminal: number, } | { "type": "run_start", name?: string, cols: number, rows: number, } | { "type": "run_stop", name?: string, } | { "type": "runs_save", before: RunSet | null, now: RunSet, } | { "type": "git_clone", url: string, cols: number, rows: number, };

export type RunnerFrame = { re?: number, } & ({ "type": "welcome", runner: string, role: Role, project: ProjectInfo, inputs: Array<TerminalInput>, } | { "type": "pong", time: number, } | { "type": "done" } | { "type": "error", code: ErrorCode, message: string, } | { "type": "tree_listed", path: WorkspacePath, entries: Array<Entry>, } | { "type": "tree_changed", path: WorkspacePath, upserted: Array<Entry>, removed: Array<string>, gone: boolean, } | { "type": "files_restored", left: Array<WorkspacePath>, } | { "type": "archive_extracted", files: number, left: Array<string>, left_out: number, } | { "type": "files_found", found: Array<FileName>, files: number, whole: boolean, } | { "type": "search_found", search: number, files: Array<FoundFile>, } | { "type": "search_done", search: number, files: number, matches: number, bound: SearchBound | null, skipped: number, } | { "type": "replaced", files: Array<ReplacedFile>, undoable: boolean, } | { "type": "document_opened", path: WorkspacePath, channel: number, epoch: string, line_ends: LineEnds, } | { "type": "document_refused", path: WorkspacePath, reason: RefusedReason, size: number, } | { "type": "document_moved", channel: number, path: WorkspacePath, } | { "type": "document_gone", channel: number, gone: boolean, } | { "type": "document_conflict", channel: number, clash: Clash, } | { "type": "document_line_ends_are", channel: number, line_ends: LineEnds, } | { "type": "document_unwritable", channel: number, message: string | null, } | { "type": "terminal_created", terminal: number, } | { "type": "terminal_attached", terminal: number, channel: number, } | { "type": "terminals", terminals: Array<TerminalInfo>, } | { "type": "run_state", name: string, run: RunState, } | { "type": "project", project: ProjectInfo, } | { "type": "ports", ports: Array<PortInfo>, } | { "type": "people", people: Array<Person>, });

export type RunnerMessage = { "type": "welcome", runner: string, role: Role, project: ProjectInfo, inputs: Array<TerminalInput>, } | { "type": "pong", time: number, } | { "type": "done" } | { "type": "error", code: ErrorCode, message: string, } | { "type": "tree_listed", path: WorkspacePath, entries: Array<Entry>, } | { "type": "tree_changed", path: WorkspacePath, upserted: Array<Entry>, removed: Array<string>, gone: boolean, } | { "type": "files_restored", left: Array<WorkspacePath>, } | { "type": "archive_extracted", files: number, left: Array<string>, left_out: number, } | { "type": "files_found", found: Array<FileName>, files: number, whole: boolean, } | { "type": "search_found", search: number, files: Array<FoundFile>, } | { "type": "search_done", search: number, files: number, matches: number, bound: SearchBound | null, skipped: number, } | { "type": "replaced", files: Array<ReplacedFile>, undoable: boolean, } | { "type": "document_opened", path: WorkspacePath, channel: number, epoch: string, line_ends: LineEnds, } | { "type": "document_refused", path: WorkspacePath, reason: RefusedReason, size: number, } | { "type": "document_moved", channel: number, path: WorkspacePath, } | { "type": "document_gone", channel: number, gone: boolean, } | { "type": "document_conflict", channel: number, clash: Clash, } | { "type": "document_line_ends_are", channel: number, line_ends: LineEnds, } | { "type": "document_unwritable", channel: number, message: string | null, } | { "type": "terminal_created", terminal: number, } | { "type": "terminal_attached", terminal: number, channel: number, } | { "type": "terminals", terminals: Array<TerminalInfo>, } | { "type": "run_state", name: string, run: RunState, } | { "type": "project", project: ProjectInfo, } | { "type": "ports", ports: Array<PortInfo>, } | { "type": "people", people: Array<Person>, };

export type Role = "owner" | "editor" | "viewer";

export type ErrorCode = "malformed" | "bad_path" | "bad_query" | "cancelled" | "not_found" | "exists" | "forbidden" | "limit" | "failed";

export type EntryKind = "file" | "folder" | "symlink" | "other";

export type Entry = { 
/**
 * As in [`WorkspacePath`]: `\xNN` for what isn't UTF-8.
 */
name: string, kind: EntryKind, 
/**
 * Bytes; 0 for what is not a file.
 */
size: number, 
/**
 * Another number when the file was written since; 0 for what is not a file.
 */
version: number, executable: boolean, 
/**
 * For a symlink: what it leads to is a folder.
 */
leads_to_folder: boolean, 
/**
 * Bulk or cache by the project file.
 */
derived: boolean, 
/**
 * `.gitignore` names it.
 */
ignored: boolean, };

export type Clash = { 
/**
 * Where the person's begins,
 */
mine: Array<number>, 
/**
 * where the program's begins,
 */
theirs: Array<number>, 
/**
 * and where that ends.
 */
end: Array<number>, };

export type RefusedReason = "binary" | "too_large" | "not_a_file";

export type LineEnds = "lf" | "crlf" | "cr" | "mixed";

export type TerminalInput = { terminal: number, received: number, };

export type TerminalKind = "shell" | "run" | "clone";

export type TerminalInfo = { terminal: number, kind: TerminalKind, 
/**
 * `Shell 1`, `Run`, or what somebody called it.
 */
name: string, cols: number, rows: number, 
/**
 * Exit code of the program, once it has ended; 128 + signal where a signal ended it.
 */
exit_code: number | null, };

export type RunState = { "status": "idle" } | { "status": "running", terminal: number, command: string, 
/**
 * Milliseconds since it was started.
 */
elapsed_ms: number, 
/**
 * The setup runs first.
 */
setup: boolean, } | { "status": "exited", terminal: number, command: string, exit_code: number, stopped: boolean, elapsed_ms: number, };

export type RunConfiguration = { command: string, port: number | null, };

export type RunSet = { run: RunConfiguration, 
/**
 * The further ones.
 */
runs: Array<NamedRun>, };

export type ProjectInfo = { run_command: string, run_port: number | null, 
/**
 * Further run configurations.
 */
runs: Array<NamedRun>, open: Array<WorkspacePath>, 
/**
 * What is wrong with the file, for a person to read.
 */
error: string | null, };

export type NamedRun = { 
/**
 * Unique, 1 to 40 characters.
 */
name: string, 
/**
 * As in [`Run`], but never empty.
 */
command: string, port: number | null, };

export type PortInfo = { port: number, 
/**
 * Name of the program that listens; empty when it can't be told.
 */
process: string, };

export type Person = { 
/**
 * As chosen by their page in `hello`.
 */
client: string, name: string, role: Role, };

export type FileName = { path: WorkspacePath, 
/**
 * UTF-16 offsets in `path` of the letters that were found, ascending.
 */
positions: Array<number>, };

export type SearchQuery = { 
/**
 * Found within one line.
 */
pattern: string, 
/**
 * `pattern` is a regular expression, as of Rust's crate `regex`; else it stands for itself.
 */
regex: boolean, 
/**
 * Capital and small letters are different.
 */
case: boolean, 
/**
 * Whole words alone.
 */
word: boolean, 
/**
 * As in a `.gitignore`. Files that one of these names; all when there is none.
 */
include: Array<string>, 
/**
 * Files and folders that are left out.
 */
exclude: Array<string>, 
/**
 * What each match is to become. In a regular expression's, `$1` and `${name}` are its groups and
 * `$$` is a dollar.
 */
replacement: string | null, };

export type FoundFile = { path: WorkspacePath, 
/**
 * Names the text that was searched: `replace` finds by it whether it is the same still.
 */
stamp: string, matches: Array<FoundMatch>, 
/**
 * It has more than are told.
 */
more: boolean, };

export type FoundMatch = { 
/**
 * From 1.
 */
line: number, start: number, end: number, 
/**
 * The line, or the part of it round the match.
 */
text: string, 
/**
 * The column where `text` begins.
 */
from: number, 
/**
 * What the match would become; cut where it is long.
 */
replacement: string | null, };

export type SearchBound = "matches" | "time" | "files";

export type ReplaceFile = { path: WorkspacePath, 
/**
 * As in [`FoundFile`].
 */
stamp: string, 
/**
 * Which of the file's matches, from 0, ascending.
 */
chosen: Array<number>, };

export type ReplacedFile = { path: WorkspacePath, outcome: ReplaceOutcome, };

export type ReplaceOutcome = { "outcome": "replaced", matches: number, } | { "outcome": "changed" } | { "outcome": "failed", message: string, };

export type Me = { id: string, name: string, role: string, 
/**
 * May see what runs on this server, stop it, and let people in.
 */
is_operator: boolean, 
/**
 * Version of the server.
 */
version: string, 
/**
 * Where "saved" is: `true` when the store is this machine's own disk.
 */
store_is_local: boolean, 
/**
 * Shown when repls run without isolation.
 */
isolated: boolean, 
/**
 * Of all your repls together, those in the bin included.
 */
usage: Usage, 
/**
 * What holds for repls whose settings say nothing, and what these may say.
 */
repl_limits: ReplLimits, 
/**
 * The sizes that a repl's settings may name, the smallest first.
 */
repl_sizes: Array<ReplSize>, 
/**
 * What a repl's settings may say of the network, the least first; the last is the default. None where
 * nothing holds programs to it.
 */
repl_networks: Array<ReplNetwork>, };

export type Template = { name: string, title: string, description: string, 
/**
 * One to three characters.
 */
icon: string, language: string, 
/**
 * What is missing on this machine, when its repls could not run.
 */
missing: MissingLanguage | null, setup: SetupState, };

export type ReplLimits = { wake_on_touch: boolean, 
/**
 * Whether a repl may go on with nobody there.
 */
keep_alive_allowed: boolean, grace_seconds: number | null, max_grace_seconds: number | null, idle_seconds: number | null, max_idle_seconds: number | null, 
/**
 * How long a repl runs in one go at most, whatever it says.
 */
max_life_seconds: number | null, };

export type ReplSize = { name: string, 
/**
 * Bytes.
 */
memory: number, processes: number, 
/**
 * Share of the processors beside other repls; 100 is usual.
 */
cpu_weight: number, 
/**
 * Bytes of its folders on the server's disk; `null`: no limit.
 */
disk: number | null, 
/**
 * That of repls whose settings name none.
 */
usual: boolean, };

export type ReplNetwork = "none" | "registries" | "internet";

export type ReplSettings = { 
/**
 * A request to its preview starts it, and what Run does.
 */
wake_on_touch?: boolean, 
/**
 * It goes on with nobody there, for as long as it may run.
 */
keep_alive?: boolean, 
/**
 * Minutes that it goes on after the last person has left.
 */
grace_minutes?: number, 
/**
 * Minutes, 1 at least, after which an open page in which nobody does anything counts as left.
 */
idle_minutes?: number, 
/**
 * Hours, 1 at least, after which it is stopped whatever it does.
 */
max_life_hours?: number, 
/**
 * The name of a [`ReplSize`]; holds from its next start on.
 */
size?: string, 
/**
 * Holds from its next start on.
 */
network?: ReplNetwork, };

export type MissingLanguage = { 
/**
 * In words: `Rust is not installed on this machine`.
 */
message: string, 
/**
 * The command that installs it.
 */
command: string, };

export type SetupState = { "state": "ready" } | { "state": "preparing" } | { "state": "failed", message: string, };

export type CreateRepl = { 
/**
 * Absent: a repl without any file, for what is imported.
 */
template?: string, 
/**
 * 1 to 100 characters; a generated one when absent or empty.
 */
name?: string, };

export type UpdateRepl = { name?: string, 
/**
 * Replaces all of them.
 */
settings?: ReplSettings, };

export type BinnedRepl = { id: string, name: string, template: string, 
/**
 * RFC 3339.
 */
deleted_at: string, 
/**
 * Until when it can be brought back, RFC 3339.
 */
kept_until: string, };

export type Host = { version: string, 
/**
 * When the server was started (RFC 3339).
 */
started_at: string, room: HostRoom, 
/**
 * Whose sandboxes are there, or are being made or ended; those with the most memory first.
 */
repls: Array<HostRepl>, };

export type HostRoom = { 
/**
 * Repls that run, and may at once.
 */
running: number, max_running: number, 
/**
 * Bytes that those may take, and that may be promised; `null`: nobody knows how many there are.
 */
promised_memory: number, total_memory: number | null, 
/**
 * Bytes that programs of this machine may still take, and that must be left before another repl starts.
 */
available_memory: number | null, spare_memory: number, 
/**
 * Repls that wait in line,
 */
waiting: number, 
/**
 * and sandboxes that are ready for new ones.
 */
ready: number, };

export type HostRepl = { id: string, name: string, 
/**
 * The owner's name.
 */
owner: string, phase: Phase, detail: string | null, 
/**
 * Since when it runs (RFC 3339); `null` before.
 */
started_at: string | null, 
/**
 * Who is there.
 */
people: number, resources: Resources | null, };

export type StopRepl = { 
/**
 * Why, in a line that its people read.
 */
reason?: string, };

export type HostCheck = { name: string, state: CheckState, detail: string, 
/**
 * What to do about it.
 */
remedy: string | null, };

export type CheckState = "ok" | "warn" | "fail";

export type People = { 
/**
 * In the order in which they came.
 */
people: Array<KnownPerson>, roles: Array<PersonRole>, };

export type KnownPerson = { id: string, name: string, role: string, 
/**
 * Has the server's own token: can be neither changed nor sent away.
 */
is_local: boolean, 
/**
 * When they were let in (RFC 3339).
 */
since: string, 
/**
 * Their repls but for those in the bin,
 */
repls: number, 
/**
 * how many of them run or are about to,
 */
running: number, 
/**
 * and what all hold, those in the bin included.
 */
usage: Usage, };

export type PersonRole = { name: string, 
/**
 * The largest size,
 */
max_size: string, 
/**
 * the most of the network; `null`: nothing holds them to any,
 */
network: ReplNetwork | null, keep_alive_allowed: boolean, 
/**
 * and the longest time in one go; `null`: for ever.
 */
max_life_seconds: number | null, 
/**
 * Of one person: how many run at once; `null`: as many as all may;
 */
max_running: number | null, 
/**
 * and what all may hold in the store.
 */
max_bytes: number, max_files: number, };

export type AddPerson = { name: string, 
/**
 * `member` unless it is said.
 */
role?: string, };

export type UpdatePerson = { role: string, };

export type NewKey = { id: string, name: string, key: string, 
/**
 * Where they sign in with it.
 */
address: string, 
/**
 * How many repls are theirs again, since they were here before.
 */
repls: number, };

export type Settings = { theme: ThemeChoice, 
/**
 * Pixels, 8 to 40.
 */
editor_font_px: number, 
/**
 * Pixels, 8 to 40.
 */
terminal_font_px: number, 
/**
 * Font families as in CSS; empty for Alcove's own.
 */
editor_font: string, 
/**
 * Columns of a tab, 1 to 16; also the indentation of files that show none of their own.
 */
tab_columns: number, word_wrap: boolean, 
/**
 * Vim's keys in the editor.
 */
vim: boolean, 
/**
 * The terminal keeps its text where screen readers find it; slower.
 */
screen_reader: boolean, 
/**
 * Combinations by command; empty: the command has none.
 */
keys: Record<string, string>, };

export type ThemeChoice = "system" | "light" | "dark";

export type HistoryPage = { states: Array<HistoryState>, 
/**
 * There is more: ask for what is before this number.
 */
before: number | null, };

export type HistoryState = { number: number, 
/**
 * The state that its changes are counted from; none for the first.
 */
since: number | null, 
/**
 * RFC 3339.
 */
at: string, 
/**
 * Names of those who were there; none: programs alone were at work. Absent where that is not known.
 */
by: Array<string> | null, 
/**
 * The name that it was given.
 */
name: string | null, 
/**
 * Number of the state that was brought back here, all of it or a part.
 */
restored: number | null, 
/**
 * Files that it has and the one before did not,
 */
added: number, 
/**
 * that are different,
 */
changed: number, 
/**
 * and that are gone.
 */
removed: number, };

export type HistoryChanges = { added: Array<WorkspacePath>, changed: Array<WorkspacePath>, removed: Array<WorkspacePath>, 
/**
 * How many more there are.
 */
more: number, };

export type NameState = { 
/**
 * 1 to 100 characters.
 */
name: string, };

export type NamedState = { number: number, };

export type RestoreState = { 
/**
 * A file or folder; everything when absent or empty.
 */
path?: string, 
/**
 * Where the state has nothing there, what is there now goes. Otherwise that is refused.
 */
or_remove?: boolean, };

export type RestoredState = { 
/**
 * The newest state now,
 */
number: number, 
/**
 * and the one before: restoring it undoes this.
 */
before: number, 
/**
 * The first of those files that could not be brought back: something was in their way.
 */
left: Array<WorkspacePath>, left_out: number, };

export type StoredFolder = { 
/**
 * The state's number.
 */
number: number, 
/**
 * RFC 3339.
 */
at: string, 
/**
 * Folders, files and links, sorted by name.
 */
items: Array<StoredItem>, 
/**
 * How many more there are.
 */
more: number, };

export type ImportedArchive = { 
/**
 * Files and links that came out of it.
 */
files: number, 
/**
 * Names of what stayed in it, or could not be saved; the first hundred of them.
 */
left: Array<string>, left_out: number, };

export type StoredItem = { path: WorkspacePath, kind: StoredKind, 
/**
 * Bytes of a file.
 */
size: number, 
/**
 * BLAKE3 of a file's content, hexadecimal.
 */
hash: string | null, 
/**
 * Where a link leads to.
 */
target: string | null, };

export type StoredKind = "file" | "folder" | "symlink";

export type Repl = { 
/**
 * Twelve characters of `0-9a-z`; part of the preview's host name.
 */
id: string, name: string, template: string, 
/**
 * RFC 3339.
 */
created_at: string, 
/**
 * Last time that something in it was saved, RFC 3339.
 */
edited_at: string, settings: ReplSettings, state: ReplState, };

export type ReplState = { phase: Phase, 
/**
 * For a person: what is being done while it starts or stops, why it failed or was stopped.
 */
detail: string | null, 
/**
 * While files are restored: all of them while it starts, derived folders while it runs.
 */
progress: Progress | null, saved: Saved, 
/**
 * Files that have changed since they were saved.
 */
unsaved: Unsaved, 
/**
 * As it was saved last.
 */
usage: Usage, 
/**
 * Why it goes on, and until when; `null` while it does not run.
 */
awake: Awake | null, 
/**
 * What its programs use; `null` while it does not run, and where the machine does not count it.
 */
resources: Resources | null, 
/**
 * What its programs may reach; `null` while it does not run, and where nothing holds them to it.
 */
network: ReplNetwork | null, 
/**
 * The project's program runs.
 */
running: boolean, 
/**
 * People who are here.
 */
people: number, };

export type Phase = "stopped" | "starting" | "running" | "stopping" | "failed";

export type Progress = { 
/**
 * Files, folders and links,
 */
done: number, total: number, 
/**
 * and bytes of their content; of all `0` where it is not known.
 */
done_bytes: number, total_bytes: number, };

export type Awake = { why: AwakeWhy, 
/**
 * When it stops if nothing else happens (RFC 3339, rounded up to a minute); `null`: never.
 */
until: string | null, };

export type AwakeWhy = "people" | "idle" | "recent" | "busy" | "keep_alive" | "max_life" | "always";

export type Resources = { 
/**
 * Bytes, rounded up to 1 MiB, without what the kernel would give back.
 */
memory: number, max_memory: number, processes: number, max_processes: number, 
/**
 * Percent of one processor, of the last seconds.
 */
cpu: number, 
/**
 * Programs that were ended since the memory was full, since it started; when the last was (RFC 3339).
 */
killed: number, killed_at: string | null, 
/**
 * How often a process could not be started since there were too many; when that was last.
 */
refused: number, refused_at: string | null, 
/**
 * What is in its folders on the server's disk, rounded up to 1 MiB and 256 files; absent where that
 * has no limit.
 */
disk: Usage | null, 
/**
 * Nothing holds programs to that limit: beyond it they are stopped.
 */
disk_is_measured: boolean, };

export type Saved = { "state": "saved" } | { "state": "saving" } | { "state": "failing", since: string | null, message: string, } | { "state": "partly", files: number, paths: Array<string>, message: string, };

export type Unsaved = { files: number, 
/**
 * Some of them: from `workspace/` or `home/` on, percent-encoded where it isn't printable ASCII.
 */
paths: Array<string>, 
/**
 * There are more, which are not counted.
 */
more: boolean, };

export type Usage = { bytes: number, 
/**
 * Files, folders and links.
 */
files: number, max_bytes: number, max_files: number, };

export type PreviewRequest = { port: number, 
/**
 * Where to go after sign-in, from `/` on; `/` when absent.
 */
path?: string, };

export type PreviewAddress = { 
/**
 * Open this in the frame: it holds a single-use ticket, and leads on to the clean address.
 */
url: string, 
/**
 * The preview's origin, for display and for `postMessage`.
 */
origin: string, };

export type ApiError = { error: ApiErrorBody, };

export type ApiErrorBody = { 
/**
 * Stable, for programs: `not_found`, `bad_request`, …
 */
code: string, 
/**
 * For people: what happened, what to do.
 */
message: string, };

export const SUBPROTOCOL = "alcove.session.v1";
export const MAX_MESSAGE_BYTES = 1048576;
export const DEFAULT_SETTINGS: Settings = {"theme":"system","editor_font_px":13.0,"terminal_font_px":12.5,"editor_font":"","tab_columns":4,"word_wrap":false,"vim":false,"screen_reader":false,"keys":{}};
export const MAX_STATE_NAME_CHARS = 100;
export const BIN_DAYS = 30;
export const MAX_REPL_NAME_CHARS = 100;
export const FIRST_WORDS: readonly string[] = ["amber", "brisk", "calm", "clear", "clever", "coral", "crisp", "dapper", "eager", "early", "gentle", "golden", "keen", "light", "lively", "lucky", "mellow", "merry", "misty", "nimble", "olive", "proud", "quiet", "rapid", "sandy", "silver", "snowy", "sunny", "swift", "tidy", "velvet", "vivid", "warm", "wild", "young"];
export const SECOND_WORDS: readonly string[] = ["acorn", "badger", "beacon", "birch", "brook", "canyon", "cedar", "comet", "cove", "delta", "ember", "falcon", "fern", "finch", "garden", "glade", "harbor", "heron", "island", "lagoon", "lantern", "maple", "meadow", "otter", "pebble", "pine", "planet", "prairie", "reef", "river", "sparrow", "summit", "thicket", "valley", "willow"];
export const MAX_REPLACE_FILES = 200;
