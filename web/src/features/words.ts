/** States in words, for people. Pure. */
import type {
  Awake,
  Phase,
  Progress,
  ReplSize,
  ReplState,
  Resources,
  RunState,
  Saved,
  Usage,
} from "../api/protocol.gen";
import { display } from "../session/paths";
import type { ClosedReason, Connection } from "../session/socket";

export type Exited = Extract<RunState, { status: "exited" }>;
export type Tone = "ok" | "warn" | "bad" | "quiet";

const numbers = new Intl.NumberFormat("en");

export function count(n: number, one: string, many = `${one}s`): string {
  return `${numbers.format(n)} ${n === 1 ? one : many}`;
}

/** `0:07`, `12:30`, `1:02:03` */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function bytes(n: number): string {
  if (n < 1000) return count(n, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let value = n / 1000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** As an operator sets limits, and the server speaks of them: `1.5 GiB`. */
export function binaryBytes(n: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const unit = Math.min(Math.floor(Math.log2(Math.max(n, 1)) / 10), units.length - 1);
  return `${Math.round((n / 1024 ** unit) * 10) / 10} ${units[unit]}`;
}

function clockTime(time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? ""
    : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** `just now`, `5 min ago`, `yesterday`, `12 Nov` */
export function ago(time: string, now: Date): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "at an unknown time";
  const minutes = Math.floor((now.getTime() - date.getTime()) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  if (date.getTime() >= midnight) return `${Math.floor(minutes / 60)} h ago`;
  if (date.getTime() >= midnight - 86_400_000) return "yesterday";
  const year = date.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year });
}

/** A repl's state on the dashboard. */
export function replWords({ phase, detail, saved, running, awake }: ReplState): { text: string; tone: Tone } {
  switch (phase) {
    case "running":
      if (saved.state === "failing") return { text: "Running, but not saved", tone: "warn" };
      if (saved.state === "partly") return { text: "Running, not all saved", tone: "warn" };
      return {
        text: [running ? "Running its program" : "Running", awakeWords(awake)].filter(Boolean).join("; "),
        tone: "ok",
      };
    case "starting":
      return { text: detail ?? "Starting…", tone: "warn" };
    case "stopping":
      return { text: detail ?? "Saving, then going to sleep…", tone: "warn" };
    case "failed":
      return { text: detail ? `Failed: ${detail}` : "Failed", tone: "bad" };
    case "stopped":
      if (saved.state === "saved")
        return { text: detail ? `Asleep, all saved: ${detail}` : "Asleep, all saved", tone: "quiet" };
      return { text: "Asleep, not all saved", tone: "warn" };
  }
}

/** Until when a repl goes on that nobody uses; nothing while somebody does, and when that is for ever. */
export function awakeWords(awake: Awake | null): string | null {
  if (awake?.why === "keep_alive") return "goes on with nobody there";
  if (!awake?.until) return null;
  const at = clockTime(awake.until);
  switch (awake.why) {
    case "recent":
      return `stops at ${at} if nobody comes`;
    case "idle":
      return `stops at ${at} if nobody does anything`;
    case "busy":
      return `programs are at work, until ${at} at most`;
    case "max_life":
      return `stops at ${at}, having run for as long as it may`;
    default:
      return null;
  }
}

/** What became of the files of a repl that does not run. */
export function keptWords({ state }: Saved): string {
  if (state === "saved") return "All its files are saved.";
  return "What was saved last is safe. Newer changes are kept on this server, and are saved when it starts again.";
}

/**
 * What is safe, for the whole repl; `short` where there is little room. `waiting`: own edits that are not on disk;
 * `unstored`: files not in the store.
 */
export function savedWords(
  saved: Saved,
  waiting: number,
  unstored: number,
  storeIsLocal: boolean,
): { text: string; short: string; tone: Tone } {
  if (saved.state === "failing") {
    const since = saved.since ? clockTime(saved.since) : "";
    return {
      text: since ? `Not saved since ${since}, trying again` : "Not saved yet, trying again",
      short: "Not saved",
      tone: "bad",
    };
  }
  if (saved.state === "partly" && waiting === 0) {
    return { text: `${count(saved.files, "file")} not saved`, short: "Not all saved", tone: "bad" };
  }
  if (saved.state === "saving" || waiting > 0 || unstored > 0)
    return { text: "Saving…", short: "Saving…", tone: "warn" };
  return { text: storeIsLocal ? "All saved on this machine" : "All saved", short: "Saved", tone: "ok" };
}

/** Some of the files that a quota keeps from being saved. */
export function refusedWords(paths: string[], files: number): string {
  const shown = paths.slice(0, 3).map((path) => display(path.replace(/^workspace\//, "")));
  const more = files - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** From this part of a quota on, what is used of it is shown; and from that part on, its user is warned. */
const TOLD = 0.7;
const NEAR = 0.9;

/** How much a repl, or all of a user's (`whose`), hold of what they may; nothing while that is far away. */
export function usageWords(
  usage: Usage,
  whose: string,
): { text: string; used: string; near: boolean } | null {
  const bytes = usage.bytes / usage.max_bytes;
  const files = usage.files / usage.max_files;
  const part = Math.max(bytes, files);
  if (part < TOLD) return null;
  const used =
    bytes >= files
      ? `${binaryBytes(usage.bytes)} of ${binaryBytes(usage.max_bytes)}`
      : `${numbers.format(usage.files)} of ${count(usage.max_files, "file")}`;
  const near = part >= NEAR;
  return { text: `${whose} ${used}.${near ? " What is beyond that is not saved." : ""}`, used, near };
}

/** From this part of the memory or the processes on, a person is warned. */
const TIGHT = 0.9;

/** What a repl's programs use; nothing where it is not known. `tight`: little is left, and it is said of what. */
export function resourceWords(
  resources: Resources | null,
): { used: string; text: string; tight: string | null } | null {
  if (!resources) return null;
  const { memory, max_memory, processes, max_processes, cpu, disk } = resources;
  const used = binaryBytes(memory);
  const most = binaryBytes(max_memory);
  const tight =
    memory >= max_memory * TIGHT
      ? `Memory is almost full: ${used} of ${most}. When it is full, programs are ended.`
      : processes >= max_processes * TIGHT
        ? `${count(processes, "process", "processes")} run, of ${max_processes} that may.`
        : disk && disk.bytes >= disk.max_bytes * TIGHT
          ? `The disk is almost full: ${binaryBytes(disk.bytes)} of ${binaryBytes(disk.max_bytes)}.`
          : disk && disk.files >= disk.max_files * TIGHT
            ? `The disk has room for ${count(disk.max_files, "file")}, and holds ${count(disk.files, "file")}.`
            : null;
  const held = disk
    ? ` Its files take ${binaryBytes(disk.bytes)} of ${binaryBytes(disk.max_bytes)} of disk.`
    : "";
  return {
    used: `${used} · ${cpu} % CPU`,
    text: `Programs use ${used} of ${most} of memory, ${cpu} % of a processor, and are ${count(processes, "process", "processes")} of ${max_processes}.${held}`,
    tight,
  };
}

/** How to get more of a limit: by a size that may be chosen, if there is one with more. */
const moreWords = (sizes: ReplSize[], has: number, of: "memory" | "processes") =>
  sizes.some((size) => size[of] > has)
    ? "choose a larger size (How this repl runs, in the palette)"
    : "ask whoever runs this server for more";

/** What a repl's limits have cost its programs since it started; nothing when nothing. `sizes`: as in [`Me`]. */
export function limitWords(
  resources: Resources | null,
  sizes: ReplSize[] = [],
): { key: string; text: string } | null {
  if (!resources) return null;
  const { disk, disk_is_measured } = resources;
  const full = disk && diskWords(disk, disk_is_measured);
  if (full) return { key: "disk", text: full };
  const near = disk && disk_is_measured && nearWords(disk);
  if (near) return { key: "disk-near", text: near };
  const { killed, killed_at, max_memory, refused, refused_at, max_processes } = resources;
  const key = `${killed} ${refused}`;
  if (killed > 0 && (refused === 0 || (killed_at ?? "") >= (refused_at ?? ""))) {
    const at = killed_at ? ` at ${clockTime(killed_at)}` : "";
    return {
      key,
      text: `Memory was full${at} (${binaryBytes(max_memory)}), so a program was ended. Run less at once, or ${moreWords(sizes, max_memory, "memory")}.`,
    };
  }
  if (refused === 0) return null;
  const at = refused_at ? ` at ${clockTime(refused_at)}` : "";
  return {
    key,
    text: `There were too many processes${at} (${max_processes}), so a program could not start another. End some, or ${moreWords(sizes, max_processes, "processes")}.`,
  };
}

const ROOM = "Delete what is not needed, or can be made again, such as dependencies and builds.";

/** Before programs are stopped, since nothing keeps them from writing more than they may. */
function nearWords({ bytes, max_bytes, files, max_files }: Usage): string | null {
  if (bytes < max_bytes * TIGHT && files < max_files * TIGHT) return null;
  const what =
    bytes >= max_bytes * TIGHT
      ? `${binaryBytes(bytes)} of ${binaryBytes(max_bytes)}`
      : `${numbers.format(files)} of ${count(max_files, "file")}`;
  return `The disk is almost full: ${what}. When it is full, this repl’s programs are stopped; its files are kept. ${ROOM}`;
}

/** When nothing more can be written. */
function diskWords({ bytes, max_bytes, files, max_files }: Usage, isMeasured: boolean): string | null {
  if (bytes < max_bytes && files < max_files) return null;
  const what = bytes < max_bytes ? count(max_files, "file") : binaryBytes(max_bytes);
  const then = isMeasured ? "this repl’s programs are stopped" : "programs can't write";
  return `The disk is full (${what}), so ${then}. ${ROOM}`;
}

/** `online`: the browser has a network. A server on the same machine needs none. */
export function connectionWords(connection: Connection, online = true): { text: string; tone: Tone } {
  if (!online && (connection.state === "connecting" || connection.state === "waiting"))
    return { text: "Offline", tone: "warn" };
  switch (connection.state) {
    case "connected":
      return {
        text: connection.roundTripMs === null ? "Connected" : `Connected · ${connection.roundTripMs} ms`,
        tone: "ok",
      };
    case "connecting":
      return { text: connection.attempt > 0 ? "Reconnecting…" : "Connecting…", tone: "warn" };
    case "waiting":
      return { text: "Reconnecting…", tone: "warn" };
    case "closed":
      return { text: "Not connected", tone: "quiet" };
  }
}

/** Tries after which it is the server that is away, and not a connection that broke. */
const AWAY_AFTER = 3;

/** The bar while there is no connection: what waits, so that a person knows that nothing is lost. */
export function waitingWords(edits: number, keys: number, attempt = 0, online = true): string {
  const what = !online
    ? "You are offline."
    : attempt > AWAY_AFTER
      ? "The server does not answer; it is tried again."
      : "Reconnecting…";
  const parts = [edits > 0 ? count(edits, "edit") : "", keys > 0 ? count(keys, "key") : ""].filter(Boolean);
  if (parts.length === 0) return `${what} You can go on typing.`;
  const when = online ? "then" : "when the network is back";
  return `${what} ${parts.join(" and ")} waiting; they are kept here and sent ${when}.`;
}

/** Why there is no connection any more. */
export function closedWords(reason: ClosedReason, phase: Phase): string {
  if (phase === "failed" || reason === "failed") return "The repl failed.";
  return "The repl is asleep.";
}

/** What ended a program, by its number; those that say something to whoever wrote it. */
const SIGNALS: Record<number, string> = {
  4: "an instruction that the processor does not know",
  6: "it aborted",
  7: "memory that is not there",
  8: "a wrong calculation",
  9: "killed",
  11: "memory that is not its own",
  13: "nobody reads what it writes",
  15: "it was asked to end",
};
const OF_SIGNALS = 128;

/** How a program ended; more than 128 is a signal. */
export function failureWords(code: number): string {
  if (code === 0) return "ended";
  const signal = code - OF_SIGNALS;
  if (signal <= 0 || signal > 64) return `ended with exit code ${code}`;
  const why = SIGNALS[signal];
  return `was ended by signal ${signal}${why ? ` (${why})` : ""}`;
}

/** A program that ended, in a sentence. */
export function endedWords({ exit_code, stopped, elapsed_ms }: Exited): string {
  if (stopped) return "The program was stopped.";
  const after = exit_code === 0 ? "" : ` after ${elapsed(elapsed_ms)}`;
  return `The program ${failureWords(exit_code)}${after}.`;
}

export function runWords(run: RunState): string {
  switch (run.status) {
    case "idle":
      return "";
    case "running":
      return run.setup ? "Preparing" : run.command;
    case "exited":
      if (run.stopped) return "Stopped";
      return run.exit_code === 0 ? "Ended" : `Ended with exit code ${run.exit_code}`;
  }
}

/** How far a restore has come: `1,204 of 31,880 files, 14 MB of 180 MB`. */
export function progressWords({ done, total, done_bytes, total_bytes }: Progress): string {
  const files = `${numbers.format(done)} of ${count(total, "file")}`;
  // Of what was saved long ago they are not known.
  return total_bytes < done_bytes || total_bytes === 0
    ? files
    : `${files}, ${bytes(done_bytes)} of ${bytes(total_bytes)}`;
}

/** The bar while derived folders are restored beside a repl that runs already; `null`: all are there. */
export function restoringWords({ phase, progress, detail }: ReplState): string | null {
  if (phase !== "running" || !progress) return null;
  if (detail) return detail;
  return (
    `Restoring dependencies: ${progressWords(progress)}. ` +
    "You can read and edit now; Run starts when all are here."
  );
}

/** What is going on while a repl starts. */
export function startingWords(state: ReplState | undefined): {
  title: string;
  text: string;
  part: number | null;
} {
  const title = state?.detail ?? "Starting";
  const progress = state?.progress;
  if (!progress || progress.total === 0)
    return { title, text: "Your files will be here in a moment.", part: null };
  return {
    title,
    text: progressWords(progress),
    part: Math.min(1, progress.done / progress.total),
  };
}

/** While a repl starts whose files are shown as this browser had them last. */
export function openingWords(state: ReplState, edits: number, online = true): string {
  const { title, text, part } = startingWords(state.phase === "starting" ? state : undefined);
  const progress = part === null ? "" : ` ${text} are back.`;
  const waiting = edits > 0 ? ` ${count(edits, "edit")} waiting; kept here, and sent then.` : "";
  const what = online ? `${title}…${progress}` : "You are offline.";
  return `${what} This is how it was last; you can read and type already.${waiting}`;
}
