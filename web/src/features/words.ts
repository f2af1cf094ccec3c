/** States in words, for people. Pure. */
import type { Phase, ReplState, RunState, Saved } from "../api/protocol.gen";
import type { ClosedReason, Connection } from "../session/socket";

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
export function replWords({ phase, detail, saved, running }: ReplState): { text: string; tone: Tone } {
  switch (phase) {
    case "running":
      if (saved.state === "failing") return { text: "Running, but not saved", tone: "warn" };
      return { text: running ? "Running its program" : "Running", tone: "ok" };
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

/** What is safe, for the whole repl. `waiting`: own edits that are not on disk; `unstored`: files not in the store. */
export function savedWords(
  saved: Saved,
  waiting: number,
  unstored: number,
  storeIsLocal: boolean,
): { text: string; tone: Tone } {
  if (saved.state === "failing") {
    const since = saved.since ? clockTime(saved.since) : "";
    return {
      text: since ? `Not saved since ${since}, trying again` : "Not saved yet, trying again",
      tone: "bad",
    };
  }
  if (saved.state === "saving" || waiting > 0 || unstored > 0) return { text: "Saving…", tone: "warn" };
  return { text: storeIsLocal ? "All saved on this machine" : "All saved", tone: "ok" };
}

export function connectionWords(connection: Connection): { text: string; tone: Tone } {
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

/** The bar while there is no connection: what waits, so that a person knows that nothing is lost. */
export function waitingWords(edits: number, keys: number): string {
  const parts = [edits > 0 ? count(edits, "edit") : "", keys > 0 ? count(keys, "key") : ""].filter(Boolean);
  if (parts.length === 0) return "Reconnecting… You can go on typing.";
  return `Reconnecting… ${parts.join(" and ")} waiting; they are kept here and sent then.`;
}

/** Why there is no connection any more. */
export function closedWords(reason: ClosedReason, phase: Phase): string {
  if (phase === "failed" || reason === "failed") return "The repl failed.";
  return "The repl is asleep.";
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

/** The bar while derived folders are restored beside a repl that runs already; `null`: all are there. */
export function restoringWords({ phase, progress, detail }: ReplState): string | null {
  if (phase !== "running" || !progress) return null;
  if (detail) return detail;
  return (
    `Restoring dependencies: ${numbers.format(progress.done)} of ${numbers.format(progress.total)} files. ` +
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
    text: `${numbers.format(progress.done)} of ${numbers.format(progress.total)}`,
    part: Math.min(1, progress.done / progress.total),
  };
}
