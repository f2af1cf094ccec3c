/** Looking for text in all files, and replacing what was found. One search at a time; the newest holds. */
import type {
  FoundFile,
  ReplacedFile,
  RunnerMessage,
  SearchBound,
  SearchQuery,
  WorkspacePath,
} from "../api/protocol.gen";
import { MAX_REPLACE_FILES } from "../api/protocol.gen";
import { RequestError, type SessionSocket } from "./socket";
import { Value } from "./value";

export interface SearchState {
  status: "idle" | "searching" | "done" | "stopped" | "failed";
  /** Another one for each search. */
  number: number;
  /** What `files` is the answer to. */
  query: SearchQuery | null;
  files: readonly FoundFile[];
  matches: number;
  bound: SearchBound | null;
  /** Files that are too large to be looked into. */
  skipped: number;
  problem: string | null;
}

const NOTHING: SearchState = {
  status: "idle",
  number: 0,
  query: null,
  files: [],
  matches: 0,
  bound: null,
  skipped: 0,
  problem: null,
};

export interface ReplaceSummary {
  /** Names it, to undo it. */
  replace: number;
  matches: number;
  files: number;
  /** Changed meanwhile, and left alone. */
  changed: WorkspacePath[];
  failed: { path: WorkspacePath; message: string }[];
  undoable: boolean;
}

/** Which matches of a file, by their place in it. */
export type Chosen = ReadonlyMap<WorkspacePath, readonly number[]>;

export class TextSearch {
  readonly state = new Value<SearchState>(NOTHING);
  private next = 1;

  constructor(private readonly socket: SessionSocket) {}

  start(query: SearchQuery): void {
    const number = this.next++;
    this.state.set({ ...NOTHING, status: "searching", number, query });
    this.socket
      .request({ type: "search", search: number, query }, "search_done", ({ bound, skipped }) => {
        this.change(number, { status: "done", bound, skipped });
      })
      .catch((error: unknown) => {
        const message = error instanceof Error ? error.message : "The search did not work.";
        const stopped = error instanceof RequestError && error.code === "cancelled";
        this.change(number, stopped ? { status: "stopped" } : { status: "failed", problem: message });
      });
  }

  /** Ends the search; what was found stays. */
  stop(): void {
    const { number, status } = this.state.get();
    if (status === "searching") this.socket.send({ type: "search_cancel", search: number });
  }

  clear(): void {
    this.stop();
    this.state.set({ ...NOTHING, number: this.next++ });
  }

  /** Takes news of a search; `false` when they are not of one. */
  news(message: RunnerMessage): boolean {
    if (message.type !== "search_found") return false;
    const { files, matches } = this.state.get();
    const found = message.files.reduce((sum, file) => sum + file.matches.length, 0);
    this.change(message.search, { files: [...files, ...message.files], matches: matches + found });
    return true;
  }

  /** Replaces the chosen matches of what was found. */
  async replace(chosen: Chosen): Promise<ReplaceSummary> {
    const { query, files } = this.state.get();
    if (!query) throw new Error("There is nothing to replace.");
    const replace = this.next++;
    const wanted = files.flatMap(({ path, stamp }) => {
      const places = chosen.get(path);
      return places && places.length > 0 ? [{ path, stamp, chosen: [...places] }] : [];
    });
    const summary = emptySummary(replace);
    for (let at = 0; at < wanted.length; at += MAX_REPLACE_FILES) {
      const part = wanted.slice(at, at + MAX_REPLACE_FILES);
      const answer = await this.socket.request({ type: "replace", replace, query, files: part }, "replaced");
      add(summary, answer.files);
      summary.undoable = answer.undoable;
    }
    return summary;
  }

  async undo(replace: number): Promise<ReplaceSummary> {
    const answer = await this.socket.request({ type: "replace_undo", replace }, "replaced");
    const summary = emptySummary(replace);
    add(summary, answer.files);
    return summary;
  }

  private change(number: number, change: Partial<SearchState>): void {
    this.state.update((state) => (state.number === number ? { ...state, ...change } : state));
  }
}

function emptySummary(replace: number): ReplaceSummary {
  return { replace, matches: 0, files: 0, changed: [], failed: [], undoable: false };
}

function add(summary: ReplaceSummary, files: readonly ReplacedFile[]): void {
  for (const { path, outcome } of files) {
    if (outcome.outcome === "replaced") {
      summary.files++;
      summary.matches += outcome.matches;
    } else if (outcome.outcome === "changed") summary.changed.push(path);
    else summary.failed.push({ path, message: outcome.message });
  }
}
